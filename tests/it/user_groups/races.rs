//! Groups that are changed by two at once.

use serde_json::json;

use super::GROUPS;
use crate::support::{Server, assert_error, names};

#[tokio::test]
async fn two_creations_of_one_group_make_one() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let (here, there) = (server.admin(), other_node.admin());
    for round in 0..4 {
        let group = json!({ "name": format!("cards{round}") });
        let (a, b) = tokio::join!(here.post(GROUPS, group.clone()), there.post(GROUPS, group));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{a:?} {b:?}");
    }
    assert_eq!(here.get(GROUPS).await.expect(200).as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn additions_beside_the_deletion_of_the_group_are_whole_or_find_none() {
    let server = Server::start().await;
    let admin = server.admin();
    let alice = server.user("acme", "alice").await;
    server.user("acme", "hatter").await;
    for round in 0..8 {
        let group = server.group(&format!("cards{round}")).await;
        server.join_group(&group, "alice").await;
        let users = json!({ "usernames": [{ "username": "alice" }, { "username": "hatter" }] });
        let roles = json!({ "domain_name": "acme", "roles": [{ "role": "read-only" }] });
        let (of_users, of_roles) = (format!("{group}/users"), format!("{group}/roles"));
        let (added, given, deleted) =
            tokio::join!(admin.post(&of_users, users), admin.post(&of_roles, roles), admin.delete(&group));
        for answer in [added, given] {
            if answer.status != 201 {
                assert_error(&answer, 404, "User group not found");
            }
        }
        assert_eq!(deleted.status, 204, "{deleted:?}");
        assert_error(&admin.get(&group).await, 404, "User group not found");
    }
    assert_eq!(alice.get("/v2/user").await.expect(200)["unified_roles"], json!([]));
}

#[tokio::test]
async fn additions_of_the_same_users_make_each_a_member_once() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let (here, there) = (server.admin(), other_node.admin());
    for username in ["alice", "hatter", "rabbit"] {
        server.user("acme", username).await;
    }
    let forth = json!({ "usernames": [{ "username": "alice" }, { "username": "hatter" }, { "username": "rabbit" }] });
    let back = json!({ "usernames": [{ "username": "rabbit" }, { "username": "hatter" }, { "username": "alice" }] });
    for round in 0..4 {
        let users = format!("{}/users", server.group(&format!("cards{round}")).await);
        let (a, b) = tokio::join!(here.post(&users, forth.clone()), there.post(&users, back.clone()));
        assert_eq!((a.status, b.status), (201, 201), "{a:?} {b:?}");
        let list = here.get(&users).await.expect(200);
        assert_eq!(names(&list["items"], "username"), ["alice", "hatter", "rabbit"]);
    }
}

#[tokio::test]
async fn addition_beside_the_deletion_of_its_user_leaves_no_member() {
    let server = Server::start().await;
    let admin = server.admin();
    let users = format!("{}/users", server.group("cards").await);
    for _ in 0..5 {
        server.user("acme", "alice").await;
        let request = json!({ "usernames": [{ "username": "alice" }] });
        let (added, deleted) = tokio::join!(admin.post(&users, request), admin.delete("/v2/accounts/acme/users/alice"));
        assert!([201, 404].contains(&added.status), "{added:?}");
        assert_eq!(deleted.status, 204, "{deleted:?}");
        assert_eq!(admin.get(&users).await.expect(200), json!({ "items": [] }));
    }
}
