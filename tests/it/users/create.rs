//! `POST /v2/accounts/{account_name}/users`.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use crate::support::{ADMIN_PASSWORD, Options, PASSWORD, Server, assert_error, assert_problem, segment};

const USERS: &str = "/v2/accounts/acme/users";

#[tokio::test]
async fn new_user_is_answered_whole() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:34:57.9 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    server.account("acme").await;
    let made = server.admin().post(USERS, json!({ "username": "alice", "password": PASSWORD })).await.expect(200);
    let expected = json!({
        "username": "alice", "account_name": "acme", "type": "native", "source": null, "idp_name": null,
        "created_at": "2026-11-22T19:34:57Z", "last_updated": "2026-11-22T19:34:57Z",
        "password_last_updated": "2026-11-22T19:34:57Z", "unified_roles": [],
    });
    assert_eq!(made, expected);
    assert_eq!(server.admin().get("/v2/accounts/acme/users/alice").await.expect(200), expected);
    assert_eq!(server.basic("alice", PASSWORD).get("/v2/user").await.expect(200), expected);
}

#[tokio::test]
async fn name_is_unique_over_all_accounts() {
    let server = Server::start().await;
    let admin = server.admin();
    server.user("acme", "alice").await;
    server.account("other").await;
    for account in ["acme", "other", "admin"] {
        let user = json!({ "username": "alice", "password": PASSWORD });
        let answer = admin.post(&format!("/v2/accounts/{account}/users"), user).await;
        assert_error(&answer, 400, "User already exists");
        assert_eq!(answer.body["error_type"], "name_taken");
    }
    let second_admin = admin.post(USERS, json!({ "username": "admin", "password": PASSWORD })).await;
    assert_error(&second_admin, 400, "User already exists");
}

#[tokio::test]
async fn names_that_differ_by_case_are_two_users() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.user("other", "Alice").await;
    let admin = server.user("acme", "Admin").await;
    assert_eq!(server.basic("Alice", PASSWORD).get("/v2/user").await.expect(200)["account_name"], "other");
    assert_eq!(server.basic("alice", PASSWORD).get("/v2/user").await.expect(200)["account_name"], "acme");
    // A name like the admin's is nobody's but the user's own.
    assert_eq!(admin.get("/v2/accounts").await.status, 403);
    assert_eq!(server.basic("Admin", ADMIN_PASSWORD).get("/v2/user").await.status, 401);
    assert_eq!(server.basic("ALICE", PASSWORD).get("/v2/user").await.status, 401);
}

#[tokio::test]
async fn name_outside_the_pattern_is_refused_naming_the_field() {
    let server = Server::start().await;
    server.account("acme").await;
    let too_long = "a".repeat(129);
    for name in ["", "a", "ab", "abc-", "abc ", "-abc", "_api_key", "a/b", "älice", "a%b", "abc\n", "a\0bc", &too_long]
    {
        let answer = server.admin().post(USERS, json!({ "username": name, "password": PASSWORD })).await;
        assert_problem(&answer, 400, "'username' must match");
    }
}

#[tokio::test]
async fn native_name_with_a_colon_is_refused() {
    let server = Server::start().await;
    server.account("acme").await;
    let answer = server.admin().post(USERS, json!({ "username": "al:ice", "password": PASSWORD })).await;
    assert_problem(&answer, 400, "'username' cannot have a colon");
}

#[tokio::test]
async fn every_other_name_of_the_pattern_signs_in_and_is_reachable() {
    let server = Server::start().await;
    server.account("acme").await;
    let longest = "a".repeat(128);
    for name in ["mad hatter", "a @.!#$+=^_`~;-z", "hatter@acme.test", "abc_", "a+2Fb", &longest] {
        server.admin().post(USERS, json!({ "username": name, "password": PASSWORD })).await.expect(200);
        let user = server.basic(name, PASSWORD).get("/v2/user").await.expect(200);
        assert_eq!(server.admin().get(&format!("{USERS}/{}", segment(name))).await.expect(200), user);
    }
}

#[tokio::test]
async fn reserved_name_is_refused() {
    let server = Server::start().await;
    server.account("acme").await;
    for name in ["system", "anchore-system"] {
        let answer = server.admin().post(USERS, json!({ "username": name, "password": PASSWORD })).await;
        assert_error(&answer, 400, &format!("Invalid user request: Cannot use name {name}"));
    }
}

#[tokio::test]
async fn missing_or_mistyped_property_is_named() {
    let server = Server::start().await;
    server.account("acme").await;
    for (request, field) in [
        (json!({ "password": PASSWORD }), "username"),
        (json!({ "username": null, "password": PASSWORD }), "'username'"),
        (json!({ "username": ["alice"], "password": PASSWORD }), "'username'"),
        (json!({ "username": "alice" }), "'password' is required"),
        (json!({ "username": "alice", "password": null }), "'password' is required"),
        (json!({ "username": "alice", "user_type": "native" }), "'password' is required"),
        (json!({ "username": "alice", "password": 12_345_678 }), "'password'"),
        (json!({ "username": "alice", "password": PASSWORD, "user_type": "ldap" }), "'user_type'"),
        (json!({ "username": "alice", "password": PASSWORD, "user_type": { "native": null } }), "'user_type'"),
    ] {
        assert_problem(&server.admin().post(USERS, request).await, 400, field);
    }
    assert_error(&server.admin().get(&format!("{USERS}/alice")).await, 404, "User not found");
}

#[tokio::test]
async fn saml_user_needs_a_known_identity_provider() {
    let server = Server::start().await;
    server.account("acme").await;
    let admin = server.admin();
    let without = admin.post(USERS, json!({ "username": "al:ice", "user_type": "saml" })).await;
    assert_problem(&without, 400, "'idp_name' is required");
    let unknown = json!({ "username": "al:ice", "user_type": "saml", "idp_name": "wonderland" });
    let refusal = "Invalid user request: Unknown identity provider wonderland";
    assert_error(&admin.post(USERS, unknown).await, 400, refusal);
}

#[tokio::test]
async fn unknown_properties_are_ignored() {
    let server = Server::start().await;
    server.account("acme").await;
    let request =
        json!({ "username": "alice", "password": PASSWORD, "type": "saml", "account_name": "admin", "zzz": 1 });
    let made = server.admin().post(USERS, request).await.expect(200);
    assert_eq!((&made["type"], &made["account_name"]), (&json!("native"), &json!("acme")));
}

#[tokio::test]
async fn unknown_account_is_not_found() {
    let server = Server::start().await;
    let user = json!({ "username": "alice", "password": PASSWORD });
    assert_error(&server.admin().post("/v2/accounts/zzz/users", user).await, 404, "Account not found");
}

#[tokio::test]
async fn plain_user_makes_no_user_anywhere() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    for account in ["acme", "admin", "zzz"] {
        let user = json!({ "username": "bob", "password": PASSWORD });
        let refusal = format!("Not authorized. Requires permissions: domain={account} action=createUser target=*");
        assert_error(&alice.post(&format!("/v2/accounts/{account}/users"), user).await, 403, &refusal);
    }
}
