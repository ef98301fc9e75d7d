//! What guessing meets: limits on failures, over all nodes, and a bound on what is hashed.

mod failures;
mod hanging_up;
mod hashing;
mod parallel;
mod refresh_tokens;
mod strangers;

use kedge::clock::Clock;
use reqwest::RequestBuilder;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::{OffsetDateTime, macros::datetime};

use crate::support::{Answer, Client, Options, Server, send, until};

const START: OffsetDateTime = datetime!(2026-11-22 19:30:00 UTC);
const PER_USER: &str = "KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS";
const PER_ADDRESS: &str = "KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS";
const PROXIES: &str = "KEDGE_SERVER__TRUSTED_PROXIES";

/// A Kedge with the limits as they are by default, behind a proxy on this machine, whose clock stands.
async fn limited() -> Server {
    limited_to("5", "100").await
}

/// The same with other limits.
async fn limited_to(per_user: &'static str, per_address: &'static str) -> Server {
    let environment = vec![(PER_USER, per_user), (PER_ADDRESS, per_address), (PROXIES, "127.0.0.0/8")];
    let server =
        Server::start_with(Options { environment, clock: Some(Clock::fixed(START)), ..Options::default() }).await;
    server.user("acme", "alice").await;
    server
}

/// One more node of it.
async fn another(server: &Server) -> Server {
    let environment = vec![(PER_USER, "5"), (PER_ADDRESS, "100"), (PROXIES, "127.0.0.0/8")];
    server.another_node_with(Options { environment, clock: Some(Clock::fixed(START)), ..Options::default() }).await
}

/// The request of a sign-in from this address.
fn from(client: &Client, address: &str) -> RequestBuilder {
    client.request("GET", "/v2/user").header("x-forwarded-for", address)
}

/// A sign-in by a Basic header from this address.
async fn sign_in_from(server: &Server, address: &str, username: &str, password: &str) -> Answer {
    send(from(&server.basic(username, password), address)).await
}

/// Keeps everybody from a table until its transaction is committed.
async fn lock(server: &Server, table: &str) -> PgConnection {
    let mut db = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let lock = format!("begin; lock table {table} in access exclusive mode");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut db).await.unwrap();
    db
}

async fn unlock(mut db: PgConnection) {
    sqlx::raw_sql("commit").execute(&mut db).await.unwrap();
}

/// Waits until so many checks run that count in one slot.
async fn wait_for_checks(server: &Server, running: i32) {
    until("the checks run", async || {
        let most: Option<i32> = sqlx::query_scalar("select max(running) from sign_in_attempts")
            .fetch_one(&mut *server.app.db.connection().await.unwrap())
            .await
            .unwrap();
        most == Some(running)
    })
    .await;
}

async fn wait_for_outcomes(server: &Server) {
    for _ in 0..2_000 {
        let running: i64 = sqlx::query_scalar("select coalesce(sum(running), 0) from sign_in_attempts")
            .fetch_one(&mut *server.app.db.connection().await.unwrap())
            .await
            .unwrap();
        if running == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("an outcome was never written");
}
