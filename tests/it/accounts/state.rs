//! `PUT /v2/accounts/{account_name}/state`, and what it means to be disabled.

use serde_json::json;

use crate::support::{Server, assert_error, assert_problem};

const STATE: &str = "/v2/accounts/acme/state";

#[tokio::test]
async fn account_goes_to_and_fro_and_again_where_it_is() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    for state in ["enabled", "disabled", "disabled", "enabled"] {
        let request = json!({ "state": state });
        assert_eq!(admin.put(STATE, request.clone()).await.expect(200), request);
        assert_eq!(admin.get("/v2/accounts/acme").await.expect(200)["state"], state);
    }
}

#[tokio::test]
async fn only_the_two_states_can_be_set() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    let states =
        [json!("bogus"), json!("deleting"), json!("Disabled"), json!(""), json!(null), json!(1), json!(["disabled"])];
    for state in states {
        assert_problem(&admin.put(STATE, json!({ "state": state })).await, 400, "state");
    }
    assert_problem(&admin.put(STATE, json!({})).await, 400, "state");
    // What serde would take for the same.
    assert_problem(&admin.put(STATE, json!({ "state": { "disabled": null } })).await, 400, "state");
    assert_problem(&admin.put(STATE, json!(["disabled"])).await, 400, "body");
    assert_eq!(admin.get("/v2/accounts/acme").await.expect(200)["state"], "enabled");
}

#[tokio::test]
async fn admin_account_stays_enabled() {
    let server = Server::start().await;
    let admin = server.admin();
    let answer = admin.put("/v2/accounts/admin/state", json!({ "state": "disabled" })).await;
    assert_error(&answer, 400, "Cannot disable the admin account");
    admin.put("/v2/accounts/admin/state", json!({ "state": "enabled" })).await.expect(200);
}

#[tokio::test]
async fn unknown_account_is_not_found() {
    let server = Server::start().await;
    let answer = server.admin().put("/v2/accounts/zzz/state", json!({ "state": "disabled" })).await;
    assert_error(&answer, 404, "Account not found");
}

#[tokio::test]
async fn users_of_a_disabled_account_are_refused_everywhere_at_once() {
    let server = Server::start().await;
    let other_node = server.another_node().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    server.set_state("acme", "disabled").await;
    let alice_elsewhere = other_node.basic("alice", crate::support::PASSWORD);
    for client in [alice, alice_elsewhere, server.key(&key), other_node.key(&key)] {
        for answer in [
            client.get("/v2/user").await,
            client.get("/v2/account").await,
            client.get("/v2/status").await,
            client.get("/v2/accounts").await,
            client.get("/v2/accounts/acme").await,
            client.get("/v2/accounts/zzz").await,
            client.post("/v2/user/credentials", json!({ "broken": true })).await,
            client.delete("/v2/user/api-keys/k").await,
            client.clone().acting_in("admin").get("/v2/account").await,
        ] {
            assert_error(&answer, 403, "Not authorized. Account acme not enabled.");
            assert_eq!(answer.body["error_type"], "account_not_enabled");
        }
    }
}

#[tokio::test]
async fn users_of_an_account_that_is_enabled_again_work_as_before() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    server.set_state("acme", "disabled").await;
    server.set_state("acme", "enabled").await;
    alice.get("/v2/user").await.expect(200);
    server.key(&key).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn wrong_password_in_a_disabled_account_is_the_one_401() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.set_state("acme", "disabled").await;
    assert_error(&server.basic("alice", "wrong-password").get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn admin_works_in_a_disabled_account() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.set_state("acme", "disabled").await;
    let admin = server.admin();
    assert_eq!(admin.get("/v2/accounts/acme").await.expect(200)["state"], "disabled");
    let user = json!({ "username": "bob", "password": crate::support::PASSWORD });
    admin.post("/v2/accounts/acme/users", user).await.expect(200);
    admin.delete("/v2/accounts/acme/users/alice").await.expect(204);
}
