//! Roles and actions of a deployment's own: the file that `roles.file` names. That a wrong file keeps `kedge` from
//! starting stands with the program (`commands`).

use serde_json::json;

use crate::support::{Options, PASSWORD, Place, ROLES, Server, assert_error, lacking, names};

const FILE: &str = "
actions: [x-brew, x-pour]
roles:
  - {name: brewer, description: Brews the tea, actions: [x-brew, listUsers, getRole, listRoles]}
";

/// A Kedge with that file.
async fn with_file(place: &Place) -> Server {
    let file = place.top.join("roles.yaml");
    std::fs::write(&file, FILE).unwrap();
    let path: &'static str = file.to_str().unwrap().to_owned().leak();
    let environment = vec![("KEDGE_ROLES__FILE", path)];
    // Read once, at the start.
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    std::fs::remove_file(&file).unwrap();
    server
}

#[tokio::test]
async fn own_role_is_listed_among_the_others_and_can_be_changed() {
    let place = Place::new();
    let server = with_file(&place).await;
    let admin = server.admin();
    let list = names(&admin.get(ROLES).await.expect(200), "name");
    assert_eq!(list.len(), 13);
    assert!(list.is_sorted() && list.contains(&"brewer".to_owned()), "{list:?}");
    let brewer = admin.get(&format!("{ROLES}/brewer")).await.expect(200);
    assert_eq!((&brewer["immutable"], &brewer["description"]), (&json!(false), &json!("Brews the tea")));
    assert_eq!(names(&brewer["permissions"], "action"), ["getRole", "listRoles", "listUsers", "x-brew"]);
    let built_in = admin.get(&format!("{ROLES}/read-only")).await.expect(200);
    assert_eq!(built_in["immutable"], true);
    assert!(brewer["created_at"].as_str() >= built_in["created_at"].as_str(), "{brewer} {built_in}");
}

#[tokio::test]
async fn own_role_grants_what_the_file_says() {
    let place = Place::new();
    let server = with_file(&place).await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "brewer", "acme").await;
    assert_eq!(names(&alice.get("/v2/accounts/acme/users").await.expect(200), "username"), ["alice"]);
    assert_eq!(alice.get(ROLES).await.expect(200).as_array().unwrap().len(), 13);
    let user = alice.get("/v2/accounts/acme/users/alice").await;
    assert_error(&user, 403, &lacking("acme", "getUser"));
    assert_eq!(names(&alice.get("/v2/user").await.expect(200)["unified_roles"], "role_name"), ["brewer"]);
}

#[tokio::test]
async fn role_that_the_file_has_no_longer_grants_nothing() {
    let place = Place::new();
    let server = with_file(&place).await;
    server.user("acme", "alice").await;
    server.grant("alice", "brewer", "acme").await;
    let without = server.another_node().await.basic("alice", PASSWORD);
    assert_error(&without.get("/v2/accounts/acme/users").await, 403, &lacking("acme", "listUsers"));
    assert_eq!(without.get("/v2/rbac-manager/my-roles").await.expect(200), json!([]));
}
