//! A password set or replaced.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use crate::support::{Options, PASSWORD, Server, assert_error, assert_problem};

const CREDENTIALS: &str = "/v2/accounts/acme/users/alice/credentials";
const OWN: &str = "/v2/user/credentials";
const NEW: &str = "down-the-rabbit-hole";

#[tokio::test]
async fn replaced_password_stops_and_the_new_one_works_at_once() {
    for own in [false, true] {
        let server = Server::start().await;
        let other_node = server.another_node().await;
        let alice = server.user("acme", "alice").await;
        other_node.basic("alice", PASSWORD).get("/v2/user").await.expect(200);
        let (client, path) = if own { (alice, OWN) } else { (server.admin(), CREDENTIALS) };
        client.post(path, json!({ "type": "password", "value": NEW })).await.expect(200);
        for node in [&server, &other_node] {
            assert_error(&node.basic("alice", PASSWORD).get("/v2/user").await, 401, "Unauthorized");
            node.basic("alice", NEW).get("/v2/user").await.expect(200);
        }
    }
}

#[tokio::test]
async fn keys_live_on_when_the_password_changes() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    alice.post(OWN, json!({ "type": "password", "value": NEW })).await.expect(200);
    server.key(&key).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn answer_is_masked_and_dated() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:34:57 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    server.app.clock.set(datetime!(2026-11-23 08:00:00 UTC));
    let request = json!({ "type": "password", "value": NEW, "created_at": "1970-01-01T00:00:00Z", "zzz": 1 });
    let set = server.admin().post(CREDENTIALS, request).await.expect(200);
    assert_eq!(set, json!({ "type": "password", "value": "********", "created_at": "2026-11-23T08:00:00Z" }));
    let user = server.admin().get("/v2/accounts/acme/users/alice").await.expect(200);
    assert_eq!(user["password_last_updated"], "2026-11-23T08:00:00Z");
    assert_eq!(user["last_updated"], "2026-11-23T08:00:00Z");
    assert_eq!(user["created_at"], "2026-11-22T19:34:57Z");
}

#[tokio::test]
async fn user_without_a_password_gets_one_again() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let admin = server.admin();
    admin.delete(&format!("{CREDENTIALS}?credential_type=password")).await.expect(204);
    assert_error(&alice.get("/v2/user").await, 401, "Unauthorized");
    admin.post(CREDENTIALS, json!({ "type": "password", "value": NEW })).await.expect(200);
    server.basic("alice", NEW).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn wrong_property_is_named() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for (request, field) in [
        (json!({ "type": "key", "value": NEW }), "'type'"),
        (json!({ "type": null, "value": NEW }), "'type'"),
        (json!({ "type": { "password": null }, "value": NEW }), "'type'"),
        (json!({ "value": NEW }), "type"),
        (json!({ "type": "password" }), "value"),
        (json!({ "type": "password", "value": null }), "'value'"),
        (json!({ "type": "password", "value": 123_456 }), "'value'"),
        (json!(["password", NEW]), "body"),
    ] {
        for (client, path) in [(server.admin(), CREDENTIALS), (alice.clone(), OWN)] {
            assert_problem(&client.post(path, request.clone()).await, 400, field);
        }
    }
    alice.get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn unknown_user_or_account_is_not_found() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.account("other").await;
    let admin = server.admin();
    let credential = json!({ "type": "password", "value": NEW });
    for user in ["acme/users/zzz", "other/users/alice"] {
        let answer = admin.post(&format!("/v2/accounts/{user}/credentials"), credential.clone()).await;
        assert_error(&answer, 404, "User not found");
    }
    let answer = admin.post("/v2/accounts/zzz/users/alice/credentials", credential).await;
    assert_error(&answer, 404, "Account not found");
    server.basic("alice", PASSWORD).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn saml_user_cannot_have_a_password() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let mut db = server.app.db.connection().await.unwrap();
    sqlx::query("update users set type = 'saml' where username = 'alice'").execute(&mut *db).await.unwrap();
    let answer = server.admin().post(CREDENTIALS, json!({ "type": "password", "value": NEW })).await;
    assert_error(&answer, 400, "A saml user cannot have a password");
    for password in [PASSWORD, NEW] {
        assert_error(&server.basic("alice", password).get("/v2/user").await, 401, "Unauthorized");
    }
}
