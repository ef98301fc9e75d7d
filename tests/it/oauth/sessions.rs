//! One's own sign-ins: seen and ended.

use kedge::clock::Clock;
use serde_json::json;
use time::{Duration, macros::datetime};

use super::assert_refused;
use crate::support::{Options, PASSWORD, Server, Tokens, assert_error, claims_of, send};

const PATH: &str = "/v2/user/sessions";

#[tokio::test]
async fn own_sign_ins_are_listed_newest_first() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    let alice = server.user("acme", "alice").await;
    server.user("acme", "bob").await;
    server.tokens("bob").await;
    assert_eq!(alice.get(PATH).await.expect(200), json!({ "items": [] }));
    let form = [("username", "alice"), ("password", PASSWORD)];
    let request = server.nobody().request("POST", "/v2/oauth/token").form(&form);
    let first = Tokens::from(send(request.header("user-agent", "teapot/1.0 (ü)")).await.expect(200));
    server.app.clock.set(server.app.clock.now() + Duration::MINUTE);
    let second = server.tokens("alice").await;
    server.app.clock.set(server.app.clock.now() + Duration::MINUTE);
    server.refresh(&first.refresh).await.expect(200);
    let sid = |tokens: &Tokens| claims_of(&tokens.access)["sid"].clone();
    let listed = server.bearer(&first.access).get(PATH).await.expect(200);
    assert_eq!(
        listed["items"],
        json!([
            { "id": sid(&second), "client_id": "anonymous", "user_agent": null, "created_at": "2026-11-22T19:31:00Z",
              "last_used_at": "2026-11-22T19:31:00Z", "expires_at": "2026-11-23T19:31:00Z", "current": false },
            { "id": sid(&first), "client_id": "anonymous", "user_agent": "teapot/1.0 (ü)",
              "created_at": "2026-11-22T19:30:00Z", "last_used_at": "2026-11-22T19:32:00Z",
              "expires_at": "2026-11-23T19:32:00Z", "current": true },
        ])
    );
    server.app.clock.set(datetime!(2026-11-23 19:31:30 UTC));
    assert_eq!(alice.get(PATH).await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn ended_sign_in_is_gone_with_its_tokens() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let (ended, other) = (server.tokens("alice").await, server.tokens("alice").await);
    let path = format!("{PATH}/{}", claims_of(&ended.access)["sid"].as_str().unwrap());
    alice.delete(&path).await.expect(204);
    assert_error(&server.bearer(&ended.access).get("/v2/user").await, 401, "Unauthorized");
    assert_refused(&server.refresh(&ended.refresh).await, 400, "invalid_grant");
    assert_error(&alice.delete(&path).await, 404, "Session not found");
    let other = server.bearer(&other.access);
    let own = other.get(PATH).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    other.delete(&format!("{PATH}/{own}")).await.expect(204);
    assert_error(&other.get(PATH).await, 401, "Unauthorized");
}

#[tokio::test]
async fn sessions_of_others_do_not_exist() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let alices = server.tokens("alice").await;
    let path = format!("{PATH}/{}", claims_of(&alices.access)["sid"].as_str().unwrap());
    for other in [server.user("acme", "bob").await, server.admin()] {
        assert_error(&other.delete(&path).await, 404, "Session not found");
    }
    for id in ["x", "00000000-0000-0000-0000-000000000000", "%00", "%F0%9F%90%87"] {
        let answer = server.admin().delete(&format!("{PATH}/{id}")).await;
        assert!(matches!(answer.status, 400 | 404), "{answer:?}");
    }
    server.bearer(&alices.access).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn key_neither_sees_nor_ends_sign_ins() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "k").await);
    let tokens = server.tokens("alice").await;
    let refusal = "Not authorized. Operation not allowed with an API key";
    assert_error(&key.get(PATH).await, 403, refusal);
    let path = format!("{PATH}/{}", claims_of(&tokens.access)["sid"].as_str().unwrap());
    assert_error(&key.delete(&path).await, 403, refusal);
}
