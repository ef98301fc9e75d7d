//! Who may not grant, take away or list, and what they learn by trying.

use serde_json::json;

use crate::support::{Answer, Client, Server, assert_error, assert_problem, lacking, members, names, send};

/// Every operation on the members of a role, with the name of its action.
async fn try_all(client: &Client, role: &str, username: &str, account: &str) -> [(Answer, &'static str); 3] {
    let path = members(role);
    [
        (client.get(&format!("{path}?domain_name={account}")).await, "listRoleMembers"),
        (client.post(&path, json!({ "username": username, "domain_name": account })).await, "createRoleMember"),
        (client.delete(&format!("{path}?username={username}&for_account={account}")).await, "deleteRoleMember"),
    ]
}

#[tokio::test]
async fn permission_is_asked_before_role_and_user_are_looked_up() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "read-write", "acme").await;
    for role in ["read-only", "queen"] {
        for username in ["alice", "nobody"] {
            for (answer, action) in try_all(&alice, role, username, "acme").await {
                assert_error(&answer, 403, &lacking("acme", action));
            }
        }
    }
}

#[tokio::test]
async fn account_that_does_not_exist_looks_like_a_foreign_one() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.account("gone").await;
    server.delete_account("gone").await;
    server.account("shut").await;
    server.set_state("shut", "disabled").await;
    server.grant("alice", "full-control", "acme").await;
    for account in ["court", "zzz", "system", "anchore-system", "admin", "gone", "shut"] {
        for (answer, action) in try_all(&alice, "read-only", "alice", account).await {
            assert_error(&answer, 403, &lacking(account, action));
        }
    }
}

#[tokio::test]
async fn admin_is_told_what_is_not_there() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let admin = server.admin();
    for account in ["zzz", "system", "anchore-system"] {
        for (answer, _) in try_all(&admin, "read-only", "alice", account).await {
            assert_error(&answer, 404, "Account not found");
        }
    }
    for (answer, _) in try_all(&admin, "queen", "alice", "acme").await {
        assert_error(&answer, 404, "Role not found");
    }
    for (answer, action) in try_all(&admin, "read-only", "nobody", "acme").await {
        if action != "listRoleMembers" {
            assert_error(&answer, 404, "User not found");
        }
    }
}

#[tokio::test]
async fn user_of_a_deleted_account_is_not_there() {
    let server = Server::start().await;
    server.user("gone", "rabbit").await;
    server.account("acme").await;
    server.grant("rabbit", "read-only", "acme").await;
    server.delete_account("gone").await;
    let [(list, _), (granted, _), (taken, _)] = try_all(&server.admin(), "read-only", "rabbit", "acme").await;
    assert_eq!(list.expect(200), json!([]));
    assert_error(&granted, 404, "User not found");
    assert_error(&taken, 404, "User not found");
}

#[tokio::test]
async fn key_lists_members_and_changes_none() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "full-control", "acme").await;
    for client in [&alice, &server.admin()] {
        let key = server.key(&server.key_of(client, "k").await);
        let [(list, _), (granted, _), (taken, _)] = try_all(&key, "full-control", "alice", "acme").await;
        assert_eq!(names(&list.expect(200), "username"), ["alice"]);
        for refused in [granted, taken] {
            assert_error(&refused, 403, "Not authorized. Operation not allowed with an API key");
        }
        // Before anything of the request is judged.
        let rubbish = key.request("POST", &members("queen")).header("content-type", "application/json").body("{");
        assert_error(&send(rubbish).await, 403, "Not authorized. Operation not allowed with an API key");
        let bare = key.delete(&members("queen")).await;
        assert_error(&bare, 403, "Not authorized. Operation not allowed with an API key");
    }
}

#[tokio::test]
async fn body_is_parsed_before_permission_is_asked_and_judged_no_further() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    assert_problem(
        &alice.post(&members("read-only"), json!({ "username": 7, "domain_name": "acme" })).await,
        400,
        "username",
    );
    let unknown = json!({ "username": "nobody", "domain_name": "acme" });
    assert_error(&alice.post(&members("queen"), unknown).await, 403, &lacking("acme", "createRoleMember"));
    // Without a user, what is missing first is the permission.
    let taken = alice.delete(&format!("{}?domain_name=acme", members("queen"))).await;
    assert_error(&taken, 403, &lacking("acme", "deleteRoleMember"));
}

#[tokio::test]
async fn nothing_is_granted_in_an_account_that_was_deleted() {
    let server = Server::start().await;
    server.user("court", "rabbit").await;
    server.account("acme").await;
    server.delete_account("acme").await;
    let granted =
        server.admin().post(&members("read-only"), json!({ "username": "rabbit", "domain_name": "acme" })).await;
    assert_error(&granted, 400, "Account acme is being deleted");
}

#[tokio::test]
async fn disabled_account_is_closed_to_its_members_and_open_to_admins() {
    let server = Server::start().await;
    let rabbit = server.user("court", "rabbit").await;
    server.user("court", "alice").await;
    server.account("acme").await;
    server.grant("rabbit", "full-control", "acme").await;
    server.set_state("acme", "disabled").await;
    for (answer, _) in try_all(&rabbit, "read-only", "alice", "acme").await {
        assert_error(&answer, 403, "Not authorized. Account acme not enabled.");
    }
    let [(list, _), (granted, _), (taken, _)] = try_all(&server.admin(), "read-only", "alice", "acme").await;
    assert_eq!((list.status, granted.status, taken.status), (200, 200, 204));
}
