//! What ends tokens: a changed or deleted password, a deleted user or account. At once, and whatever runs beside it.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::assert_refused;
use crate::support::{ADMIN_PASSWORD, PASSWORD, Server, Tokens, assert_error, claims_of, send, until};

const NEXT: &str = "jam-to-morrow";

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

/// The old password has been found right when it changes: whoever gave it must be left with nothing.
#[tokio::test]
async fn password_that_changes_while_it_is_checked_leaves_no_live_token() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let admin = Tokens::from(server.ask_for_tokens("admin", ADMIN_PASSWORD).await.expect(200));
    let admin = server.bearer(&admin.access);
    let mut onlooker = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let waiting =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    // Who waits for a row gets it in the order of coming: first the change, then the sign-in with the password as it was.
    let mut blocking = server.app.db.begin().await.unwrap();
    sqlx::query("select from users where username = 'alice' for update").execute(&mut *blocking).await.unwrap();
    // The same again: so that the sign-in is right before, during and after.
    let change = json!({ "type": "password", "value": PASSWORD });
    let change = tokio::spawn(send(admin.request("POST", "/v2/accounts/acme/users/alice/credentials").json(&change)));
    let mut waiting = async || sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut onlooker).await.unwrap();
    until("the change waits", async || waiting().await == 1).await;
    let form = [("username", "alice"), ("password", PASSWORD)];
    let sign_in = tokio::spawn(send(server.nobody().request("POST", "/v2/oauth/token").form(&form)));
    until("the sign-in waits", async || waiting().await == 2).await;
    blocking.commit().await.unwrap();
    change.await.unwrap().expect(200);
    assert_refused(&sign_in.await.unwrap(), 400, "invalid_grant");
    let sessions = "select count(*) from sessions s join users u on u.id = s.user_id where u.username = 'alice'";
    let left = sqlx::query_scalar::<_, i64>(sessions).fetch_one(&mut *server.app.db.connection().await.unwrap()).await;
    assert_eq!(left.unwrap(), 0);
}
