//! PostgreSQL stopped, killed, frozen.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection};
use tokio::task::JoinSet;

use super::{Alice, Postgres, assert_back, assert_told, assert_unavailable, noted, timed};
use crate::support::{Answer, Options, PASSWORD, Server, until};

#[tokio::test]
async fn stopped_database_is_told_of_in_time_and_used_again_when_it_is_back() {
    let mut postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    let alice = Alice::of(&server).await;
    postgres.stop().await;
    assert_told(&server, &alice).await;
    postgres.start_again().await;
    assert_back(&server, &alice).await;
}

#[tokio::test]
async fn killed_database_is_told_of_in_time_and_used_again_when_it_is_back() {
    let mut postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    let alice = Alice::of(&server).await;
    postgres.kill().await;
    assert_told(&server, &alice).await;
    postgres.start_again().await;
    assert_back(&server, &alice).await;
}

#[tokio::test]
async fn frozen_database_is_told_of_in_time_and_used_again_when_it_thaws() {
    let postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    let alice = Alice::of(&server).await;
    for _ in 0..2 {
        postgres.freeze();
        // Those who find it out, and those who come later.
        assert_told(&server, &alice).await;
        assert_told(&server, &alice).await;
        postgres.thaw();
        assert_back(&server, &alice).await;
    }
    // What was given up did not stay behind.
    let most = postgres.count("select count(*) from pg_stat_activity where application_name = 'kedge'").await;
    assert!(most <= 20, "{most} connections");
}

#[tokio::test]
async fn frozen_database_that_is_killed_and_started_anew_is_used_again() {
    let mut postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    let alice = Alice::of(&server).await;
    postgres.freeze();
    assert_told(&server, &alice).await;
    postgres.kill().await;
    assert_told(&server, &alice).await;
    postgres.start_again().await;
    assert_back(&server, &alice).await;
}

#[tokio::test]
async fn change_that_a_freeze_cut_off_is_whole_or_absent() {
    let postgres = Postgres::start().await;
    let server = postgres.kedge().await;
    server.account("acme").await;
    let mut changes = JoinSet::new();
    for number in 0..40 {
        let name = format!("alice-{number}");
        let body = json!({ "username": name, "password": PASSWORD });
        let request = server.admin().request("POST", "/v2/accounts/acme/users").json(&body);
        changes.spawn(async move { (name, noted(request).await) });
    }
    // In the midst of it.
    let made = "select count(*) from users where username like 'alice-%'";
    until("a user is made", async || postgres.count(made).await > 0).await;
    postgres.freeze();
    let frozen = Instant::now();
    let changes = changes.join_all().await;
    postgres.thaw();
    // Those that waited for their turn before cannot be told of it before it comes.
    let since = |(name, (answer, answered)): (_, (_, Instant))| (name, (answer, answered.duration_since(frozen)));
    let changes: Vec<(String, (Answer, Duration))> = changes.into_iter().map(since).collect();
    let told = changes.iter().filter(|(_, (answer, _))| answer.status == 503).count();
    assert!(told > 0, "nothing was cut off");
    for (name, answered) in &changes {
        if answered.0.status != 200 {
            assert_unavailable(name, answered);
        }
    }
    // What still runs ends now, one way or the other.
    let running = "select count(*) from pg_stat_activity where application_name = 'kedge' and state <> 'idle'";
    until("nothing runs any more", async || postgres.count(running).await == 0).await;
    let nobody = server.nobody();
    until("it is ready", async || nobody.get("/ready").await.status == 200).await;
    for (name, (answer, _)) in &changes {
        let signed_in = server.basic(name, PASSWORD).get("/v2/user").await.status;
        let found = server.admin().get(&format!("/v2/accounts/acme/users/{name}")).await.status;
        assert!([(200, 200), (401, 404)].contains(&(signed_in, found)), "{name}: {signed_in} {found}");
        assert!(answer.status != 200 || found == 200, "{name} was acknowledged and is lost");
    }
}

#[tokio::test]
async fn sign_ins_that_a_freeze_cut_off_lock_nobody_out() {
    let postgres = Postgres::start().await;
    let limits = vec![
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "5"),
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "100"),
    ];
    let options = Options { environment: limits, ..Options::default() };
    let server = Server::on(postgres.options.clone(), options).await;
    let alice = server.user("acme", "alice").await;
    alice.get("/v2/user").await.expect(200);
    // As many as there are places, thrice: one waits at this table, the others are met by the freeze at whatever point.
    for table in ["sign_in_attempts", "sessions", "sign_in_attempts"] {
        let mut blocker = postgres.connect().await;
        let mut blocking = blocker.begin().await.unwrap();
        let lock = format!("lock table {table} in share mode");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *blocking).await.unwrap();
        let mut sign_ins = JoinSet::new();
        for _ in 0..20 {
            let form = [("username", "alice"), ("password", PASSWORD)];
            let request = server.nobody().request("POST", "/v2/oauth/token").form(&form);
            sign_ins.spawn(async move { timed(request).await.0.status });
        }
        let waiting = "select count(*) from pg_stat_activity
                       where application_name = 'kedge' and wait_event_type = 'Lock'";
        until("a sign-in waits for the lock", async || postgres.count(waiting).await > 0).await;
        postgres.freeze();
        let statuses = sign_ins.join_all().await;
        assert!(statuses.contains(&503), "nothing was cut off: {statuses:?}");
        postgres.thaw();
        blocking.rollback().await.unwrap();
        let back = async { while server.ask_for_tokens("alice", PASSWORD).await.status != 200 {} };
        tokio::time::timeout(super::BACK_WITHIN, back).await.expect("alice is let in again");
    }
}
