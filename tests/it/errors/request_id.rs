//! `x-request-id`.

use std::collections::HashSet;

use crate::support::{CapturedLog, Server, raw, send};

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let server = Server::start().await;
    let mut ids = HashSet::new();
    for (method, path) in [
        ("GET", "/health"),
        ("HEAD", "/health"),
        ("GET", "/v2/user"),
        ("GET", "/v2/nonexistent"),
        ("POST", "/v2/user"),
        ("OPTIONS", "/v2/user"),
        ("GET", "/v2/accounts/%FF"),
        ("GET", "/v2/openapi.yaml"),
    ] {
        for client in [server.nobody(), server.admin()] {
            let answer = send(client.request(method, path)).await;
            let id = answer.header("x-request-id").to_owned();
            assert!(uuid::Uuid::try_parse(&id).is_ok(), "{method} {path}: {id:?}");
            assert!(ids.insert(id), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn well_formed_id_is_echoed_and_logged() {
    let server = Server::start().await;
    let longest = "a".repeat(128);
    for id in ["7", "follow-the_white.Rabbit", &longest] {
        for path in ["/health", "/v2/user", "/v2/nonexistent"] {
            let answer = raw(&server, "GET", path, &[("x-request-id", id)], b"").await;
            assert_eq!(answer.headers.get_all("x-request-id").iter().collect::<Vec<_>>(), [id], "{path}");
        }
    }
    assert!(CapturedLog::text().contains("follow-the_white.Rabbit"));
}

#[tokio::test]
async fn any_other_id_is_replaced() {
    let server = Server::start().await;
    let too_long = "a".repeat(129);
    for id in ["", "a b", "a,b", "a\tb", "<b>", "a\"b", "ä", "a/b", "a:b", &too_long] {
        let answer = raw(&server, "GET", "/health", &[("x-request-id", id)], b"").await;
        assert!(uuid::Uuid::try_parse(answer.header("x-request-id")).is_ok(), "{id:?}: {answer:?}");
    }
    let answer = raw(&server, "GET", "/health", &[("x-request-id", "one"), ("x-request-id", "two")], b"").await;
    assert!(uuid::Uuid::try_parse(answer.header("x-request-id")).is_ok(), "{answer:?}");
    // Read before anything can be refused.
    for name in ["host", "x-anchore-account"] {
        let answer = raw(&server, "GET", "/v2/account", &[(name, "a"), (name, "b")], b"").await;
        assert_ne!(answer.header("x-request-id"), "", "{answer:?}");
    }
}
