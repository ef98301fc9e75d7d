//! An account from its first to its last day, by V1 alone; and that it is the same account in V2.

use serde_json::json;

use crate::support::{PASSWORD, Server, assert_error, names};

const ACME: &str = "/v1/accounts/acme";

fn cannot_go(from: &str, to: &str) -> String {
    format!("Invalid account state change requested. Cannot go from state {from} to state {to}")
}

#[tokio::test]
async fn account_comes_and_goes() {
    let server = Server::start().await;
    let admin = server.admin();
    let state = format!("{ACME}/state");
    admin.post("/v1/accounts", json!({ "name": "acme" })).await.expect(200);
    let alice = json!({ "username": "alice", "password": PASSWORD });
    admin.post(&format!("{ACME}/users"), alice).await.expect(200);
    let alice = server.basic("alice", PASSWORD);
    assert_eq!(alice.get("/v1/account").await.expect(200)["name"], "acme");
    assert_error(&admin.delete(ACME).await, 400, &cannot_go("enabled", "deleting"));

    for _ in 0..2 {
        let disabled = json!({ "state": "disabled" });
        assert_eq!(admin.put(&state, disabled.clone()).await.expect(200), disabled);
    }
    for path in ["/v1/account", "/v1/user", "/v2/user"] {
        assert_error(&alice.get(path).await, 403, "Not authorized. Account acme not enabled.");
    }
    let deleted = admin.delete(ACME).await;
    assert_eq!((deleted.status, deleted.header("content-type")), (200, "application/json"));
    assert_eq!(deleted.body, json!({ "state": "deleting" }));

    assert_error(&alice.get("/v1/user").await, 401, "Unauthorized");
    assert_error(&admin.delete(ACME).await, 400, &cannot_go("deleting", "deleting"));
    let enabled = json!({ "state": "enabled" });
    assert_error(&admin.put(&state, enabled).await, 400, &cannot_go("deleting", "enabled"));
    assert_eq!(admin.get(ACME).await.expect(200)["state"], "deleting");
    assert_eq!(admin.get("/v2/accounts/acme").await.expect(200), admin.get(ACME).await.expect(200));
    assert_error(&admin.post("/v1/accounts", json!({ "name": "acme" })).await, 409, "Account already exists");
}

#[tokio::test]
async fn what_one_version_does_the_other_sees() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    let rabbit = json!({ "username": "white-rabbit", "password": PASSWORD });
    admin.post(&format!("{ACME}/users"), rabbit).await.expect(200);
    let newer = admin.get("/v2/accounts/acme/users").await.expect(200);
    assert_eq!(names(&newer, "username"), ["white-rabbit"]);
    assert_eq!(newer[0]["account_name"], "acme");
    admin.delete("/v2/accounts/acme/users/white-rabbit").await.expect(204);
    assert_eq!(admin.get(&format!("{ACME}/users")).await.expect(200), json!([]));
    let deleted = admin.delete("/v1/accounts/acme/users/white-rabbit").await;
    assert_error(&deleted, 404, "User not found");
}

#[tokio::test]
async fn names_are_read_from_the_path_as_in_v2() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("ABC def", "a+b@c d").await;
    assert_eq!(admin.get("/v1/accounts/%41BC%20def").await.expect(200)["name"], "ABC def");
    let user = admin.get("/v1/accounts/ABC%20def/users/a%2Bb%40c%20d").await.expect(200);
    assert_eq!(user["username"], "a+b@c d");
}

#[tokio::test]
async fn header_moves_an_operation_as_in_v2() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.account("court").await;
    let admin = server.admin();
    assert_eq!(admin.clone().acting_in("acme").get("/v1/account").await.expect(200)["name"], "acme");
    assert_eq!(admin.clone().acting_in("").get("/v1/account").await.expect(200)["name"], "admin");
    assert_eq!(admin.clone().acting_in("acme").get("/v1/user").await.expect(200)["username"], "admin");
    let unknown = admin.acting_in("zzz").get("/v1/account").await;
    assert_error(&unknown, 404, "User account not found. Name=zzz");
    let refusal = "Not authorized. Requires permissions: domain=court action=getAccount target=*";
    assert_error(&alice.clone().acting_in("court").get("/v1/account").await, 403, refusal);
    server.grant("alice", "read-only", "court").await;
    assert_eq!(alice.acting_in("court").get("/v1/account").await.expect(200)["name"], "court");
}

#[tokio::test]
async fn key_signs_in_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    let key = server.key(&server.key_of(&admin, "cheshire-cat").await);
    assert_eq!(key.get("/v1/user").await.expect(200)["username"], "admin");
    assert_eq!(key.get("/v1/accounts").await.expect(200).as_array().map(Vec::len), Some(1));
    let with_a_key = "Not authorized. Operation not allowed with an API key";
    for answer in [
        key.post("/v1/accounts", json!({ "name": "acme" })).await,
        key.delete("/v1/accounts/admin").await,
        key.post("/v1/user/credentials", json!({ "type": "password", "value": PASSWORD })).await,
    ] {
        assert_error(&answer, 403, with_a_key);
    }
    assert_eq!(admin.get("/v1/accounts").await.expect(200).as_array().map(Vec::len), Some(1));
}
