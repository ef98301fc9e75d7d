//! `Host`, which each request of HTTP/1.1 must have (RFC 9112, 3.2).

use super::{connect, exchange};
use crate::support::Server;

async fn ask(server: &Server, line: &str, headers: &str) -> String {
    let request = format!("{line}\r\n{headers}connection: close\r\n\r\n");
    exchange(&mut connect(server).await, request.as_bytes()).await
}

#[tokio::test]
async fn request_without_a_host_or_with_two_is_refused() {
    let server = Server::start().await;
    for (line, headers, why) in [
        ("GET /health HTTP/1.1", "", "'host' is missing"),
        ("GET http://kedge/health HTTP/1.1", "", "'host' is missing"),
        ("GET /zzz HTTP/1.1", "", "'host' is missing"),
        ("GET /health HTTP/1.1", "host: kedge\r\nhost: kedge\r\n", "'host' is given more than once"),
        ("GET /health HTTP/1.0", "host: kedge\r\nhost: other\r\n", "'host' is given more than once"),
    ] {
        let answer = ask(&server, line, headers).await;
        assert!(answer.split_once(' ').unwrap().1.starts_with("400 "), "{line}: {answer}");
        for part in [why, "x-request-id: ", "application/problem+json"] {
            assert!(answer.contains(part), "{line}: {answer}");
        }
    }
}

#[tokio::test]
async fn refusal_where_tokens_are_asked_for_is_not_stored_either() {
    let server = Server::start().await;
    let answer = ask(&server, "POST /v2/oauth/token HTTP/1.1", "host: kedge\r\nhost: kedge\r\n").await;
    for part in ["HTTP/1.1 400 ", "\"invalid_request\"", "cache-control: no-store\r\n", "pragma: no-cache\r\n"] {
        assert!(answer.contains(part), "{answer}");
    }
}

#[tokio::test]
async fn host_may_be_empty_and_the_older_version_does_without() {
    let server = Server::start().await;
    for (line, headers) in [
        ("GET /health HTTP/1.1", "host: \r\n"),
        ("GET http://other/health HTTP/1.1", "host: kedge\r\n"),
        ("GET /health HTTP/1.0", ""),
    ] {
        let answer = ask(&server, line, headers).await;
        assert!(answer.split_once(' ').unwrap().1.starts_with("200 "), "{line}: {answer}");
    }
}
