//! Tokens of V1: an access token, and no refresh token.

use serde_json::json;

use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, assert_error, basic, raw};

const PATH: &str = "/v1/oauth/token";

#[tokio::test]
async fn password_is_exchanged_for_an_access_token_and_nothing_else() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let form = [("grant_type", "password"), ("client_id", "anonymous"), ("username", "alice"), ("password", PASSWORD)];
    let answer = server.nobody().form(PATH, &form).await;
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let mut body = answer.expect(200);
    let token = body["access_token"].take().as_str().unwrap().to_owned();
    assert_eq!(body, json!({ "access_token": null, "expires_in": 3600, "token_type": "Bearer" }));
    for path in ["/v1/account", "/v2/account"] {
        assert_eq!(server.bearer(&token).get(path).await.expect(200)["name"], "acme", "{path}");
    }
    // One of the user's sessions, like any.
    let sessions = server.bearer(&token).get("/v2/user/sessions").await.expect(200);
    let path = format!("/v2/user/sessions/{}", sessions["items"][0]["id"].as_str().unwrap());
    server.basic("alice", PASSWORD).delete(&path).await.expect(204);
    assert_error(&server.bearer(&token).get("/v1/account").await, 401, "Unauthorized");
}

#[tokio::test]
async fn empty_body_with_a_basic_header_is_a_password_grant() {
    let server = Server::start().await;
    let login = basic("admin", ADMIN_PASSWORD);
    let answer = raw(&server, "POST", PATH, &[("authorization", &login)], b"").await;
    assert!(answer.expect(200).get("refresh_token").is_none());
}

#[tokio::test]
async fn refusals_are_those_of_v2_and_a_refresh_token_is_not_taken() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let refresh = server.tokens("alice").await.refresh;
    for (form, word, description) in [
        (vec![("username", "alice"), ("password", "x")], "invalid_grant", "The credentials or the token are not valid"),
        (vec![("username", "alice")], "invalid_request", "Missing \"password\" in request."),
        (vec![("client_id", "zzz")], "invalid_client", "The client is unknown"),
        (
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())],
            "unsupported_grant_type",
            "Grant type 'refresh_token' is not supported",
        ),
    ] {
        let answer = server.nobody().form(PATH, &form).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let expected = json!({ "error": word, "error_description": description });
        assert_eq!(answer.expect(400), expected, "{form:?}");
    }
    server.refresh(&refresh).await.expect(200);
}
