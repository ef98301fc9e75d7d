//! A role counts in its account, by path and by header, and nowhere else.

use kedge::authz::{
    access::{Access, DomainSource},
    policy::WITHOUT_ROLE,
};
use reqwest::Method;
use serde_json::json;

use crate::support::{PASSWORD, ROLES, Server, assert_error, lacking, members, names};

#[tokio::test]
async fn role_in_another_account_works_there_and_nowhere_else() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.user("court", "rabbit").await;
    server.account("tea-party").await;
    server.grant("alice", "account-user-admin", "court").await;

    assert_eq!(alice.get("/v2/accounts/court").await.expect(200)["name"], "court");
    assert_eq!(names(&alice.get("/v2/accounts/court/users").await.expect(200), "username"), ["rabbit"]);
    let user = json!({ "username": "knave", "password": PASSWORD });
    alice.post("/v2/accounts/court/users", user.clone()).await.expect(200);
    alice.delete("/v2/accounts/court/users/knave").await.expect(204);
    for account in ["acme", "tea-party", "admin"] {
        let path = format!("/v2/accounts/{account}/users");
        // The path says where, whatever the header says.
        for client in [alice.clone(), alice.clone().acting_in("court")] {
            assert_error(&client.get(&path).await, 403, &lacking(account, "listUsers"));
            assert_error(&client.post(&path, user.clone()).await, 403, &lacking(account, "createUser"));
        }
    }
    for (path, action) in [("/v2/accounts", "listAccounts"), ("/v2/system/user-groups", "listUserGroups")] {
        assert_error(&alice.clone().acting_in("court").get(path).await, 403, &lacking("system", action));
    }
}

#[tokio::test]
async fn full_control_of_an_account_is_none_of_the_system() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.grant("alice", "full-control", "acme").await;
    let body = json!({ "name": "court", "email": "a@acme.test", "state": "disabled" });
    for (answer, action) in [
        (alice.get("/v2/accounts").await, "listAccounts"),
        (alice.get("/v2/accounts/users").await, "listAllUsers"),
        (alice.post("/v2/accounts", body.clone()).await, "createAccount"),
        (alice.put("/v2/accounts/acme", body.clone()).await, "updateAccount"),
        (alice.put("/v2/accounts/acme/state", body).await, "updateAccount"),
        (alice.delete("/v2/accounts/acme").await, "deleteAccount"),
    ] {
        assert_error(&answer, 403, &lacking("system", action));
    }
    alice.get("/v2/accounts/acme/users").await.expect(200);
}

#[tokio::test]
async fn header_moves_every_operation_that_is_about_the_callers_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "full-control", "court").await;
    let alice = server.key(&server.key_of(&alice, "k").await);
    let events = server.admin().acting_in("court").get("/v2/events").await.expect(200);
    let event = events["results"][0]["event_id"].as_str().unwrap();
    let (_, table, _) = kedge::routes().finish();
    let mut moved = Vec::new();
    for (route, method, row) in table.rows() {
        let Access::Permitted(permission, _) = row.access else { continue };
        if !matches!(permission.domain, DomainSource::CallerAccount | DomainSource::RequestAccount)
            || *method != Method::GET
        {
            continue;
        }
        moved.push(route);
        let path = route.replace("{role_name}", "read-only").replace("{event_id}", event);
        let (action, at_home) = (permission.action.name(), alice.get(&path).await);
        if WITHOUT_ROLE.contains(&permission.action) {
            assert_eq!(at_home.status, 200, "{route}");
        } else {
            assert_error(&at_home, 403, &lacking("acme", action));
        }
        assert_eq!(alice.clone().acting_in("court").get(&path).await.status, 200, "{route}");
        assert_eq!(server.admin().acting_in("court").get(&path).await.status, 200, "{route}");
        for account in ["zzz", "admin", "tea-party"] {
            assert_error(&alice.clone().acting_in(account).get(&path).await, 403, &lacking(account, action));
        }
        let unknown = server.admin().acting_in("zzz").get(&path).await;
        assert_error(&unknown, 404, "User account not found. Name=zzz");
    }
    assert!(moved.len() >= 4 && moved.contains(&ROLES), "{moved:?}");
}

#[tokio::test]
async fn role_through_a_group_counts_as_if_it_were_granted() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.user("court", "rabbit").await;
    server.group_of("alice", "account-user-admin", "court").await;
    assert_eq!(names(&alice.get("/v2/accounts/court/users").await.expect(200), "username"), ["rabbit"]);
    let member = json!({ "username": "rabbit", "domain_name": "court" });
    assert_eq!(alice.post(&members("read-only"), member).await.expect(200)["username"], "rabbit");
    assert_error(&alice.get("/v2/accounts/acme/users").await, 403, &lacking("acme", "listUsers"));
}

#[tokio::test]
async fn disabled_account_is_closed_to_who_holds_a_role_there() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "full-control", "court").await;
    server.set_state("court", "disabled").await;
    let closed = "Not authorized. Account court not enabled.";
    let moved = alice.clone().acting_in("court");
    for answer in [
        alice.get("/v2/accounts/court").await,
        alice.get("/v2/accounts/court/users").await,
        moved.get("/v2/account").await,
        moved.get(ROLES).await,
        moved.get(&members("read-only")).await,
    ] {
        assert_error(&answer, 403, closed);
    }
    let admin = server.admin().acting_in("court");
    for path in ["/v2/accounts/court", "/v2/accounts/court/users", "/v2/account", ROLES] {
        admin.get(path).await.expect(200);
    }
    server.set_state("court", "enabled").await;
    moved.get(ROLES).await.expect(200);
}

#[tokio::test]
async fn user_of_a_disabled_account_is_refused_wherever_a_role_is_held() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    server.grant("alice", "full-control", "court").await;
    server.set_state("acme", "disabled").await;
    for path in ["/v2/accounts/court", "/v2/rbac-manager/my-roles", "/v2/my-user-groups"] {
        assert_error(&alice.get(path).await, 403, "Not authorized. Account acme not enabled.");
    }
}
