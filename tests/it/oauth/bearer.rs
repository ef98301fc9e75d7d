//! An access token on every route: the same guard, the same roles, the same refusals.

use serde_json::json;

use crate::support::{PASSWORD, Server, assert_error, basic, raw};

#[tokio::test]
async fn token_signs_in_as_its_user_in_every_spelling_of_the_scheme() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let token = server.tokens("alice").await.access;
    for scheme in ["Bearer", "bearer", "BEARER", "jwt", "JWT", "Bearer  "] {
        let header = format!("{scheme} {token}");
        let answer = raw(&server, "GET", "/v2/user", &[("authorization", &header)], b"").await;
        assert_eq!(answer.expect(200)["username"], "alice", "{scheme}");
    }
}

#[tokio::test]
async fn token_and_another_credential_in_one_request_are_refused() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let bearer = format!("Bearer {}", server.tokens("alice").await.access);
    let basic = basic("alice", PASSWORD);
    for headers in [[("authorization", &bearer), ("authorization", &basic)], [("authorization", &bearer); 2]] {
        let headers = headers.map(|(name, value)| (name, value.as_str()));
        assert_error(&raw(&server, "GET", "/v2/user", &headers, b"").await, 401, "Unauthorized");
    }
    // RFC 6750, 2.2 and 2.3: other places are not looked at.
    let path = format!("/v2/user?access_token={}", bearer.trim_start_matches("Bearer "));
    assert_error(&server.nobody().get(&path).await, 401, "Unauthorized");
}

#[tokio::test]
async fn token_does_what_an_api_key_may_not() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let token = server.signed_in("alice").await;
    let key = server.key(&server.key_of(&alice, "k").await);
    let new = json!({ "name": "made-with-a-token" });
    let refusal = "Not authorized. Operation not allowed with an API key";
    assert_error(&key.post("/v2/user/api-keys", new.clone()).await, 403, refusal);
    token.post("/v2/user/api-keys", new).await.expect(201);
    token.get("/v2/user/api-keys").await.expect(200);
    token.delete("/v2/user/api-keys/made-with-a-token").await.expect(204);
    let password = json!({ "type": "password", "value": "jam-to-morrow" });
    token.post("/v2/user/credentials", password).await.expect(200);
    // That ended it.
    assert_error(&token.get("/v2/user").await, 401, "Unauthorized");
    server.basic("alice", "jam-to-morrow").get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn token_has_the_roles_of_its_user_at_that_moment() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let token = server.signed_in("alice").await;
    let path = "/v2/accounts/acme/users";
    let lacks = "Not authorized. Requires permissions: domain=acme action=listUsers target=*";
    assert_error(&token.get(path).await, 403, lacks);
    server.grant("alice", "account-user-admin", "acme").await;
    token.get(path).await.expect(200);
    token.clone().acting_in("acme").get("/v2/account").await.expect(200);
    server.take_away("alice", "account-user-admin", "acme").await;
    assert_error(&token.get(path).await, 403, lacks);
}
