//! The server about itself, and what is open to strangers.

use kedge::error::ErrorKind;
use serde_json::json;

use crate::support::{Server, assert_error, assert_problem, names};

#[tokio::test]
async fn version_tells_clients_what_they_compare() {
    let server = Server::start().await;
    let version = server.nobody().get("/v2/version").await.expect(200);
    assert_eq!(version["api"]["version"], "2");
    assert_eq!(version["service"]["version"], "5.22.0");
    assert_eq!(version["service"]["kedge_version"], env!("CARGO_PKG_VERSION"));
    assert!(version["db"]["schema_version"].is_string());
    assert_eq!(server.nobody().get("/version").await.expect(200), version);
}

#[tokio::test]
async fn health_is_200_without_a_body() {
    let server = Server::start().await;
    for path in ["/health", "/v2/health", "/ready"] {
        let answer = server.nobody().get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn base_url_answers_with_and_without_the_slash() {
    let server = Server::start().await;
    for path in ["/v2", "/v2/"] {
        let answer = server.nobody().get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "\"v2\""), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn document_is_open_to_strangers() {
    let server = Server::start().await;
    let json = server.nobody().get("/v2/openapi.json").await.expect(200);
    assert!(json["openapi"].is_string());
    let yaml = server.nobody().get("/v2/openapi.yaml").await;
    assert_eq!((yaml.status, yaml.header("content-type")), (200, "application/yaml"));
    assert!(yaml.text.contains("/v2/accounts/{account_name}"));
}

#[tokio::test]
async fn wrong_credentials_do_not_close_what_is_open() {
    let server = Server::start().await;
    server.basic("nobody", "wrong").get("/v2/version").await.expect(200);
}

#[tokio::test]
async fn status_and_services_ask_who_is_calling() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for path in ["/v2/status", "/v2/system", "/v2/system/error-codes"] {
        assert_error(&server.nobody().get(path).await, 401, "Unauthorized");
        alice.get(path).await.expect(200);
    }
    for (path, domain, action) in
        [("/v2/system/services", "acme", "listServices"), ("/v2/system/resource-limits", "system", "getResourceLimits")]
    {
        assert_error(&server.nobody().get(path).await, 401, "Unauthorized");
        let refusal = format!("Not authorized. Requires permissions: domain={domain} action={action} target=*");
        assert_error(&alice.get(path).await, 403, &refusal);
        server.admin().get(path).await.expect(200);
    }
}

#[tokio::test]
async fn status_is_up() {
    let server = Server::start().await;
    let admin = server.admin();
    let status = admin.get("/v2/status").await.expect(200);
    assert_eq!((&status["up"], &status["available"], &status["busy"]), (&json!(true), &json!(true), &json!(false)));
    assert_eq!(status["detail"], json!({}));
    let services = admin.get("/v2/system/services").await.expect(200);
    assert_eq!(services[0]["service_name"], "api");
    assert_eq!(services[0]["base_url"], "http://localhost:8228");
    assert_eq!(services[0]["service_detail"], status);
    assert_eq!(admin.get("/v2/system").await.expect(200)["service_states"], services);
}

#[tokio::test]
async fn every_error_type_is_listed() {
    let server = Server::start().await;
    let codes = server.admin().get("/v2/system/error-codes").await.expect(200);
    let listed = names(&codes, "name");
    assert_eq!(listed, ErrorKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>());
    assert!(listed.is_sorted() && listed.iter().all(|name| name.chars().all(|c| c == '_' || c.is_ascii_lowercase())));
    assert!(names(&codes, "description").iter().all(|description| !description.is_empty()));
}

#[tokio::test]
async fn log_level_can_be_reset_and_only_a_known_one_set() {
    let server = Server::start().await;
    let admin = server.admin();
    let logging = "/v2/system/logging";
    // The log is shared by all tests of the run, so no other level is set here.
    let reset = json!({ "service_name": "api", "logging_level": "default" });
    assert_eq!(admin.post(logging, reset.clone()).await.expect(200), json!([reset]));
    let elsewhere = json!({ "service_name": "catalog", "logging_level": "default" });
    assert_error(&admin.post(logging, elsewhere).await, 400, "Only the services `all` and `api` run here");
    for (request, field) in [
        (json!({ "service_name": "api", "logging_level": "loud" }), "'logging_level'"),
        (json!({ "service_name": "zzz", "logging_level": "default" }), "'service_name'"),
        (json!({ "service_name": { "api": null }, "logging_level": "default" }), "'service_name'"),
        (json!({ "service_name": "api" }), "logging_level"),
    ] {
        assert_problem(&admin.post(logging, request).await, 400, field);
    }
    let alice = server.user("acme", "alice").await;
    let refusal = "Not authorized. Requires permissions: domain=system action=updateLoggingLevel target=*";
    assert_error(&alice.post(logging, reset).await, 403, refusal);
}
