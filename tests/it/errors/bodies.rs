//! Bodies that are no JSON, not the right JSON, or too much of it.

use crate::support::{ADMIN_PASSWORD, Answer, Server, assert_problem, basic, raw};

/// The limit of a JSON body, in bytes.
const LIMIT: usize = 1024 * 1024;

/// `POST /v2/accounts` with these bytes.
async fn post(server: &Server, body: &[u8]) -> Answer {
    let length = body.len().to_string();
    post_with(server, &[("content-type", "application/json"), ("content-length", &length)], body).await
}

async fn post_with(server: &Server, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let authorization = basic("admin", ADMIN_PASSWORD);
    let headers = [headers, &[("authorization", &authorization)]].concat();
    raw(server, "POST", "/v2/accounts", &headers, body).await
}

#[tokio::test]
async fn what_is_no_json_is_a_problem_that_says_so() {
    let server = Server::start().await;
    let not_json = "Request body is not valid JSON";
    for body in [
        &b""[..],
        b"   ",
        b"{",
        b"{\"name\":",
        b"{\"name\": \"acme\"",
        b"{'name': 'acme'}",
        b"{\"name\": \"acme\",}",
        b"{\"name\": \"acme\"} x",
        b"{\"name\": \"acme\"}{\"name\": \"other\"}",
        b"{\"name\": \"acme\\ud800\"}",
        b"{\"name\": \"acme\\udc00\\ud800\"}",
        b"{\"name\": \"acme\xff\"}",
        b"{\"name\": \"acme\", \"zzz\": \"\xff\"}",
        b"{\"name\": \"ac\nme\"}",
        b"{\"name\": \"acme\", \"zzz\": \"\\q\"}",
        b"{\"name\": \"acme\", \"zzz\": NaN}",
        b"\xef\xbb\xbf{\"name\": \"acme\"}",
        b"name=acme",
    ] {
        let answer = post(&server, body).await;
        assert_problem(&answer, 400, not_json);
    }
}

#[tokio::test]
async fn what_is_no_object_is_a_problem_that_names_the_body() {
    let server = Server::start().await;
    for body in
        ["null", "true", "7", "\"acme\"", "[]", "[\"acme\"]", "[{\"name\": \"acme\"}]", " [\"acme\", null, null]"]
    {
        let answer = post(&server, body.as_bytes()).await;
        assert_problem(&answer, 400, "'body'");
    }
}

#[tokio::test]
async fn property_that_stands_twice_is_refused() {
    let server = Server::start().await;
    let answer = post(&server, br#"{"name": "acme", "name": "other"}"#).await;
    assert_problem(&answer, 400, "name");
    let answer = post(&server, br#"{"name": "acme", "n\u0061me": "other"}"#).await;
    assert_problem(&answer, 400, "name");
}

#[tokio::test]
async fn deep_nesting_is_refused_wherever_it_stands() {
    let server = Server::start().await;
    let deep = "[".repeat(100_000);
    for body in [deep.clone(), format!("{{\"name\": {deep}"), format!("{{\"name\": \"acme\", \"zzz\": {deep}")] {
        let answer = post(&server, body.as_bytes()).await;
        assert_problem(&answer, 400, "");
        assert!(answer.text.len() < 1_000, "{answer:?}");
    }
}

#[tokio::test]
async fn escaped_text_means_what_it_says() {
    let server = Server::start().await;
    let made = post(&server, br#"{"n\u0061me": "\u0061cme"}"#).await.expect(200);
    assert_eq!(made["name"], "acme");
}

#[tokio::test]
async fn body_up_to_the_limit_is_read() {
    let server = Server::start().await;
    let mut body = br#"{"name": "acme"}"#.to_vec();
    body.resize(LIMIT, b' ');
    post(&server, &body).await.expect(200);
}

#[tokio::test]
async fn length_beyond_the_limit_is_refused_before_a_byte_is_read() {
    let server = Server::start().await;
    for length in [LIMIT + 1, 1_000 * LIMIT] {
        let length = length.to_string();
        // No byte of the body follows: an answer at all shows that none was waited for.
        let answer =
            post_with(&server, &[("content-type", "application/json"), ("content-length", &length)], b"").await;
        assert_problem(&answer, 413, "more than 1048576 bytes");
    }
}

#[tokio::test]
async fn chunked_body_beyond_the_limit_is_refused() {
    let server = Server::start().await;
    // Without its end: the refusal must come when the limit is passed, not when all has been read.
    let mut body = format!("{:x}\r\n", LIMIT + 1).into_bytes();
    body.resize(body.len() + LIMIT + 1, b' ');
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    assert_problem(&post_with(&server, &headers, &body).await, 413, "more than 1048576 bytes");
}

#[tokio::test]
async fn chunked_body_is_read_like_any() {
    let server = Server::start().await;
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    let body = b"9\r\n{\"name\": \r\n7\r\n\"acme\"}\r\n0\r\n\r\n";
    assert_eq!(post_with(&server, &headers, body).await.expect(200)["name"], "acme");
}
