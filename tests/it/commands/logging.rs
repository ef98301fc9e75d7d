//! The log of a process: what is in it, and `POST /v2/system/logging`, which changes that while it runs.

use serde_json::{Value, json};

use super::{Process, Setup};
use crate::support::{ADMIN_PASSWORD, assert_error, assert_problem, send};

#[tokio::test]
async fn level_of_a_running_server_can_be_changed_and_set_back() {
    let server = Setup::external().await.serve().await;
    ask(&server, "as-configured").await;
    change(&server, "debug").await;
    ask(&server, "chatty").await;
    change(&server, "critical").await;
    ask(&server, "quiet").await;
    account(&server, "made-in-silence").await;
    change(&server, "default").await;
    ask(&server, "as-configured-again").await;
    let log = server.stop().await.err;

    assert_eq!(levels(&log, "as-configured"), ["INFO"], "{log}");
    let chatty = levels(&log, "chatty");
    assert!(chatty.contains(&"DEBUG") && chatty.contains(&"INFO"), "{log}");
    assert_eq!(levels(&log, "quiet"), [""; 0], "{log}");
    // What is outside of the database of the audit trail is not silenced with the rest.
    assert!(is_recorded(&log, "made-in-silence"), "{log}");
    assert_eq!(levels(&log, "as-configured-again"), ["INFO"], "{log}");
}

#[tokio::test]
async fn audit_trail_is_in_the_log_until_the_operator_names_it() {
    // The line that tells the address has to be there, too.
    for (level, recorded) in [("off,kedge::command=info", true), ("info,kedge::audit=off", false)] {
        let server = Setup::external().await.with("KEDGE_LOG", level).serve().await;
        account(&server, "recorded").await;
        let log = server.stop().await.err;
        assert_eq!(is_recorded(&log, "recorded"), recorded, "{level}: {log}");
    }
}

#[tokio::test]
async fn unknown_service_or_level_is_refused() {
    let server = Setup::external().await.serve().await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    let set = |service: &str, level: &str| {
        admin.request("POST", "/v2/system/logging").json(&json!({ "service_name": service, "logging_level": level }))
    };
    assert_problem(&send(set("kitchen", "info")).await, 400, "service_name");
    assert_problem(&send(set("all", "loud")).await, 400, "logging_level");
    assert_error(&send(set("catalog", "info")).await, 400, "Only the services `all` and `api` run here");
}

#[tokio::test]
async fn structured_log_is_one_json_object_a_line() {
    let server = Setup::external().await.with("KEDGE_LOGGING__STRUCTURED", "true").serve().await;
    ask(&server, "structured").await;
    let ended = server.stop().await;
    let lines: Vec<Value> = ended.err.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        assert!(line["fields"]["message"].is_string(), "{line}");
    }
    let answered = lines.iter().find(|line| line["span"]["id"] == "structured").expect("the request is in the log");
    assert_eq!(answered["fields"]["status"], 200);
    assert_eq!(answered["span"]["route"], "/v2/user/credentials");
}

async fn account(server: &Process, name: &str) {
    server.client("admin", ADMIN_PASSWORD).post("/v2/accounts", json!({ "name": name })).await.expect(200);
}

/// Whether a line of the audit trail is about something of that name.
fn is_recorded(log: &str, name: &str) -> bool {
    log.lines().any(|line| line.contains("kedge::audit") && line.contains(name))
}

/// Asks something under an id that the log shows.
async fn ask(server: &Process, id: &str) {
    let admin = server.client("admin", ADMIN_PASSWORD);
    let answer = send(admin.request("GET", "/v2/user/credentials").header("x-request-id", id)).await;
    assert_eq!(answer.header("x-request-id"), id);
    answer.expect(200);
}

async fn change(server: &Process, level: &str) {
    let request = json!({ "service_name": "all", "logging_level": level });
    let answer = server.client("admin", ADMIN_PASSWORD).post("/v2/system/logging", request.clone()).await;
    assert_eq!(answer.expect(200), json!([request]));
}

/// The levels of the lines about a request, in their order.
fn levels<'a>(log: &'a str, id: &str) -> Vec<&'a str> {
    let mark = format!("id=\"{id}\"");
    let lines = log.lines().filter(|line| line.contains(&mark));
    lines.map(|line| line.split_whitespace().nth(1).unwrap()).collect()
}
