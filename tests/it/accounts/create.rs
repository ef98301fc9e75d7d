//! `POST /v2/accounts`.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use crate::support::{Options, Server, assert_error, assert_problem, segment, send};

const ACCOUNTS: &str = "/v2/accounts";

#[tokio::test]
async fn new_account_is_answered_whole() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:34:57.9 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    let made = server.admin().post(ACCOUNTS, json!({ "name": "acme", "email": "a@acme.test" })).await;
    assert_eq!(made.header("content-type"), "application/json");
    let expected = json!({
        "name": "acme", "type": "user", "state": "enabled", "email": "a@acme.test",
        "created_at": "2026-11-22T19:34:57Z", "last_updated": "2026-11-22T19:34:57Z",
    });
    assert_eq!(made.expect(200), expected);
    assert_eq!(server.admin().get("/v2/accounts/acme").await.expect(200), expected);
}

#[tokio::test]
async fn email_is_null_where_none_is_given() {
    let server = Server::start().await;
    for (name, request) in [("absent", json!({ "name": "absent" })), ("null", json!({ "name": "null", "email": null }))]
    {
        let made = server.admin().post(ACCOUNTS, request).await.expect(200);
        assert_eq!(made.get("email"), Some(&json!(null)), "{name}");
    }
}

#[tokio::test]
async fn taken_name_is_a_conflict_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    let first = admin.post(ACCOUNTS, json!({ "name": "acme", "email": "a@acme.test" })).await.expect(200);
    let second = admin.post(ACCOUNTS, json!({ "name": "acme", "email": "b@acme.test" })).await;
    assert_error(&second, 409, "Account already exists");
    assert_eq!(second.body["error_type"], "already_exists");
    assert_eq!(admin.get("/v2/accounts/acme").await.expect(200), first);
}

#[tokio::test]
async fn names_differ_by_case() {
    let server = Server::start().await;
    for name in ["acme", "Acme", "Admin"] {
        server.account(name).await;
    }
}

#[tokio::test]
async fn reserved_name_is_refused() {
    let server = Server::start().await;
    // `users` would stand where `GET /v2/accounts/users` lists the users of all accounts.
    for name in ["admin", "system", "anchore-system", "users"] {
        let answer = server.admin().post(ACCOUNTS, json!({ "name": name })).await;
        assert_error(&answer, 400, &format!("Invalid account request: Cannot use name {name}"));
    }
}

#[tokio::test]
async fn name_outside_the_pattern_is_refused_naming_the_field() {
    let server = Server::start().await;
    let too_long = "a".repeat(129);
    for name in
        ["", "a", "ab", "abc-", "abc ", "-abc", "_abc", "a:b", "a/b", "a#b", "äbc", "a%b", "abc\n", "a\0bc", &too_long]
    {
        let answer = server.admin().post(ACCOUNTS, json!({ "name": name })).await;
        assert_problem(&answer, 400, "'name' must match");
    }
}

#[tokio::test]
async fn every_name_of_the_pattern_is_taken_and_reachable() {
    let server = Server::start().await;
    let admin = server.admin();
    let longest = "a".repeat(128);
    for name in ["abc", "9-_", "bad name", "a @.!$+=^_`~;-z", "a+2Fb", &longest] {
        admin.post(ACCOUNTS, json!({ "name": name })).await.expect(200);
        let found = admin.get(&format!("/v2/accounts/{}", segment(name))).await.expect(200);
        assert_eq!(found["name"], name);
    }
}

#[tokio::test]
async fn bad_email_is_refused_naming_the_field() {
    let server = Server::start().await;
    let too_long = format!("{}@acme.test", "a".repeat(311));
    for email in
        ["", "nope", "a@acme", "A@ACME.TEST", "@acme.test", "a@-acme.test", "a@b.test\0", "a\n@b.test", &too_long]
    {
        let answer = server.admin().post(ACCOUNTS, json!({ "name": "acme", "email": email })).await;
        assert_problem(&answer, 400, "'email' must be an e-mail address");
    }
    assert_error(&server.admin().get("/v2/accounts/acme").await, 404, "Account not found");
}

#[tokio::test]
async fn name_is_required_and_a_string() {
    let server = Server::start().await;
    let admin = server.admin();
    assert_problem(&admin.post(ACCOUNTS, json!({ "email": "a@acme.test" })).await, 400, "name");
    for name in [json!(null), json!(7), json!(true), json!(["acme"]), json!({ "name": "acme" })] {
        assert_problem(&admin.post(ACCOUNTS, json!({ "name": name })).await, 400, "'name'");
    }
}

#[tokio::test]
async fn only_type_user_can_be_made() {
    let server = Server::start().await;
    let admin = server.admin();
    for kind in ["admin", "service", "", "User"] {
        let answer = admin.post(ACCOUNTS, json!({ "name": "acme", "type": kind })).await;
        assert_error(&answer, 400, &format!("Invalid account request: Account type must be \"user\", found: {kind}"));
    }
    let made = admin.post(ACCOUNTS, json!({ "name": "acme", "type": "user" })).await.expect(200);
    assert_eq!(made["type"], "user");
}

#[tokio::test]
async fn unknown_and_read_only_properties_are_ignored() {
    let server = Server::start().await;
    let request = json!({ "name": "acme", "zzz": 1, "state": "disabled", "created_at": "1970-01-01T00:00:00Z" });
    let made = server.admin().post(ACCOUNTS, request).await.expect(200);
    assert_eq!(made["state"], "enabled");
    assert_ne!(made["created_at"], "1970-01-01T00:00:00Z");
    assert!(made.get("zzz").is_none());
}

#[tokio::test]
async fn body_must_be_declared_as_json() {
    let server = Server::start().await;
    let request = || server.admin().request("POST", ACCOUNTS).body(r#"{"name":"acme"}"#);
    let unsupported = "Content-Type must be application/json";
    assert_problem(&send(request()).await, 415, unsupported);
    for content_type in ["text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        assert_problem(&send(request().header("content-type", content_type)).await, 415, unsupported);
    }
    send(request().header("content-type", "Application/JSON; charset=utf-8")).await.expect(200);
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let server = Server::start().await;
    let request = server.admin().request("POST", ACCOUNTS).header("content-type", "application/json");
    assert_problem(&send(request.body(r#"{"name":"#)).await, 400, "Request body is not valid JSON");
}

#[tokio::test]
async fn plain_user_makes_no_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let refusal = "Not authorized. Requires permissions: domain=system action=createAccount target=*";
    assert_error(&alice.post(ACCOUNTS, json!({ "name": "sneaky" })).await, 403, refusal);
    assert_error(&server.admin().get("/v2/accounts/sneaky").await, 404, "Account not found");
}
