//! What ends tokens: a changed or deleted password, a deleted user or account. At once, and whatever runs beside it.

use std::time::Duration;

use kedge::authn::password::Cost;
use serde_json::json;

use super::assert_refused;
use crate::support::{ADMIN_PASSWORD, Options, PASSWORD, Server, Tokens, assert_error, claims_of};

const NEXT: &str = "jam-to-morrow";
/// How much earlier the change begins than the sign-in that it is to catch.
const HEAD_START: Duration = Duration::from_millis(40);

/// Asserts that nothing of a sign-in is left.
async fn assert_ended(server: &Server, tokens: &Tokens) {
    assert_error(&server.bearer(&tokens.access).get("/v2/user").await, 401, "Unauthorized");
    assert_refused(&server.refresh(&tokens.refresh).await, 400, "invalid_grant");
    assert_error(&server.bearer(&tokens.access).get("/v2/account").await, 401, "Unauthorized");
}

#[tokio::test]
async fn every_way_to_change_a_password_ends_its_tokens() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let by_admin = "/v2/accounts/acme/users/alice/credentials";
    let set = |password: &str| json!({ "type": "password", "value": password });

    let (first, second) = (server.tokens("alice").await, server.tokens("alice").await);
    alice.post("/v2/user/credentials", set(NEXT)).await.expect(200);
    assert_ended(&server, &first).await;
    assert_ended(&server, &second).await;

    let third: Tokens = server.ask_for_tokens("alice", NEXT).await.expect(200).into();
    assert_eq!(claims_of(&third.access)["auth_epoch"], 1);
    // The same password again is a change, too.
    server.admin().post(by_admin, set(NEXT)).await.expect(200);
    assert_ended(&server, &third).await;

    let fourth: Tokens = server.ask_for_tokens("alice", NEXT).await.expect(200).into();
    server.admin().delete(&format!("{by_admin}?credential_type=password")).await.expect(204);
    assert_ended(&server, &fourth).await;
    server.admin().post(by_admin, set(PASSWORD)).await.expect(200);
    assert_ended(&server, &fourth).await;
    server.signed_in("alice").await.get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn password_of_another_ends_nothing() {
    let server = Server::start().await;
    let (alice, _) = (server.user("acme", "alice").await, server.user("acme", "bob").await);
    let bob = server.tokens("bob").await;
    alice.post("/v2/user/credentials", json!({ "type": "password", "value": NEXT })).await.expect(200);
    server.bearer(&bob.access).get("/v2/user").await.expect(200);
    server.refresh(&bob.refresh).await.expect(200);
}

#[tokio::test]
async fn deleted_user_has_no_tokens_and_a_namesake_none_of_them() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    server.admin().delete("/v2/accounts/acme/users/alice").await.expect(204);
    assert_ended(&server, &tokens).await;
    server.user("acme", "alice").await;
    assert_ended(&server, &tokens).await;
    let namesake = server.tokens("alice").await;
    assert_ne!(claims_of(&namesake.access)["sub"], claims_of(&tokens.access)["sub"]);
}

#[tokio::test]
async fn deleted_account_takes_the_tokens_of_its_users() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    server.delete_account("acme").await;
    assert_ended(&server, &tokens).await;
    kedge::identity::collector::remove_accounts(&server.app.db).await.unwrap();
    assert_ended(&server, &tokens).await;
}

#[tokio::test]
async fn disabled_account_is_403_until_it_is_enabled_again() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    server.set_state("acme", "disabled").await;
    let refusal = "Not authorized. Account acme not enabled.";
    for path in ["/v2/user", "/v2/account", "/v2/user/sessions"] {
        assert_error(&server.bearer(&tokens.access).get(path).await, 403, refusal);
    }
    assert_refused(&server.refresh(&tokens.refresh).await, 403, "access_denied");
    server.set_state("acme", "enabled").await;
    server.bearer(&tokens.access).get("/v2/user").await.expect(200);
    // The refusal was no use of the token.
    server.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn what_one_node_ends_is_ended_on_the_other() {
    let server = Server::start().await;
    let node = server.another_node().await;
    let alice = server.user("acme", "alice").await;
    let tokens = node.tokens("alice").await;
    server.bearer(&tokens.access).get("/v2/user").await.expect(200);
    alice.post("/v2/user/credentials", json!({ "type": "password", "value": NEXT })).await.expect(200);
    assert_ended(&node, &tokens).await;
}

/// The old password is being hashed when it changes: whoever gave it must be left with nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn password_that_changes_while_it_is_checked_leaves_no_live_token() {
    // Slow: a change that begins a moment before commits when its hash is done, while the sign-in still has that moment
    // to go with its own.
    let cost = Some(Cost { memory_kib: 64 * 1024, passes: 3 });
    let server = Server::start_with(Options { cost, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let admin = Tokens::from(server.ask_for_tokens("admin", ADMIN_PASSWORD).await.expect(200));
    let mut caught = 0;
    for _ in 0..6 {
        // By a token, which costs no hash.
        let admin = server.bearer(&admin.access);
        let change = tokio::spawn(async move {
            // The same again: so that the sign-in is right before, during and after.
            let path = "/v2/accounts/acme/users/alice/credentials";
            admin.post(path, json!({ "type": "password", "value": PASSWORD })).await.expect(200)
        });
        tokio::time::sleep(HEAD_START).await;
        let answer = server.ask_for_tokens("alice", PASSWORD).await;
        change.await.unwrap();
        if answer.status != 200 {
            assert_refused(&answer, 400, "invalid_grant");
            caught += 1;
            continue;
        }
        let tokens = Tokens::from(answer.body);
        let epoch: i64 = sqlx::query_scalar("select auth_epoch from users where username = 'alice'")
            .fetch_one(&mut *server.app.db.connection().await.unwrap())
            .await
            .unwrap();
        // It began before the change or after it, and is worth what that means.
        let status = if claims_of(&tokens.access)["auth_epoch"] == epoch { 200 } else { 401 };
        assert_eq!(server.bearer(&tokens.access).get("/v2/user").await.status, status);
        assert_eq!(server.refresh(&tokens.refresh).await.status == 200, status == 200);
    }
    assert!(caught > 0, "no change ever came in between");
}
