//! What a token is worth (RFC 7662), and to whom that is told.

use serde_json::{Value, json};

use super::{assert_not_stored, assert_refused};
use crate::support::{Client, Options, Place, Server, Tokens, claims_of};

const PATH: &str = "/v2/oauth/introspect";

async fn ask(client: &Client, token: &str) -> Value {
    let answer = client.form(PATH, &[("token", token)]).await;
    assert_not_stored(&answer);
    answer.expect(200)
}

/// A Kedge with the role `doorkeeper`, which may ask about tokens, and users in two accounts.
async fn wonderland() -> Server {
    let place = Place::new();
    let file = place.top.join("roles.yaml");
    std::fs::write(&file, "roles: [{name: doorkeeper, description: Asks about tokens, actions: [introspectToken]}]")
        .unwrap();
    let path: &'static str = Box::leak(file.display().to_string().into_boxed_str());
    let server =
        Server::start_with(Options { environment: vec![("KEDGE_ROLES__FILE", path)], ..Options::default() }).await;
    server.user("acme", "alice").await;
    server.user("acme", "porter").await;
    server.user("other", "stranger").await;
    server
}

#[tokio::test]
async fn everyone_asks_about_their_own() {
    let server = wonderland().await;
    let tokens = server.tokens("alice").await;
    let claims = claims_of(&tokens.access);
    let own_key = server.key(&server.key_of(&server.basic("alice", crate::support::PASSWORD), "k").await);
    for client in [server.bearer(&tokens.access), server.basic("alice", crate::support::PASSWORD), own_key] {
        let facts = ask(&client, &tokens.access).await;
        assert_eq!(
            facts,
            json!({
                "active": true, "client_id": "anonymous", "username": "alice", "account_name": "acme",
                "token_type": "Bearer", "exp": claims["exp"], "iat": claims["iat"], "sub": claims["sub"],
                "sid": claims["sid"], "aud": claims["aud"], "iss": claims["iss"], "jti": claims["jti"],
            })
        );
        let facts = ask(&client, &tokens.refresh).await;
        assert_eq!((&facts["active"], &facts["token_type"]), (&json!(true), &json!("refresh_token")));
        assert_eq!(facts["sid"], claims["sid"]);
    }
}

#[tokio::test]
async fn others_are_told_by_who_holds_the_action_where_they_live() {
    let server = wonderland().await;
    let (alices, strangers) = (server.tokens("alice").await, server.tokens("stranger").await);
    let porter = server.signed_in("porter").await;
    assert_eq!(ask(&porter, &alices.access).await, json!({ "active": false }));
    server.grant("porter", "doorkeeper", "acme").await;
    let key = server.key(&server.key_of(&porter, "k").await);
    for client in [&porter, &key, &server.admin()] {
        assert_eq!(ask(client, &alices.access).await["username"], "alice");
        assert_eq!(ask(client, &alices.refresh).await["username"], "alice");
    }
    for token in [&strangers.access, &strangers.refresh] {
        assert_eq!(ask(&porter, token).await, json!({ "active": false }));
        assert_eq!(ask(&server.admin(), token).await["username"], "stranger");
    }
    server.take_away("porter", "doorkeeper", "acme").await;
    assert_eq!(ask(&porter, &alices.access).await, json!({ "active": false }));
}

#[tokio::test]
async fn narrowed_key_tells_of_others_only_with_the_action() {
    let server = wonderland().await;
    let alices = server.tokens("alice").await;
    let admin = server.admin();
    let narrowed = json!({ "name": "narrow", "actions": ["getAccount"] });
    let made = admin.post("/v2/user/api-keys", narrowed).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    assert_eq!(ask(&key, &alices.access).await, json!({ "active": false }));
    let narrowed = json!({ "name": "right", "actions": ["introspectToken"], "accounts": ["acme"] });
    let made = admin.post("/v2/user/api-keys", narrowed).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    assert_eq!(ask(&key, &alices.access).await["active"], true);
    assert_eq!(ask(&key, &server.tokens("stranger").await.access).await, json!({ "active": false }));
}

#[tokio::test]
async fn what_is_not_active_says_nothing_else() {
    let server = wonderland().await;
    let admin = server.admin();
    let used = server.tokens("alice").await;
    let ended = server.tokens("alice").await;
    server.refresh(&used.refresh).await.expect(200);
    server.nobody().form("/v2/oauth/revoke", &[("token", &ended.refresh)]).await.expect(200);
    let asleep = server.tokens("stranger").await;
    server.set_state("other", "disabled").await;
    let key = server.key_of(&admin, "k").await;
    for token in
        [&used.refresh, &ended.refresh, &ended.access, &asleep.access, &asleep.refresh, &key, "x", "a.b.c", "ü🐇"]
    {
        assert_eq!(ask(&admin, token).await, json!({ "active": false }), "{token}");
    }
    // Asking used nothing up.
    let Tokens { access, refresh } = server.tokens("alice").await;
    assert_eq!(ask(&admin, &refresh).await["active"], true);
    assert_eq!(ask(&admin, &access).await["active"], true);
    server.refresh(&refresh).await.expect(200);
}

#[tokio::test]
async fn strangers_and_broken_questions_are_refused() {
    let server = wonderland().await;
    let answer = server.nobody().form(PATH, &[("token", "x")]).await;
    assert_refused(&answer, 401, "invalid_client");
    assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Authentication required\"");
    assert_refused(&server.admin().form(PATH, &[]).await, 400, "invalid_request");
    assert_refused(&server.admin().form(PATH, &[("token", "")]).await, 400, "invalid_request");
    assert_refused(&server.admin().post(PATH, json!({ "token": "x" })).await, 415, "invalid_request");
}
