//! What has run out goes, and nothing before.

use kedge::{clock::Clock, identity::collector::remove_tokens};
use time::macros::datetime;

use crate::support::{Options, Server, Tokens};

async fn rows(server: &Server) -> (i64, i64) {
    sqlx::query_as("select (select count(*) from sessions), (select count(*) from refresh_tokens)")
        .fetch_one(&mut *server.app.db.connection().await.unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn sessions_and_tokens_go_when_they_have_run_out() {
    let clock = Some(Clock::fixed(datetime!(2024-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    server.tokens("alice").await;
    let kept = server.tokens("alice").await;
    server.app.clock.set(datetime!(2024-11-23 19:29:00 UTC));
    let kept: Tokens = server.refresh(&kept.refresh).await.expect(200).into();
    server.app.clock.set(datetime!(2024-11-23 19:30:29 UTC));
    assert_eq!(remove_tokens(&server.app).await.unwrap(), 0);
    assert_eq!(rows(&server).await, (2, 3));
    server.app.clock.set(datetime!(2024-11-23 19:30:30 UTC));
    assert_eq!(remove_tokens(&server.app).await.unwrap(), 2, "a session, and the used token of another");
    assert_eq!(rows(&server).await, (1, 1));
    server.bearer(&kept.access).get("/v2/user").await.expect(200);
    server.refresh(&kept.refresh).await.expect(200);
}

#[tokio::test]
async fn access_token_counts_to_its_end_where_the_refresh_token_runs_out_before() {
    let environment = vec![("KEDGE_USER_AUTHENTICATION__OAUTH__REFRESH_TOKEN_EXPIRATION_SECONDS", "60")];
    let clock = Some(Clock::fixed(datetime!(2024-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { environment, clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    server.app.clock.set(datetime!(2024-11-22 20:30:29 UTC));
    remove_tokens(&server.app).await.unwrap();
    server.bearer(&tokens.access).get("/v2/user").await.expect(200);
    server.app.clock.set(datetime!(2024-11-22 20:30:30 UTC));
    remove_tokens(&server.app).await.unwrap();
    assert_eq!(rows(&server).await, (0, 0));
}

#[tokio::test]
async fn clock_that_runs_ahead_ends_nothing_that_counts_on_other_nodes() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let tokens = server.tokens("alice").await;
    let clock = Some(Clock::fixed(Clock::System.now() + time::Duration::days(3_650)));
    let ahead = server.another_node_with(Options { clock, ..Options::default() }).await;
    assert_eq!(remove_tokens(&ahead.app).await.unwrap(), 0);
    server.bearer(&tokens.access).get("/v2/user").await.expect(200);
    server.refresh(&tokens.refresh).await.expect(200);
}
