//! The `Authorization` header: what signs in, and the one answer to everything that does not.

use kedge::clock::Clock;
use serde_json::json;
use time::{Duration, macros::datetime};

use crate::support::{ADMIN_PASSWORD, Answer, Options, PASSWORD, Server, assert_error, basic, raw, send};

/// All of an answer that two requests may not differ in.
pub type Whole = (u16, Vec<(String, Vec<u8>)>, String);

pub fn whole(answer: &Answer) -> Whole {
    let same = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let headers = same.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    (answer.status, headers, answer.text.clone())
}

/// A value that differs from `key` in the character at `at`.
fn mistyped(key: &str, at: usize) -> String {
    let other = if key.as_bytes()[at] == b'x' { "y" } else { "x" };
    let mut mistyped = key.to_owned();
    mistyped.replace_range(at..=at, other);
    mistyped
}

/// `Authorization` headers that sign nobody in, each with what is wrong with it.
async fn refused(server: &Server) -> Vec<(&'static str, Vec<String>)> {
    let alice = server.user("acme", "alice").await;
    let admin = server.admin();
    server.user("acme", "bob").await;
    admin.delete("/v2/accounts/acme/users/bob/credentials?credential_type=password").await.expect(204);
    server.user("acme", "carol").await;
    admin.delete("/v2/accounts/acme/users/carol").await.expect(204);
    let ended = alice.post("/v2/user/api-keys", json!({ "name": "e", "expires_at": "2026-11-22T20:00:00Z" })).await;
    let ended = ended.expect(201)["value"].as_str().unwrap().to_owned();
    server.app.clock.set(server.app.clock.now() + Duration::hours(1));
    let live = server.key_of(&alice, "l").await;
    let revoked = server.key_of(&alice, "r").await;
    alice.patch("/v2/user/api-keys/r", json!({ "status": "revoked" })).await.expect(200);
    let deleted = server.key_of(&alice, "d").await;
    alice.delete("/v2/user/api-keys/d").await.expect(204);
    server.key(&live).get("/v2/user").await.expect(200);
    // The same form with a right checksum: only the database could tell that there is no such key.
    let unknown = Server::start().await;
    let unknown = unknown.key_of(&unknown.admin(), "k").await;

    let key = |value: &str| vec![basic("_api_key", value)];
    let right = basic("alice", PASSWORD);
    vec![
        ("no header", vec![]),
        ("empty header", vec![String::new()]),
        ("no base64", vec!["Basic !!!!".to_owned()]),
        ("no credentials", vec!["Basic".to_owned()]),
        ("no colon", vec!["Basic YWxpY2U=".to_owned()]),
        ("no UTF-8", vec!["Basic //86Og==".to_owned()]),
        ("U+0000 in the name", vec![basic("alice\0", PASSWORD)]),
        ("U+0000 in the password", vec![basic("alice", &format!("{PASSWORD}\0"))]),
        ("unknown scheme", vec!["Digest xyz".to_owned()]),
        ("scheme without a space", vec![right.replace(' ', "")]),
        ("rubbish in Bearer", vec!["Bearer garbage".to_owned()]),
        ("rubbish in jwt", vec!["jwt garbage".to_owned()]),
        ("Bearer without a token", vec!["Bearer".to_owned()]),
        ("unsigned token", vec!["Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".to_owned()]),
        ("password of Basic in Bearer", vec![right.replace("Basic", "Bearer")]),
        ("two headers", vec![right.clone(), right.clone()]),
        ("a wrong header after a right one", vec![right.clone(), "Basic !!!!".to_owned()]),
        ("unknown user", vec![basic("nobody", PASSWORD)]),
        ("deleted user", vec![basic("carol", PASSWORD)]),
        ("empty user", vec![basic("", PASSWORD)]),
        ("user in other letters", vec![basic("Alice", PASSWORD)]),
        ("wrong password", vec![basic("alice", "wrong")]),
        ("password of another", vec![basic("alice", ADMIN_PASSWORD)]),
        ("empty password", vec![basic("alice", "")]),
        ("password in other letters", vec![basic("alice", &PASSWORD.to_uppercase())]),
        ("user without a password", vec![basic("bob", PASSWORD)]),
        ("empty password of a user without one", vec![basic("bob", "")]),
        ("key of no known form", key("garbage")),
        ("empty key", key("")),
        ("expired key", key(&ended)),
        ("revoked key", key(&revoked)),
        ("deleted key", key(&deleted)),
        ("unknown key", key(&unknown)),
        ("mistyped id", key(&mistyped(&live, 8))),
        ("mistyped secret", key(&mistyped(&live, 30))),
        ("mistyped checksum", key(&mistyped(&live, live.len() - 1))),
        ("cut key", key(&live[..live.len() - 1])),
        ("key with a blank", key(&format!("{live} "))),
        ("key under a user's name", vec![basic("alice", &live)]),
        ("key under the wrong letters", vec![basic("_API_KEY", &live)]),
        ("key in Bearer", vec![format!("Bearer {live}")]),
    ]
}

#[tokio::test]
async fn every_refusal_is_the_same_answer_to_the_byte() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    let mut first = None;
    for (cause, headers) in refused(&server).await {
        let headers: Vec<_> = headers.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = raw(&server, "GET", "/v2/user", &headers, b"").await;
        assert_error(&answer, 401, "Unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Authentication required\"", "{cause}");
        assert_eq!(answer.body["error_type"], "unauthenticated", "{cause}");
        let answer = whole(&answer);
        assert_eq!(&answer, first.get_or_insert_with(|| answer.clone()), "{cause}");
    }
}

#[tokio::test]
async fn scheme_is_case_insensitive_and_padding_optional() {
    let server = Server::start().await;
    let right = basic("admin", ADMIN_PASSWORD);
    let credentials = right.trim_start_matches("Basic ");
    for header in [
        format!("basic {credentials}"),
        format!("BASIC {credentials}"),
        format!("Basic   {credentials}"),
        format!("Basic {}", credentials.trim_end_matches('=')),
    ] {
        let answer = raw(&server, "GET", "/v2/user", &[("authorization", &header)], b"").await;
        assert_eq!(answer.expect(200)["username"], "admin", "{header}");
    }
}

#[tokio::test]
async fn password_may_hold_colons_and_any_letters() {
    let server = Server::start().await;
    server.account("acme").await;
    let password = "a:b:ü:🐇 ";
    let user = json!({ "username": "alice", "password": password });
    server.admin().post("/v2/accounts/acme/users", user).await.expect(200);
    server.basic("alice", password).get("/v2/user").await.expect(200);
    assert_error(&server.basic("alice", "a").get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn console_gets_no_challenge() {
    let server = Server::start().await;
    for (value, challenged) in [("kedge-console", false), ("XMLHttpRequest", true)] {
        let request = server.basic("admin", "wrong").request("GET", "/v2/user").header("x-requested-with", value);
        let answer = send(request).await;
        assert_error(&answer, 401, "Unauthorized");
        assert_eq!(answer.headers.contains_key("www-authenticate"), challenged, "{value}");
    }
}

#[tokio::test]
async fn key_acts_as_its_user() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "k").await);
    for path in ["/v2/user", "/v2/account", "/v2/user/credentials"] {
        assert_eq!(key.get(path).await.expect(200), alice.get(path).await.expect(200), "{path}");
    }
    let refusal = "Not authorized. Requires permissions: domain=system action=listAccounts target=*";
    assert_error(&key.get("/v2/accounts").await, 403, refusal);
    let admin = server.key(&server.key_of(&server.admin(), "k").await);
    admin.get("/v2/accounts").await.expect(200);
}

#[tokio::test]
async fn key_changes_no_accounts_users_or_credentials() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let admin = server.key(&server.key_of(&server.admin(), "k").await);
    let user = "/v2/accounts/acme/users/alice";
    for answer in [
        admin.post("/v2/accounts", json!({ "name": "other" })).await,
        admin.put("/v2/accounts/acme", json!({})).await,
        admin.put("/v2/accounts/acme/state", json!({ "state": "disabled" })).await,
        admin.delete("/v2/accounts/acme").await,
        admin.post("/v2/accounts/acme/users", json!({ "username": "bob", "password": PASSWORD })).await,
        admin.delete(user).await,
        admin.post(&format!("{user}/credentials"), json!({ "type": "password", "value": PASSWORD })).await,
        admin.delete(&format!("{user}/credentials?credential_type=password")).await,
        admin.post("/v2/user/credentials", json!({ "type": "password", "value": PASSWORD })).await,
    ] {
        assert_error(&answer, 403, "Not authorized. Operation not allowed with an API key");
        assert_eq!(answer.body["error_type"], "not_with_api_key");
    }
}
