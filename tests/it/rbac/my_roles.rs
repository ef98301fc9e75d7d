//! `GET /v2/rbac-manager/my-roles`.

use serde_json::{Value, json};

use super::MY_ROLES;
use crate::support::{ROLES, Server, names};

/// What is held where, as `account role`.
fn held(list: &Value) -> Vec<String> {
    let entries = list.as_array().unwrap().iter();
    let name = |value: &Value| value.as_str().unwrap().to_owned();
    entries.map(|entry| format!("{} {}", name(&entry["domain_name"]), name(&entry["roles"]["name"]))).collect()
}

#[tokio::test]
async fn user_without_a_role_has_none() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    assert_eq!(alice.get(MY_ROLES).await.expect(200), json!([]));
    assert_eq!(server.admin().get(MY_ROLES).await.expect(200), json!([]));
}

#[tokio::test]
async fn role_is_told_whole_with_the_account_it_is_held_in() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.set_state("court", "disabled").await;
    server.grant("alice", "read-only", "court").await;
    let admin = server.admin();
    let role = admin.get(&format!("{ROLES}/read-only")).await.expect(200);
    let account = admin.get("/v2/accounts/court").await.expect(200);
    assert_eq!(account["state"], "disabled");
    let expected = json!([{ "domain_name": "court", "for_account": "court", "roles": role, "account": account }]);
    assert_eq!(alice.get(MY_ROLES).await.expect(200), expected);
}

#[tokio::test]
async fn roles_are_sorted_by_account_and_name_and_told_once_however_they_came() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("Court").await;
    for (role, account) in [("read-write", "acme"), ("read-only", "acme"), ("report-admin", "Court")] {
        server.grant("alice", role, account).await;
    }
    let group = server.group_of("alice", "read-only", "acme").await;
    server.give_group(&group, "full-control", "acme").await;
    let other = server.group("card-players").await;
    server.give_group(&other, "read-only", "acme").await;
    server.join_group(&other, "alice").await;
    let expected = ["Court report-admin", "acme full-control", "acme read-only", "acme read-write"];
    assert_eq!(held(&alice.get(MY_ROLES).await.expect(200)), expected);
}

#[tokio::test]
async fn header_is_ignored_and_a_key_will_do() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "read-only", "acme").await;
    let mine = alice.get(MY_ROLES).await.expect(200);
    let key = server.key(&server.key_of(&alice, "k").await);
    assert_eq!(key.get(MY_ROLES).await.expect(200), mine);
    for account in ["admin", "zzz", "acme"] {
        assert_eq!(key.clone().acting_in(account).get(MY_ROLES).await.expect(200), mine);
    }
}

#[tokio::test]
async fn account_that_was_deleted_is_not_told() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "read-only", "court").await;
    server.grant("alice", "read-only", "acme").await;
    server.delete_account("court").await;
    assert_eq!(names(&alice.get(MY_ROLES).await.expect(200), "domain_name"), ["acme"]);
}
