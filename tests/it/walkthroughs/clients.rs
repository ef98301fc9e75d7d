//! First contact as first-party clients make it, call by call.

use std::{sync::Arc, time::Duration};

use kedge::identity::collector;
use serde_json::{Value, json};

use crate::support::{Options, PASSWORD, Server, assert_error, assert_problem, send};

#[tokio::test]
async fn inventory_agent_learns_the_version_without_credentials() {
    let server = Server::start().await;
    let answer = server.nobody().get("/version").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let version = answer.expect(200);
    let level: Vec<u32> =
        version["service"]["version"].as_str().unwrap().split('.').map(|n| n.parse().unwrap()).collect();
    assert_eq!(level.len(), 3);
    assert!(level >= vec![5, 11, 0], "{version}");
    // The agent sends its credentials with it, too: good or bad, the answer is the same.
    assert_eq!(server.basic("nobody", "wrong").get("/version").await.expect(200), version);
}

#[tokio::test]
async fn admission_controller_finds_the_api_it_asks_for() {
    let server = Server::start().await;
    assert_eq!(server.nobody().get("/v2/version").await.expect(200)["api"], json!({ "version": "2" }));
}

#[tokio::test]
async fn empty_account_header_is_an_absent_one() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let key = server.key(&server.key_of(&alice, "cheshire-cat").await);
    for client in [alice, key] {
        for empty in ["", " "] {
            let client = client.clone().acting_in(empty);
            assert_eq!(client.get("/v2/account").await.expect(200)["name"], "mad-hatter-team");
        }
    }
}

#[tokio::test]
async fn errors_are_told_apart_by_their_detail_and_read_as_clients_expect() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let unknown = server.admin().acting_in("nowhere").get("/v2/account").await;
    assert_error(&unknown, 404, "User account not found. Name=nowhere");
    let forbidden = alice.acting_in("nowhere").get("/v2/account").await;
    let message = "Not authorized. Requires permissions: domain=nowhere action=getAccount target=*";
    assert_error(&forbidden, 403, message);
    let unserved = server.admin().acting_in("").post("/v2/kubernetes-inventory", json!({})).await;
    assert_problem(&unserved, 404, "The requested URL was not found");
}

#[tokio::test]
async fn client_is_told_the_api_at_its_base_url_without_a_redirect() {
    let server = Server::start().await;
    for base in ["/v2", "/v2/"] {
        assert_eq!(server.nobody().get(base).await.expect(200), "v2");
    }
}

#[tokio::test]
async fn anchorectl_signs_in_with_a_key() {
    let server = Server::start().await;
    let alice = server.user("mad-hatter-team", "alice").await;
    let value = server.key_of(&alice, "cheshire-cat").await;
    // Its file: `username: "_api_key"`, `password: <value>`, and a URL without `/v2`.
    let anchorectl = server.basic("_api_key", &value);
    anchorectl.get("/version").await.expect(200);
    assert_eq!(anchorectl.get("/v2/user").await.expect(200)["username"], "alice");
    assert_eq!(anchorectl.get("/v2/account").await.expect(200)["name"], "mad-hatter-team");
    let in_account = anchorectl.acting_in("mad-hatter-team");
    assert_eq!(in_account.get("/v2/account").await.expect(200)["name"], "mad-hatter-team");
}

#[tokio::test]
async fn answer_is_not_compressed_unasked() {
    let server = Server::start().await;
    let request = server.admin().request("GET", "/v2/openapi.json").header("accept-encoding", "identity");
    for answer in [send(request).await, server.admin().get("/v2/openapi.json").await] {
        assert_eq!(answer.header("content-encoding"), "");
        assert!(answer.body.is_object());
    }
}

#[tokio::test]
async fn smoke_test_account_comes_and_goes() {
    let server = Server::start().await;
    let admin = server.admin();
    let account = "/v2/accounts/smoke-test-account";
    for _ in 0..2 {
        assert_error(&admin.get(account).await, 404, "Account not found");
        let made = admin.post("/v2/accounts", json!({ "name": "smoke-test-account" })).await.expect(200);
        assert_eq!((&made["state"], &made["email"]), (&json!("enabled"), &Value::Null));
        let alice = json!({ "username": "alice", "password": PASSWORD });
        admin.post(&format!("{account}/users"), alice).await.expect(200);
        let key = server.key(&server.key_of(&server.basic("alice", PASSWORD), "cheshire-cat").await);

        let disabled = admin.put(&format!("{account}/state"), json!({ "state": "disabled" })).await.expect(200);
        assert_eq!(disabled, json!({ "state": "disabled" }));
        let deleted = admin.delete(account).await;
        assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
        assert_eq!(admin.get(account).await.expect(200)["state"], "deleting");
        assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
        let again = admin.post("/v2/accounts", json!({ "name": "smoke-test-account" })).await;
        assert_error(&again, 409, "Account already exists");

        // The key, the password, the user, the account.
        assert_eq!(collector::remove_accounts(&server.app.db).await.unwrap(), 4);
    }
    assert_error(&admin.get(account).await, 404, "Account not found");
}

#[tokio::test]
async fn deleted_account_vanishes_without_waiting_for_the_collectors_round() {
    let environment = vec![("KEDGE_CLEANUP__ACCOUNTS_INTERVAL_SECONDS", "3600")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let collector = tokio::spawn(collector::run(Arc::clone(&server.app)));
    let (admin, account) = (server.admin(), "/v2/accounts/smoke-test-account");
    // The first may still meet the round that every start begins with, the second cannot.
    for _ in 0..2 {
        server.account("smoke-test-account").await;
        admin.put(&format!("{account}/state"), json!({ "state": "disabled" })).await.expect(200);
        admin.delete(account).await.expect(204);
        let vanished = async { while admin.get(account).await.status != 404 {} };
        tokio::time::timeout(Duration::from_mins(1), vanished).await.expect("the collector comes when it is called");
    }
    collector.abort();
}
