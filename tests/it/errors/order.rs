//! In which order a request is judged: route, method, caller, account, permission, body.

use serde_json::{Value, json};

use crate::support::{Client, Server, assert_error, assert_problem, send};

/// Every way in which a body can be wrong: media type, length that is told, JSON, property.
fn wrong_bodies(client: &Client, method: &str, path: &str) -> [reqwest::RequestBuilder; 5] {
    let request = || client.request(method, path);
    let json = || request().header("content-type", "application/json");
    [
        request().header("content-type", "text/plain").body("rubbish"),
        request(),
        json().body(vec![b' '; 1024 * 1024 + 1]),
        json().body("{"),
        json().body(r#"{"name": 7, "username": 7, "state": 7, "type": 7, "email": 7, "service_name": 7}"#),
    ]
}

/// The operations that take a body, and what a plain user of acme lacks for them.
const WITH_BODY: [(&str, &str, &str); 6] = [
    ("POST", "/v2/accounts", "domain=system action=createAccount"),
    ("PUT", "/v2/accounts/acme", "domain=system action=updateAccount"),
    ("PUT", "/v2/accounts/acme/state", "domain=system action=updateAccount"),
    ("POST", "/v2/accounts/acme/users", "domain=acme action=createUser"),
    ("POST", "/v2/accounts/acme/users/alice/credentials", "domain=acme action=updateUser"),
    ("POST", "/v2/system/logging", "domain=system action=updateLoggingLevel"),
];

#[tokio::test]
async fn caller_is_known_before_the_body_is_judged() {
    let server = Server::start().await;
    for (method, path, _) in WITH_BODY {
        for request in wrong_bodies(&server.nobody(), method, path) {
            assert_error(&send(request).await, 401, "Unauthorized");
        }
    }
}

#[tokio::test]
async fn permission_is_asked_before_the_body_is_judged() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for (method, path, lacking) in WITH_BODY {
        for request in wrong_bodies(&alice, method, path) {
            let refusal = format!("Not authorized. Requires permissions: {lacking} target=*");
            assert_error(&send(request).await, 403, &refusal);
        }
    }
}

#[tokio::test]
async fn key_is_refused_before_permission_and_body() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "k").await);
    for (method, path, _) in WITH_BODY.into_iter().filter(|(_, path, _)| !path.ends_with("logging")) {
        for request in wrong_bodies(&key, method, path) {
            assert_error(&send(request).await, 403, "Not authorized. Operation not allowed with an API key");
        }
    }
}

#[tokio::test]
async fn body_is_judged_at_last() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    for (method, path, _) in WITH_BODY {
        let statuses = [415, 415, 413, 400, 400];
        for (request, status) in wrong_bodies(&server.admin(), method, path).into_iter().zip(statuses) {
            assert_problem(&send(request).await, status, "");
        }
    }
}

#[tokio::test]
async fn account_of_the_path_is_looked_up_before_the_body_is_judged() {
    let server = Server::start().await;
    let answer = server.admin().post("/v2/accounts/zzz/users", Value::Null).await;
    assert_error(&answer, 404, "Account not found");
}

#[tokio::test]
async fn body_of_an_operation_that_takes_none_is_not_looked_at() {
    let server = Server::start().await;
    server.account("acme").await;
    let admin = server.admin();
    let request = admin.request("GET", "/v2/accounts").header("content-type", "text/plain").body("rubbish");
    send(request).await.expect(200);
    server.set_state("acme", "disabled").await;
    send(admin.request("DELETE", "/v2/accounts/acme").json(&json!(["rubbish"]))).await.expect(204);
}
