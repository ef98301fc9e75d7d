//! Bodies that are no JSON, not the right JSON, or too much of it.

use kedge::http::openapi;
use serde_json::{Value, json};

use crate::support::{ADMIN_PASSWORD, Answer, Server, assert_problem, basic, raw, send};

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

/// Every operation whose body is JSON, by the document, with a body for each list of objects that one may have in it.
fn bodies_of_wrong_items() -> Vec<(String, String, Value)> {
    let document = openapi::Document::of(openapi::OWN_SERVER).unwrap();
    let document: Value = serde_json::from_slice(&document.json).unwrap();
    let resolved = |schema: &Value| match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => schema.clone(),
    };
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                continue;
            }
            let path = path.replace("{account_name}", "admin").replace("{username}", "admin");
            let path = path.replace("{group_uuid}", "00000000-0000-4000-8000-000000000000").replace(['{', '}'], "");
            let lists = resolved(schema)["properties"].as_object().cloned().unwrap_or_default().into_iter();
            let lists = lists.filter(|(_, list)| list["items"].is_object()).map(|(name, _)| json!({ name: ["x"] }));
            found.extend(lists.chain([json!("x")]).map(|body| (method.to_uppercase(), path.clone(), body)));
        }
    }
    found
}

#[tokio::test]
async fn what_is_told_of_a_wrong_body_names_nothing_of_the_program() {
    let server = Server::start().await;
    let admin = server.admin();
    let bodies = bodies_of_wrong_items();
    assert!(bodies.iter().any(|(_, _, body)| *body == json!({ "usernames": ["x"] })), "{bodies:?}");
    for (method, path, body) in bodies {
        let answer = send(admin.request(&method, &path).json(&body)).await;
        assert!((400..500).contains(&answer.status), "{method} {path} {body}: {answer:?}");
        assert!(!answer.text.contains("struct"), "{method} {path} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn two_media_types_are_refused_whatever_they_are() {
    let server = Server::start().await;
    let headers = [("content-type", "application/json"), ("content-type", "application/json"), ("content-length", "2")];
    assert_problem(&post_with(&server, &headers, b"{}").await, 400, "'content-type' is given more than once");
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
