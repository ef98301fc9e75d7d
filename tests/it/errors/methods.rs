//! Methods: 405 with `Allow`, and HEAD wherever GET is.

use reqwest::header::HeaderMap;

use crate::support::{Server, assert_problem, send};

#[tokio::test]
async fn wrong_method_is_told_what_is_allowed_before_anyone_is_asked_who_calls() {
    let server = Server::start().await;
    for (method, path, allow) in [
        ("PATCH", "/v2/account", "GET, HEAD"),
        ("POST", "/v2/account", "GET, HEAD"),
        ("OPTIONS", "/v2/account", "GET, HEAD"),
        ("TRACE", "/v2/account", "GET, HEAD"),
        ("BREW", "/v2/account", "GET, HEAD"),
        ("get", "/v2/account", "GET, HEAD"),
        ("DELETE", "/v2/accounts", "GET, HEAD, POST"),
        ("OPTIONS", "/v2/accounts", "GET, HEAD, POST"),
        ("GET", "/v2/accounts/acme/state", "PUT"),
        ("HEAD", "/v2/accounts/acme/state", "PUT"),
        ("POST", "/v2/accounts/acme/state", "PUT"),
        ("POST", "/v2/accounts/acme", "DELETE, GET, HEAD, PUT"),
        ("PUT", "/v2/accounts/acme/users/alice/credentials", "DELETE, GET, HEAD, POST"),
        ("OPTIONS", "/health", "GET, HEAD"),
        ("POST", "/v2/", "GET, HEAD"),
        ("PATCH", "/v1/account", "GET, HEAD"),
        ("PUT", "/v1/accounts/acme", "DELETE, GET, HEAD"),
        ("GET", "/v1/accounts/acme/state", "PUT"),
        ("POST", "/v1/accounts/acme/state", "PUT"),
    ] {
        for client in [server.nobody(), server.basic("nobody", "wrong")] {
            let answer = send(client.request(method, path)).await;
            if method == "HEAD" {
                assert_eq!((answer.status, answer.text.as_str()), (405, ""), "{method} {path}");
            } else {
                assert_problem(&answer, 405, "Method Not Allowed");
                assert_eq!(answer.body["detail"], "Method Not Allowed", "{method} {path}");
                assert_eq!(answer.body["title"], "Method Not Allowed", "{method} {path}");
            }
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
            assert_eq!(answer.header("www-authenticate"), "", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let (alice, admin) =
        (server.key(&server.key_of(&alice, "k").await), server.key(&server.key_of(&server.admin(), "k").await));
    let without_moment = |mut headers: HeaderMap| {
        for name in ["date", "x-request-id"] {
            assert!(headers.remove(name).is_some(), "{name}");
        }
        headers
    };
    for path in [
        "/health",
        "/ready",
        "/version",
        "/v2",
        "/v2/",
        "/v2/openapi.json",
        "/v2/openapi.yaml",
        "/v2/status",
        "/v2/account",
        "/v2/accounts",
        "/v2/accounts?state=bogus",
        "/v2/accounts/acme",
        "/v2/accounts/zzz",
        "/v2/accounts/users",
        "/v2/accounts/acme/users",
        "/v2/accounts/acme/users/alice/credentials",
        "/v2/user",
        "/v2/user/api-keys",
        "/v1",
        "/v1/",
        "/v1/openapi.json",
        "/v1/version",
        "/v1/account",
        "/v1/accounts?state=bogus",
        "/v1/accounts/acme/users",
        "/v1/user",
        "/v1/nonexistent",
        "/v2/nonexistent",
    ] {
        for client in [&server.nobody(), &alice, &admin] {
            let get = client.get(path).await;
            let head = send(client.request("HEAD", path)).await;
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            assert_eq!(without_moment(head.headers), without_moment(get.headers), "{path}");
        }
    }
}

#[tokio::test]
async fn head_is_never_answered_with_a_body() {
    let server = Server::start().await;
    // HTTP/1 could not carry one.
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for (path, status) in
        [("/v2/nonexistent", 404), ("/v2/oauth/token", 405), ("/v2/account", 401), ("/v2/version", 200)]
    {
        let url = format!("{}{path}", server.url);
        let got = client.get(&url).send().await.unwrap().content_length();
        let answer = client.head(&url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let length = answer.headers()["content-length"].to_str().unwrap().parse().ok();
        assert_eq!(length, got, "{path}");
        assert!(answer.bytes().await.unwrap().is_empty(), "{path}");
    }
}
