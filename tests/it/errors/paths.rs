//! Paths that lead nowhere, and how segments are read.

use crate::support::{Answer, Client, Server, assert_error, assert_problem, basic, raw};

/// An admin who needs no password hashed.
async fn admin(server: &Server) -> (Client, String) {
    let key = server.key_of(&server.admin(), "k").await;
    (server.key(&key), basic("_api_key", &key))
}

async fn get_raw(server: &Server, authorization: &str, path: &str) -> Answer {
    raw(server, "GET", path, &[("authorization", authorization)], b"").await
}

#[tokio::test]
async fn unknown_route_is_not_found_before_anyone_is_asked_who_calls() {
    let server = Server::start().await;
    let (admin, _) = admin(&server).await;
    for path in
        ["/", "/v1/nonexistent", "/v2/nonexistent", "/v2/accounts/acme/zzz", "/v3", "/V2/account", "/v2/Account"]
    {
        for client in [&server.nobody(), &server.basic("nobody", "wrong"), &admin] {
            let answer = client.get(path).await;
            assert_problem(&answer, 404, "The requested URL was not found");
            assert!(answer.body["detail"].as_str().unwrap().starts_with("The requested URL was not found"));
            assert_eq!(answer.body["title"], "Not Found");
            assert_eq!(client.delete(path).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn trailing_or_doubled_slash_is_not_found_and_never_a_redirect() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    server.account("acme").await;
    for path in [
        "/v2/account/",
        "/v2/accounts/",
        "/v2/accounts/acme/",
        "/v2/accounts/acme/users/",
        "/v2/user/",
        "/v2/version/",
        "/health/",
        "//v2/account",
        "/v2//account",
        "/v2/./account",
        "/v2/x/../account",
    ] {
        let answer = get_raw(&server, &authorization, path).await;
        assert_problem(&answer, 404, "The requested URL was not found");
        assert_eq!(answer.header("location"), "", "{path}");
    }
}

#[tokio::test]
async fn empty_segment_names_nobody() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    server.user("acme", "alice").await;
    assert_error(&get_raw(&server, &authorization, "/v2/accounts//users").await, 404, "Account not found");
    let answer = get_raw(&server, &authorization, "/v2/accounts/acme/users//credentials").await;
    assert_error(&answer, 404, "User not found");
}

#[tokio::test]
async fn dots_are_a_name_like_any_other() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    for path in ["/v2/accounts/..", "/v2/accounts/.", "/v2/accounts/%2e%2e", "/v2/accounts/%2E%2E%2Fuser"] {
        assert_error(&get_raw(&server, &authorization, path).await, 404, "Account not found");
    }
    // Were the dots taken out, this would be the list of users of the admin account.
    let answer = get_raw(&server, &authorization, "/v2/accounts/../users").await;
    assert_error(&answer, 404, "Account not found");
}

#[tokio::test]
async fn segments_are_decoded_exactly_once() {
    let server = Server::start().await;
    let (admin, authorization) = admin(&server).await;
    server.user("ABC def", "a+b@c d").await;
    for path in ["/v2/accounts/ABC%20def", "/v2/accounts/%41BC%20def", "/v2/accounts/%41%42%43%20%64%65%66"] {
        assert_eq!(admin.get(path).await.expect(200)["name"], "ABC def", "{path}");
    }
    for path in ["/v2/accounts/%2541BC%20def", "/v2/accounts/ABC%2520def", "/v2/accounts/ABC+def"] {
        assert_error(&get_raw(&server, &authorization, path).await, 404, "Account not found");
    }
    for name in ["a+b@c%20d", "a%2Bb%40c%20d", "%61+b%40c%20d"] {
        let user = admin.get(&format!("/v2/accounts/ABC%20def/users/{name}")).await.expect(200);
        assert_eq!(user["username"], "a+b@c d", "{name}");
    }
}

#[tokio::test]
async fn encoded_slash_stays_inside_its_segment() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    server.user("acme", "alice").await;
    for path in ["/v2/accounts/acme%2Fusers", "/v2/accounts/acme%2f", "/v2/accounts/%2Facme"] {
        assert_error(&get_raw(&server, &authorization, path).await, 404, "Account not found");
    }
    assert_problem(&get_raw(&server, &authorization, "/v2%2Faccounts").await, 404, "The requested URL was not found");
}

#[tokio::test]
async fn segment_that_is_no_text_is_refused() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    server.account("acme").await;
    for (segment, why) in
        [("%00", "U+0000"), ("acme%00", "U+0000"), ("%FF", "path"), ("%C3", "path"), ("%ED%A0%80", "path")]
    {
        for path in [
            format!("/v2/accounts/{segment}"),
            format!("/v2/accounts/{segment}/users"),
            format!("/v2/accounts/acme/users/{segment}"),
            format!("/v2/accounts/acme/users/{segment}/credentials"),
        ] {
            assert_problem(&get_raw(&server, &authorization, &path).await, 400, why);
            let unsigned = raw(&server, "GET", &path, &[], b"").await;
            assert_error(&unsigned, 401, "Unauthorized");
        }
    }
}

#[tokio::test]
async fn half_an_escape_is_a_name_that_nobody_has() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    for segment in ["%", "%4", "%zz", "acme%"] {
        let answer = get_raw(&server, &authorization, &format!("/v2/accounts/{segment}")).await;
        assert_error(&answer, 404, "Account not found");
    }
}

#[tokio::test]
async fn long_paths_queries_and_headers_are_read_or_refused() {
    let server = Server::start().await;
    let (_, authorization) = admin(&server).await;
    let long = "x".repeat(30_000);
    assert_error(&get_raw(&server, &authorization, &format!("/v2/accounts/{long}")).await, 404, "Account not found");
    let answer = get_raw(&server, &authorization, &format!("/v2/{long}")).await;
    assert_problem(&answer, 404, "The requested URL was not found");
    get_raw(&server, &authorization, &format!("/v2/accounts?zzz={long}")).await.expect(200);
    let headers = [("authorization", authorization.as_str()), ("x-anchore-account", &long)];
    let answer = raw(&server, "GET", "/v2/account", &headers, b"").await;
    assert_error(&answer, 404, &format!("User account not found. Name={long}"));
    // Beyond what a server of HTTP/1.1 reads at all.
    let longer = "x".repeat(70_000);
    assert_eq!(get_raw(&server, &authorization, &format!("/v2/{longer}")).await.status, 431);
}
