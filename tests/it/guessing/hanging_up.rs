//! Who hangs up before the answer has tried all the same: it counts, and log, metrics and audit trail tell of it.

use super::{from, limited, lock, sign_in_from, unlock, wait_for_checks, wait_for_outcomes};
use crate::support::{CapturedLog, PASSWORD, Server, sample, send, sign_ins, until};

const HERE: &str = "198.51.100.9";

/// Waits until the server has seen that nobody is at the other end of any connection.
async fn wait_for_silence(server: &Server) {
    let open = || sample(&kedge::metrics::text(&server.app).unwrap(), "kedge_connections_open");
    until("the connections are closed", async || open() == 0).await;
}

fn refused(server: &Server, method: &str) -> u64 {
    sample(&kedge::metrics::text(&server.app).unwrap(), &sign_ins(method, "refused"))
}

/// How many failed sign-ins by this method the audit trail has.
async fn recorded(server: &Server, method: &str) -> i64 {
    server.app.tally.write(&server.app, server.app.clock.now() + time::Duration::minutes(1)).await.unwrap();
    sqlx::query_scalar(
        "select coalesce(sum(count), 0)::bigint from audit_events
         where type = 'system.security.sign_in_failed' and details ->> 'signed_in_by' = $1",
    )
    .bind(method)
    .fetch_one(&mut *server.app.db.connection().await.unwrap())
    .await
    .unwrap()
}

/// An id that no other test's request has: the log is that of all tests.
fn request_id(of: &str) -> String {
    format!("{of}-{}", kedge::clock::Random::System.uuid())
}

fn logged(request_id: &str) -> usize {
    let text = CapturedLog::text();
    text.lines().filter(|line| line.contains(request_id) && line.contains("authentication refused")).count()
}

#[tokio::test]
async fn wrong_password_counts_and_is_told_once() {
    let server = limited().await;
    let users = lock(&server, "users").await;
    let ids: Vec<_> = (1..=5).map(|_| request_id("hung-up")).collect();
    for (running, id) in (1..).zip(&ids) {
        let guess = from(&server.basic("alice", &format!("guess-{running}")), HERE).header("x-request-id", id);
        let guess = tokio::spawn(send(guess));
        wait_for_checks(&server, running).await;
        guess.abort();
    }
    wait_for_silence(&server).await;
    unlock(users).await;
    wait_for_outcomes(&server).await;
    assert_eq!(sign_in_from(&server, HERE, "alice", PASSWORD).await.status, 429);
    assert_eq!(refused(&server, "password"), 5);
    assert_eq!(recorded(&server, "password").await, 5);
    assert_eq!(ids.iter().map(|id| logged(id)).collect::<Vec<_>>(), [1; 5]);
    // Who waits for the answer is told of no more often.
    let id = request_id("waited");
    let waited = from(&server.basic("bob", "guess"), HERE).header("x-request-id", &id);
    assert_eq!(send(waited).await.status, 401);
    assert_eq!((refused(&server, "password"), recorded(&server, "password").await, logged(&id)), (6, 6, 1));
}

#[tokio::test]
async fn wrong_key_is_told_once() {
    let server = limited().await;
    let mut attempts = lock(&server, "sign_in_attempts").await;
    let id = request_id("hung-up");
    let guess = tokio::spawn(send(from(&server.key("garbage"), HERE).header("x-request-id", &id)));
    let waiting = "select count(*) from pg_locks where not granted and database =
                   (select oid from pg_database where datname = current_database())";
    until("the key is about to be counted", async || {
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut attempts).await.unwrap() > 0
    })
    .await;
    guess.abort();
    wait_for_silence(&server).await;
    unlock(attempts).await;
    until("it is counted", async || refused(&server, "api_key") == 1).await;
    assert_eq!((recorded(&server, "api_key").await, logged(&id)), (1, 1));
}
