//! A standby beside the database: one that is taken for it, and one that every commit waits for.

use std::time::Instant;

use serde_json::json;

use super::{Alice, BACK_WITHIN, Postgres, network::Way, read_only::standby_of};
use crate::support::{Options, Server, assert_error, until};

#[tokio::test]
async fn connection_that_leads_to_a_standby_is_not_used_though_the_log_is_still_read() {
    let postgres = Postgres::start().await;
    let way = Way::to(&postgres).await;
    let server = Server::on(way.options(), Options::default()).await;
    let alice = Alice::of(&server).await;
    alice.key.get("/v2/user").await.expect(200);
    let standby = standby_of(&postgres).await;
    standby.execute("select pg_wal_replay_pause()").await;
    // Only what connects from now on; the connections that hear of changes stay where they are.
    way.lead_to(&standby);
    postgres.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'kedge'").await;
    let other = postgres.kedge().await;
    let path = "/v2/accounts/acme/users/alice/api-keys/white-rabbit";
    other.admin().patch(path, json!({ "status": "revoked" })).await.expect(200);
    server.app.changes.renewed().await.unwrap();
    for _ in 0..5 {
        assert_eq!(alice.key.get("/v2/user").await.status, 503);
    }
    way.lead_to(&postgres);
    let back = async { while alice.key.get("/v2/user").await.status == 503 {} };
    tokio::time::timeout(BACK_WITHIN, back).await.expect("the database is found again");
    assert_error(&alice.key.get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn nodes_go_on_reading_without_the_standby_that_every_commit_waits_for() {
    let postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    let alice = Alice::of(&server).await;
    postgres.execute("alter system set synchronous_standby_names = 'hare'").await;
    postgres.execute("select pg_reload_conf()").await;
    let is_on = "select count(*) from (select where current_setting('synchronous_standby_names') = 'hare') t";
    until("the setting is taken", async || postgres.count(is_on).await == 1).await;
    // Of somebody who does not wait: the node says that it has seen it.
    let change = "set synchronous_commit = off; insert into changes (kind, subject) values ('user', 'nobody')";
    postgres.execute(change).await;
    let started = Instant::now();
    while started.elapsed() < 3 * server.app.config.cache.lease {
        for client in [&alice.key, &alice.token] {
            client.get("/v2/accounts/acme/users").await.expect(200);
        }
        server.nobody().get("/ready").await.expect(200);
    }
}
