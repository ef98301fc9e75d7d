//! An account's auditors see every change of rights in it, wherever it was made, and nothing of other accounts.

use serde_json::{Value, json};

use super::{records, write_tally};
use crate::support::{PASSWORD, Server, idp::Says};

/// What the auditors of an account see of what was made since: type and names.
async fn seen(server: &Server, account: &str, kind: &str) -> Vec<String> {
    let path = format!("/v2/events?event_type=user.identity.{kind}");
    let auditor = server.basic(&format!("auditor-of-{account}"), PASSWORD);
    let found = auditor.get(&path).await.expect(200);
    let names = |event: &Value| {
        let names = event["event"]["details"]["names"].as_array().cloned().unwrap_or_default();
        names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    found["results"].as_array().unwrap().iter().map(names).collect()
}

/// The accounts `acme`, with `alice`, and `tea-party`, with `bob`, and `elsewhere`, each with an auditor.
async fn world() -> Server {
    let server = Server::start().await;
    for account in ["acme", "tea-party", "elsewhere"] {
        let auditor = format!("auditor-of-{account}");
        server.user(account, &auditor).await;
        server.grant(&auditor, "read-only", account).await;
    }
    server.user("acme", "alice").await;
    server.user("tea-party", "bob").await;
    server
}

#[tokio::test]
async fn who_gets_and_loses_rights_by_a_group_is_seen_where_they_count_and_where_they_live() {
    let server = world().await;
    let admin = server.admin();
    let group = server.group("hatters").await;
    let users = json!({ "usernames": [{ "username": "alice" }, { "username": "bob" }] });
    admin.post(&format!("{group}/users"), users.clone()).await.expect(201);
    // Where the group has no role, each account sees its own alone.
    assert_eq!(seen(&server, "acme", "add_user_group_users").await, ["hatters alice"]);
    assert_eq!(seen(&server, "tea-party", "add_user_group_users").await, ["hatters bob"]);

    server.give_group(&group, "full-control", "acme").await;
    assert_eq!(seen(&server, "acme", "add_user_group_roles").await, ["hatters acme full-control"]);
    admin.delete(&format!("{group}/users?username=alice&username=bob")).await.expect(204);
    assert_eq!(seen(&server, "acme", "delete_user_group_users").await, ["hatters alice bob"]);
    assert_eq!(seen(&server, "tea-party", "delete_user_group_users").await, ["hatters bob"]);

    // By the id of the grant, and in two accounts at once.
    server.give_group(&group, "read-only", "tea-party").await;
    let roles = admin.get(&format!("{group}/roles")).await.expect(200);
    let id = |item: &Value| item["roles"][0]["membership_id"].as_str().unwrap().to_owned();
    let ids: Vec<_> = roles["items"].as_array().unwrap().iter().map(id).collect();
    admin.delete(&format!("{group}/roles?membership_id={}&membership_id={}", ids[0], ids[1])).await.expect(204);
    assert_eq!(seen(&server, "acme", "delete_user_group_role").await, ["hatters acme full-control"]);
    assert_eq!(seen(&server, "tea-party", "delete_user_group_role").await, ["hatters tea-party read-only"]);

    server.give_group(&group, "read-only", "acme").await;
    server.join_group(&group, "bob").await;
    admin.delete(&group).await.expect(204);
    for account in ["acme", "tea-party"] {
        assert_eq!(seen(&server, account, "delete_user_group").await, ["hatters"], "{account}");
    }
    assert_eq!(seen(&server, "elsewhere", "*group*").await, [""; 0]);
    // Each has the id that the group was made with.
    let id = group.rsplit('/').next().unwrap();
    let all = records(&server).await;
    let of_group: Vec<_> = all.iter().filter(|record| record["resource_type"] == "user_group").collect();
    assert_eq!(of_group.len(), 14, "{of_group:?}");
    assert!(of_group.iter().all(|record| record["resource_id"] == id), "{of_group:?}");
}

#[tokio::test]
async fn end_of_a_user_is_seen_wherever_it_had_rights() {
    let server = world().await;
    let admin = server.admin();
    server.user("acme", "carol").await;
    server.grant("carol", "read-only", "tea-party").await;
    admin.delete("/v2/accounts/acme/users/carol").await.expect(204);
    for (account, times) in [("acme", 1), ("tea-party", 1), ("elsewhere", 0)] {
        assert_eq!(seen(&server, account, "delete_user").await.len(), times, "{account}");
    }
    server.account("wonderland").await;
    server.user("wonderland", "dinah").await;
    server.group_of("dinah", "read-only", "tea-party").await;
    admin.put("/v2/accounts/wonderland/state", json!({ "state": "disabled" })).await.expect(200);
    admin.delete("/v2/accounts/wonderland").await.expect(204);
    for (account, times) in [("acme", 0), ("tea-party", 1), ("elsewhere", 0)] {
        assert_eq!(seen(&server, account, "delete_account").await.len(), times, "{account}");
    }
}

#[tokio::test]
async fn end_of_a_provider_and_of_its_mapping_is_seen_where_its_users_had_rights() {
    let server = world().await;
    let admin = server.admin();
    server.idp(json!({ "default_account": "acme", "allow_unsolicited": true })).await;
    let group = server.group("hatters").await;
    server.give_group(&group, "read-only", "tea-party").await;
    let id = group.rsplit('/').next().unwrap();
    let mappings = "/v2/rbac-manager/saml/idps/wonderland/user-group-mappings";
    admin.post(mappings, json!({ "user_group_uuids": [id] })).await.expect(200);
    Says::of("carol", None).with("memberOf", "hatters").to(&server).await.expect(200);
    admin.delete(&format!("{mappings}?user_group={id}")).await.expect(204);
    server.grant("carol", "read-only", "tea-party").await;
    admin.delete("/v2/rbac-manager/saml/idps/wonderland").await.expect(204);
    for (account, times) in [("acme", 1), ("tea-party", 1), ("elsewhere", 0)] {
        assert_eq!(seen(&server, account, "delete_idp_user_group").await.len(), times, "{account}");
        assert_eq!(seen(&server, account, "delete_idp").await.len(), times, "{account}");
    }
}

#[tokio::test]
async fn failed_sign_in_as_a_user_is_seen_where_the_user_lives() {
    let server = world().await;
    for name in ["alice", "bob", "nobody", "others"] {
        server.basic(name, "wrong-password").get("/v2/user").await.expect(401);
    }
    server.ask_for_tokens("alice", "wrong-password").await.expect(400);
    write_tally(&server).await;
    let all = records(&server).await;
    let failed: Vec<_> = all.iter().filter(|record| record["type"] == "system.security.sign_in_failed").collect();
    let account = |name: &str| {
        let of: Vec<_> = failed.iter().filter(|record| record["details"]["user"] == name).collect();
        assert!(!of.is_empty(), "{name}");
        let accounts: Vec<_> = of.iter().map(|record| record["account"].clone()).collect();
        assert!(of.iter().all(|record| record["details"]["user_account"] == record["account"]), "{of:?}");
        assert!(accounts.iter().all(|account| *account == accounts[0]), "{accounts:?}");
        accounts[0].clone()
    };
    assert_eq!(["alice", "bob", "nobody"].map(account), [json!("acme"), json!("tea-party"), Value::Null]);
    let auditor = server.basic("auditor-of-acme", PASSWORD);
    let found = auditor.get("/v2/events?level=error").await.expect(200);
    let users: Vec<_> =
        found["results"].as_array().unwrap().iter().map(|e| e["event"]["details"]["user"].clone()).collect();
    assert!(!users.is_empty() && users.iter().all(|user| user == "alice"), "{users:?}");
}
