//! Groups are for admins, and their changes for passwords.

use serde_json::json;

use super::GROUPS;
use crate::support::{Answer, Client, Server, assert_error, lacking, names};

/// Every operation on groups that changes nothing, with the name of its action.
async fn read_all(client: &Client, group: &str) -> [(Answer, &'static str); 4] {
    [
        (client.get(GROUPS).await, "listUserGroups"),
        (client.get(group).await, "getUserGroup"),
        (client.get(&format!("{group}/roles")).await, "getUserGroupRoles"),
        (client.get(&format!("{group}/users")).await, "getUserGroupUsers"),
    ]
}

/// Every operation that changes a group, with the name of its action.
async fn change_all(client: &Client, group: &str) -> [(Answer, &'static str); 7] {
    let roles = json!({ "domain_name": "acme", "roles": [{ "role": "full-control" }] });
    let users = json!({ "usernames": [{ "username": "alice" }] });
    [
        (client.post(GROUPS, json!({ "name": "intruders" })).await, "createUserGroup"),
        (client.patch(group, json!({ "description": "intruders" })).await, "updateUserGroup"),
        (client.post(&format!("{group}/roles"), roles).await, "addUserGroupRole"),
        (client.delete(&format!("{group}/roles?all_roles_for_account=acme")).await, "deleteUserGroupRole"),
        (client.post(&format!("{group}/users"), users).await, "addUserGroupUser"),
        (client.delete(&format!("{group}/users?username=alice")).await, "deleteUserGroupUser"),
        (client.delete(group).await, "deleteUserGroup"),
    ]
}

#[tokio::test]
async fn groups_are_for_admins_alone() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let hatter = server.user("acme", "hatter").await;
    let duchess = server.user("acme", "duchess").await;
    server.grant("hatter", "account-user-admin", "acme").await;
    server.grant("duchess", "full-control", "acme").await;
    let group = server.group("tea-drinkers").await;
    server.join_group(&group, "alice").await;
    for client in [alice, hatter, duchess] {
        for path in [&group, &format!("{GROUPS}/nowhere")] {
            let (read, changed) = (read_all(&client, path).await, change_all(&client, path).await);
            for (answer, action) in read.into_iter().chain(changed) {
                assert_error(&answer, 403, &lacking("system", action));
            }
        }
    }
    assert_eq!(names(&server.admin().get(GROUPS).await.expect(200), "name"), ["tea-drinkers"]);
}

#[tokio::test]
async fn any_user_of_the_admin_account_manages_groups() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let queen = server.user("admin", "queen").await;
    let group = server.group("tea-drinkers").await;
    for (answer, action) in read_all(&queen, &group).await {
        assert_eq!(answer.status, 200, "{action}: {answer:?}");
    }
    for (answer, action) in change_all(&queen, &group).await {
        assert!((200..300).contains(&answer.status), "{action}: {answer:?}");
    }
}

#[tokio::test]
async fn key_reads_groups_and_changes_none() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&server.admin(), "k").await);
    let group = server.group("tea-drinkers").await;
    let before = server.admin().get(GROUPS).await.expect(200);
    for (answer, _) in change_all(&key, &group).await {
        assert_error(&answer, 403, "Not authorized. Operation not allowed with an API key");
    }
    for (answer, action) in read_all(&key, &group).await {
        assert_eq!(answer.status, 200, "{action}: {answer:?}");
    }
    assert_eq!(key.get(GROUPS).await.expect(200), before);
}
