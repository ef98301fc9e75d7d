//! `GET /v2/rbac-manager/roles` and one of them.

use serde_json::json;

use crate::support::{ROLES, Server, assert_error, assert_problem, lacking, names};

#[tokio::test]
async fn built_in_roles_are_listed_by_name() {
    let server = Server::start().await;
    let list = server.admin().get(ROLES).await.expect(200);
    let built_in = [
        "account-user-admin",
        "full-control",
        "image-analyzer",
        "image-developer",
        "image-lifecycle",
        "inventory-agent",
        "policy-editor",
        "read-only",
        "read-write",
        "registry-editor",
        "repo-analyzer",
        "report-admin",
    ];
    assert_eq!(names(&list, "name"), built_in);
    for role in list.as_array().unwrap() {
        let mut properties: Vec<&String> = role.as_object().unwrap().keys().collect();
        properties.sort_unstable();
        assert_eq!(properties, ["created_at", "description", "name"]);
        assert_ne!(role["description"], "");
    }
}

#[tokio::test]
async fn role_tells_what_it_grants() {
    let server = Server::start().await;
    let admin = server.admin();
    for summary in admin.get(ROLES).await.expect(200).as_array().unwrap() {
        let role = admin.get(&format!("{ROLES}/{}", summary["name"].as_str().unwrap())).await.expect(200);
        for property in ["name", "description", "created_at"] {
            assert_eq!(role[property], summary[property]);
        }
        assert_eq!(role["immutable"], true);
        assert_eq!(role["last_updated"], role["created_at"]);
        let permissions = role["permissions"].as_array().unwrap();
        assert!(!permissions.is_empty() && permissions.iter().all(|permission| permission["target"] == "*"), "{role}");
    }
    let full_control = admin.get(&format!("{ROLES}/full-control")).await.expect(200);
    assert_eq!(full_control["permissions"], json!([{ "action": "*", "target": "*" }]));
    let read_only = admin.get(&format!("{ROLES}/read-only")).await.expect(200);
    let actions = names(&read_only["permissions"], "action");
    assert!(actions.is_sorted(), "{actions:?}");
    assert!(actions.contains(&"listImages".to_owned()) && !actions.contains(&"createImage".to_owned()), "{actions:?}");
}

#[tokio::test]
async fn role_that_is_not_there_is_not_found() {
    let server = Server::start().await;
    for name in ["queen", "Read-Only", "read-only%20", "%2A", "%F0%9F%90%87"] {
        assert_error(&server.admin().get(&format!("{ROLES}/{name}")).await, 404, "Role not found");
    }
    assert_problem(&server.admin().get(&format!("{ROLES}/%00")).await, 400, "path");
}

#[tokio::test]
async fn roles_are_shown_to_who_holds_the_action_in_the_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let one = format!("{ROLES}/read-only");
    for role in ["", "inventory-agent", "policy-editor"] {
        if !role.is_empty() {
            server.grant("alice", role, "acme").await;
        }
        assert_error(&alice.get(ROLES).await, 403, &lacking("acme", "listRoles"));
        assert_error(&alice.get(&one).await, 403, &lacking("acme", "getRole"));
        // Who may not look learns nothing of which roles there are.
        assert_error(&alice.get(&format!("{ROLES}/queen")).await, 403, &lacking("acme", "getRole"));
    }
    server.grant("alice", "read-only", "acme").await;
    assert_eq!(alice.get(ROLES).await.expect(200), server.admin().get(ROLES).await.expect(200));
    assert_eq!(alice.get(&one).await.expect(200)["name"], "read-only");
    assert_error(&alice.get(&format!("{ROLES}/queen")).await, 404, "Role not found");
    server.key(&server.key_of(&alice, "k").await).get(ROLES).await.expect(200);
}

#[tokio::test]
async fn header_names_the_account_in_which_the_roles_are_asked_for() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "read-only", "court").await;
    let one = format!("{ROLES}/read-only");
    assert_error(&alice.get(ROLES).await, 403, &lacking("acme", "listRoles"));
    assert_error(&alice.get(&one).await, 403, &lacking("acme", "getRole"));
    let moved = alice.clone().acting_in("court");
    moved.get(ROLES).await.expect(200);
    moved.get(&one).await.expect(200);
    assert_error(&alice.acting_in("zzz").get(ROLES).await, 403, &lacking("zzz", "listRoles"));
    let nowhere = server.admin().acting_in("zzz").get(&one).await;
    assert_error(&nowhere, 404, "User account not found. Name=zzz");
}
