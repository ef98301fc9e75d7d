//! `PUT /v2/accounts/{account_name}`.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use crate::support::{Options, Server, assert_error, assert_problem};

#[tokio::test]
async fn email_is_set_kept_and_taken_away() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    for (request, email) in [
        (json!({ "email": "a@acme.test" }), json!("a@acme.test")),
        (json!({}), json!("a@acme.test")),
        (json!({ "zzz": 1, "name": "other", "state": "disabled" }), json!("a@acme.test")),
        (json!({ "email": null }), json!(null)),
    ] {
        let changed = admin.put("/v2/accounts/acme", request.clone()).await.expect(200);
        assert_eq!(changed["email"], email, "{request}");
        assert_eq!(changed["state"], "enabled", "{request}");
        assert_eq!(admin.get("/v2/accounts/acme").await.expect(200), changed, "{request}");
    }
}

#[tokio::test]
async fn change_moves_last_updated_alone() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:34:57 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    server.account("acme").await;
    server.app.clock.set(datetime!(2026-11-23 08:00:00 UTC));
    let changed = server.admin().put("/v2/accounts/acme", json!({ "email": "a@acme.test" })).await.expect(200);
    assert_eq!(changed["created_at"], "2026-11-22T19:34:57Z");
    assert_eq!(changed["last_updated"], "2026-11-23T08:00:00Z");
}

#[tokio::test]
async fn bad_email_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let admin = server.admin();
    server.account("acme").await;
    admin.put("/v2/accounts/acme", json!({ "email": "a@acme.test" })).await.expect(200);
    for email in [json!("nope"), json!(""), json!(7), json!(["a@acme.test"]), json!("a@acme.test\0")] {
        assert_problem(&admin.put("/v2/accounts/acme", json!({ "email": email })).await, 400, "'email'");
    }
    assert_eq!(admin.get("/v2/accounts/acme").await.expect(200)["email"], "a@acme.test");
}

#[tokio::test]
async fn unknown_account_is_not_found() {
    let server = Server::start().await;
    assert_error(&server.admin().put("/v2/accounts/zzz", json!({})).await, 404, "Account not found");
}

#[tokio::test]
async fn path_names_the_account_whatever_the_header_says() {
    let server = Server::start().await;
    server.account("acme").await;
    server.account("other").await;
    let admin = server.admin().acting_in("other");
    let changed = admin.put("/v2/accounts/acme", json!({ "email": "a@acme.test" })).await.expect(200);
    assert_eq!(changed["name"], "acme");
    assert_eq!(server.admin().get("/v2/accounts/other").await.expect(200)["email"], json!(null));
}

#[tokio::test]
async fn plain_user_changes_not_even_the_own_account() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let refusal = "Not authorized. Requires permissions: domain=system action=updateAccount target=*";
    for path in ["/v2/accounts/acme", "/v2/accounts/zzz", "/v2/accounts/acme/state"] {
        assert_error(&alice.put(path, json!({ "state": "disabled" })).await, 403, refusal);
    }
}
