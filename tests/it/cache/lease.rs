//! What a node remembers counts while it hears of changes, and not much longer.

use std::time::{Duration, Instant};

use crate::support::Server;

/// A node that hears of nothing any more obeys a change within the lease: by answering nothing from memory.
#[tokio::test]
async fn node_that_reads_no_changes_stops_going_by_what_it_knows() {
    let server = Server::start().await;
    let deaf = server.another_node().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "warm").await;
    let there = deaf.key(&key);
    there.get("/v2/account").await.expect(200);
    deaf.reader.abort();
    server.set_state("acme", "disabled").await;
    let changed = Instant::now();
    let mut late = Duration::ZERO;
    loop {
        let asked = changed.elapsed();
        match there.get("/v2/account").await.status {
            200 => late = asked,
            503 => break,
            other => panic!("{other}"),
        }
    }
    assert!(late <= deaf.app.config.cache.lease, "still answered {late:?} after the change");
    // The others go on.
    server.key(&key).get("/v2/account").await.expect(403);
}

/// Its connection to the log is cut: it reads on over another, and what it knew before counts no more.
#[tokio::test]
async fn reader_whose_connection_is_cut_begins_anew() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    alice.get("/v2/account").await.expect(200);
    alice.get("/v2/account").await.expect(200);
    let before = server.app.cache.uses();
    super::sql(
        &server,
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'kedge changes' and datname = current_database()",
    )
    .await;
    let cut = Instant::now();
    loop {
        let status = alice.get("/v2/account").await.status;
        assert!(status == 200 || status == 503, "{status}");
        if status == 200 && server.app.cache.uses().misses > before.misses {
            break;
        }
        assert!(cut.elapsed() < Duration::from_mins(1), "what was known before the cut still counts");
    }
    server.set_state("acme", "disabled").await;
    alice.get("/v2/account").await.expect(403);
}
