//! Every route, taken from the table that serves, against what an attacker tries first.

use kedge::http::routes::Body;
use reqwest::Method;

use crate::support::{ADMIN_PASSWORD, Answer, Server, basic, raw};

/// What a body must never tell of the machine.
const TOLD_NOWHERE: [&str; 12] = [
    "select ",
    "insert ",
    "update users",
    "sqlx",
    "postgres",
    "src/",
    ".rs:",
    "/nowhere",
    "/tmp",
    "panicked",
    "argon2",
    "constraint",
];

#[track_caller]
fn assert_harmless(answer: &Answer, request: &str) {
    assert!(!(300..400).contains(&answer.status), "{request}: {answer:?}");
    assert!(answer.status < 500, "{request}: {answer:?}");
    assert_ne!(answer.header("x-request-id"), "", "{request}");
    if answer.status >= 400 {
        let text = answer.text.to_lowercase();
        let told = TOLD_NOWHERE.iter().find(|word| text.contains(**word));
        assert!(told.is_none(), "{request}: {answer:?}");
        assert!(answer.body.is_object(), "{request}: {answer:?}");
    }
}

/// The path of a route with its parameters filled in.
fn fill(route: &str, account: &str, user: &str, other: &str) -> String {
    let path = route.replace("{account_name}", account).replace("{username}", user);
    let mut filled = String::new();
    let mut rest = path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        filled.push_str(other);
        rest = after.split_once('}').expect("a parameter ends").1;
    }
    filled + rest
}

#[tokio::test]
async fn no_segment_makes_a_route_fail() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let (_, table, _) = kedge::routes().finish();
    let authorization = basic("_api_key", &server.key_of(&server.admin(), "k").await);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let long = "x".repeat(5_000);
    let segments =
        ["%00", "%FF", "..", "%2e%2e%2f", "'%20or%20''='", "%22", "%F0%9F%90%87", "{x}", "%25", ";", "*", &long];
    for (route, method, _) in table.rows() {
        for segment in segments {
            let paths = [
                fill(route, segment, "alice", "k"),
                fill(route, "acme", segment, "k"),
                fill(route, "acme", "alice", segment),
                format!("{route}?{segment}"),
            ];
            for path in paths {
                // Where no answer can be refused for its key, nothing is asked for that would be done.
                if *method != Method::GET && !route.contains('{') {
                    continue;
                }
                let answer = raw(&server, method.as_str(), &path.replace(['{', '}'], "%7B"), &headers, b"").await;
                assert_harmless(&answer, &format!("{method} {path}"));
            }
        }
    }
}

#[tokio::test]
async fn no_body_makes_a_route_fail() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.key_of(&alice, "k").await;
    server.key_of(&server.admin(), "k").await;
    let (_, table, _) = kedge::routes().finish();
    let authorization = basic("admin", ADMIN_PASSWORD);
    let bodies: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"[null, null, null, null, null, null, null, null]",
        b"\"\\ud800\"",
        b"{\"name\": \"\xff\"}",
        br#"{"name": {}, "username": {}, "type": {}, "state": {}, "value": {}, "email": {}, "status": {}, "service_name": {}}"#,
        br#"{"name": "\u0000", "username": "\u0000", "type": "\u0000", "state": "\u0000", "email": "\u0000", "status": "\u0000", "service_name": "\u0000"}"#,
        br#"{"name": -1e400, "username": -1e400, "type": -1e400, "state": -1e400, "email": -1e400, "status": -1e400, "service_name": -1e400}"#,
    ];
    for (route, method, row) in table.rows() {
        // The console's doors are for its own pages alone.
        if row.body != Body::Json || route.starts_with("/console/") {
            continue;
        }
        for body in bodies {
            let length = body.len().to_string();
            let headers = [
                ("authorization", authorization.as_str()),
                ("content-type", "application/json"),
                ("content-length", &length),
            ];
            let answer = raw(&server, method.as_str(), &fill(route, "acme", "alice", "k"), &headers, body).await;
            let request = format!("{method} {route} {}", String::from_utf8_lossy(body));
            assert_harmless(&answer, &request);
            assert_eq!(answer.status, 400, "{request}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{request}: {answer:?}");
        }
    }
}
