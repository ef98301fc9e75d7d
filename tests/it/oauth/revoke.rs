//! Ending a sign-in by its refresh token (RFC 7009).

use super::{assert_not_stored, assert_refused};
use crate::support::{Server, Tokens, assert_error, raw};

const PATH: &str = "/v2/oauth/revoke";

#[tokio::test]
async fn revoked_token_takes_its_session_with_it() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let (first, other) = (server.tokens("alice").await, server.tokens("alice").await);
    let second: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    let answer = server.nobody().form(PATH, &[("token", &second.refresh)]).await;
    assert_not_stored(&answer);
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    for tokens in [&first, &second] {
        assert_error(&server.bearer(&tokens.access).get("/v2/user").await, 401, "Unauthorized");
        assert_refused(&server.refresh(&tokens.refresh).await, 400, "invalid_grant");
    }
    server.bearer(&other.access).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn used_token_ends_the_session_too_and_the_hint_changes_nothing() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let first = server.tokens("alice").await;
    let second: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    let form = [("token", first.refresh.as_str()), ("token_type_hint", "refresh_token")];
    server.nobody().form(PATH, &form).await.expect(200);
    assert_error(&server.bearer(&second.access).get("/v2/user").await, 401, "Unauthorized");
    // Once more, and anything else: as good as ended.
    for token in [&first.refresh, &second.access, "x", "ü"] {
        let answer = server.nobody().form(PATH, &[("token", token)]).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    }
}

#[tokio::test]
async fn another_hint_is_known_to_be_a_401_without_a_body() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    for (token, hint) in [(&tokens.access, "access_token"), (&tokens.refresh, "id_token"), (&tokens.refresh, "x")] {
        let answer = server.nobody().form(PATH, &[("token", token), ("token_type_hint", hint)]).await;
        assert_eq!((answer.status, answer.text.as_str()), (401, ""), "{hint}");
        assert_not_stored(&answer);
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    server.bearer(&tokens.access).get("/v2/user").await.expect(200);
    server.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn what_is_no_revocation_is_refused() {
    let server = Server::start().await;
    assert_refused(&server.nobody().form(PATH, &[]).await, 400, "invalid_request");
    assert_refused(&server.nobody().form(PATH, &[("token", "a"), ("token", "b")]).await, 400, "invalid_request");
    assert_refused(&raw(&server, "POST", PATH, &[], b"").await, 400, "invalid_request");
    assert_refused(&server.nobody().post(PATH, serde_json::json!({})).await, 415, "invalid_request");
}
