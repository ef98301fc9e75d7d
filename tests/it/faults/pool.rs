//! Every connection in use.

use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::{Alice, assert_unavailable, logged, timed};
use crate::support::{Server, until};

#[tokio::test]
async fn who_finds_every_connection_in_use_is_told_in_time() {
    let server = Server::start().await;
    let alice = Alice::of(&server).await;
    let mut blocker = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let mut blocking = blocker.begin().await.unwrap();
    sqlx::query("select from users where username = 'alice' for update").execute(&mut *blocking).await.unwrap();
    // The pool of the tests has eight; each of these waits for the lock on one, and authenticates on none.
    let mut waiting = JoinSet::new();
    for number in 0..8 {
        let body = json!({ "name": format!("key-{number}") });
        let request = server.admin().request("POST", "/v2/accounts/acme/users/alice/api-keys").json(&body);
        waiting.spawn(async move { timed(request).await });
    }
    // Within the transaction it would see the same for ever.
    let mut onlooker = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let held = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let all_wait = async || sqlx::query_scalar::<_, i64>(held).fetch_one(&mut onlooker).await.unwrap() >= 8;
    until("eight requests wait for the lock", all_wait).await;
    let [password, key, token] =
        [&alice.password, &alice.key, &alice.token].map(|client| client.request("GET", "/v2/user"));
    let (password, key, token, health) =
        tokio::join!(timed(password), timed(key), timed(token), timed(server.nobody().request("GET", "/health")));
    for answered in [password, key, token] {
        assert_unavailable("a request that finds no connection", &answered);
        let log = logged(&answered.0);
        assert!(log.contains("ERROR") && log.contains("the database cannot be used"), "{log}");
        assert!(log.contains("pool timed out"), "{log}");
    }
    assert_eq!(health.0.status, 200);
    blocking.rollback().await.unwrap();
    for (answer, _) in waiting.join_all().await {
        // Those whose patience with the lock was over are told so.
        assert!([201, 503].contains(&answer.status), "{answer:?}");
    }
    alice.key.get("/v2/user").await.expect(200);
}
