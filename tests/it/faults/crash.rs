//! Kedge killed, and PostgreSQL killed, in the midst of changes: what was acknowledged is there, what was not is whole
//! or absent.
//!
//! `KEDGE_CRASH_ROUNDS` says how often, five times where it is not set; `benches/crash` runs the long form.

use std::time::{Duration, Instant};

use kedge::clock::Random;
use nix::sys::signal::Signal;

use super::{Postgres, crash_clients::Clients};
use crate::{
    commands::{Process, Setup},
    support::{ADMIN_PASSWORD, Client, Login, until, url},
};

/// `cache.lease`, as it is by default.
const LEASE: Duration = Duration::from_secs(1);

fn rounds() -> u32 {
    std::env::var("KEDGE_CRASH_ROUNDS").map_or(5, |rounds| rounds.parse().expect("a number of rounds"))
}

/// A moment between a tenth of a second and a whole one.
async fn some_time() {
    let number = u16::from_be_bytes(Random::System.bytes());
    tokio::time::sleep(Duration::from_millis(100 + u64::from(number) % 900)).await;
}

fn setup(postgres: &Postgres) -> Setup {
    Setup::private()
        .with("KEDGE_DATABASE_URL", &url(&postgres.options))
        // The audience of tokens, which outlive the port.
        .with("KEDGE_SERVER__EXTERNAL_URL", "http://kedge.test")
        .with("KEDGE_LOG", "warn,kedge::command=info")
        // Many clients sign in from one address, and some of them before they exist.
        .with("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "0")
        .with("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "0")
}

/// A token for what the clients do.
async fn sign_in(server: &Process) -> String {
    let admin = server.client("admin", ADMIN_PASSWORD);
    admin.post("/v2/accounts", serde_json::json!({ "name": "acme" })).await.expect(200);
    let form = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    let tokens = Client::new(&server.url, Login::Nobody).form("/v2/oauth/token", &form).await.expect(200);
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_kedge_loses_nothing_that_it_acknowledged_and_leaves_nothing_half_done() {
    let postgres = Postgres::start().await;
    let setup = setup(&postgres);
    let mut server = setup.serve().await;
    let mut clients = Clients::new(&sign_in(&server).await);
    clients.prepare(&server.url).await;
    for _ in 0..rounds() {
        let running = clients.run(&server.url);
        some_time().await;
        server.signal(Signal::SIGKILL);
        assert_eq!(server.end().await.code, None);
        clients = running.ended().await;
        // Whatever the dead Kedge had begun ends before the next one looks.
        let held = "select count(*) from pg_stat_activity where application_name = 'kedge'";
        until("the dead Kedge's connections end", async || postgres.count(held).await == 0).await;
        server = setup.serve().await;
        clients.verify(&server.url, &postgres).await;
    }
    println!("{}", clients.told());
    clients.assert_worked(rounds());
    server.client("admin", ADMIN_PASSWORD).get("/v2/user").await.expect(200);
    assert_eq!(server.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_database_loses_nothing_that_was_acknowledged_and_kedge_finds_it_again() {
    let mut postgres = Postgres::start().await;
    let server = setup(&postgres).serve().await;
    let mut clients = Clients::new(&sign_in(&server).await);
    clients.prepare(&server.url).await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds() {
        let running = clients.run(&server.url);
        some_time().await;
        postgres.kill().await;
        clients = running.ended().await;
        // Until the node has noticed, it may go on by what it remembers; no longer than its lease.
        let killed = Instant::now();
        loop {
            let asked = killed.elapsed();
            let (gone, _) = super::timed(admin.request("GET", "/v2/user")).await;
            match gone.status {
                503 => break,
                200 => assert!(asked < LEASE, "still remembered"),
                _ => panic!("{gone:?}"),
            }
        }
        postgres.start_again().await;
        let started = Instant::now();
        while admin.get("/v2/user").await.status != 200 {
            assert!(started.elapsed() < super::BACK_WITHIN, "still away");
        }
        slowest = slowest.max(started.elapsed());
        clients.verify(&server.url, &postgres).await;
    }
    println!("{}; back after {slowest:?} at most", clients.told());
    clients.assert_worked(rounds());
    assert_eq!(server.stop().await.code, Some(0));
}
