//! Two nodes on one database, and clients that move between them: how late the other one obeys.

use std::time::{Duration, Instant};

use kedge::{
    clock::Random,
    db::changes::{Changes, log::CHANNEL},
};
use serde_json::json;
use sqlx::{Connection, PgConnection, PgPool, postgres::PgListener};
use tokio::{sync::mpsc, time::timeout};

use crate::support::{Client, PASSWORD, Server, new_database};

const ROUNDS: usize = 25;

/// Asks until the answer is as it should be; how long after the change's answer one that was sent was not.
async fn late(client: &Client, path: &str, expected: u16) -> Duration {
    let (answered, mut late) = (Instant::now(), Duration::ZERO);
    loop {
        let asked = answered.elapsed();
        match client.get(path).await.status {
            status if status == expected => return late,
            // It goes by nothing that it knew before.
            503 => {}
            _ => late = asked,
        }
        assert!(asked < Duration::from_secs(20), "{path}: never {expected}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_node_obeys_within_the_lease() {
    let one = Server::start().await;
    let two = one.another_node().await;
    let admin = one.admin();
    one.account("croquet").await;
    let mut windows: Vec<(Duration, &str)> = Vec::new();
    for round in 0..ROUNDS {
        let name = format!("user-{round}");
        let alice = one.user("acme", &name).await;
        let value = one.key_of(&alice, "moves").await;
        let (key, there) = (two.key(&value), two.basic(&name, PASSWORD));
        key.get("/v2/account").await.expect(200);
        there.get("/v2/account").await.expect(200);

        let member = json!({ "username": name, "domain_name": "croquet" });
        admin.post("/v2/rbac-manager/roles/read-only/members", member).await.expect(200);
        windows.push((late(&key, "/v2/accounts/croquet", 200).await, "role granted"));
        let members = format!("/v2/rbac-manager/roles/read-only/members?username={name}&domain_name=croquet");
        admin.delete(&members).await.expect(204);
        windows.push((late(&key, "/v2/accounts/croquet", 403).await, "role taken away"));
        alice.patch("/v2/user/api-keys/moves", json!({ "status": "revoked" })).await.expect(200);
        windows.push((late(&key, "/v2/account", 401).await, "key revoked"));
        one.set_state("acme", "disabled").await;
        windows.push((late(&there, "/v2/account", 403).await, "account disabled"));
        one.set_state("acme", "enabled").await;
        windows.push((late(&there, "/v2/account", 200).await, "account enabled"));
        let new = json!({ "type": "password", "value": "another-glass" });
        alice.post("/v2/user/credentials", new).await.expect(200);
        windows.push((late(&there, "/v2/account", 401).await, "password changed"));
        // The other way round, with what was just made there.
        let made = two.key_of(&two.basic(&name, "another-glass"), "back").await;
        let back = one.key(&made);
        back.get("/v2/account").await.expect(200);
        two.admin().delete(&format!("/v2/accounts/acme/users/{name}")).await.expect(204);
        windows.push((late(&back, "/v2/account", 401).await, "user deleted"));
    }
    windows.sort_unstable();
    let at = |percent: usize| windows[(windows.len() - 1) * percent / 100];
    println!("stale for: median {:?}, p99 {:?}, longest {:?} of {}", at(50).0, at(99), at(100), windows.len());
    let (longest, what) = at(100);
    assert!(longest <= one.app.config.cache.lease, "{what}: {longest:?}");
}

/// A node that never looks by itself hears of a change from the node that made it.
#[tokio::test]
async fn other_node_is_woken() {
    const NEVER: Duration = Duration::from_hours(1);
    let one = Server::start().await;
    one.account("acme").await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let (two, reader) = Changes::new(Random::System.uuid(), NEVER);
    let reader = reader.polling_every(NEVER).followed_by(move |change| drop(told.send(change.kind.clone())));
    let reader = tokio::spawn(reader.run(one.app.db.options()));
    two.renewed().await.unwrap();
    let listening = "select count(*) from pg_stat_activity
                     where datname = current_database() and query = 'LISTEN \"kedge_changes\"' and state = 'idle'";
    for _ in 0..1_000 {
        let mut db = one.app.db.connection().await.unwrap();
        if sqlx::query_scalar::<_, i64>(listening).fetch_one(&mut *db).await.unwrap() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(heard.try_recv().is_err(), "nothing has happened yet");
    one.set_state("acme", "disabled").await;
    let change = timeout(Duration::from_secs(20), heard.recv()).await.expect("nobody woke it");
    assert_eq!(change.as_deref(), Some("account"));
    reader.abort();
}

/// The node looks by itself between the commit and the question of the one who committed.
#[tokio::test]
async fn other_nodes_are_woken_for_a_change_that_was_read_before_its_writer_asked() {
    const NEVER: Duration = Duration::from_hours(1);
    let database = new_database().await;
    let mut listener = PgListener::connect_with(&PgPool::connect_lazy_with(database.clone())).await.unwrap();
    listener.listen(CHANNEL).await.unwrap();
    let (node, reader) = Changes::new(Random::System.uuid(), NEVER);
    let reader = tokio::spawn(reader.polling_every(NEVER).run(database.clone()));
    node.renewed().await.unwrap();
    let mut writer = PgConnection::connect_with(&database).await.unwrap();
    sqlx::raw_sql("update accounts set state = state").execute(&mut writer).await.unwrap();
    node.renewed().await.unwrap();
    node.obeyed().await;
    timeout(Duration::from_mins(1), listener.recv()).await.expect("nobody was woken").unwrap();
    reader.abort();
}

/// A guesser who is blocked on one node learns nothing on another that remembers the right password.
#[tokio::test]
async fn block_reaches_a_node_that_remembers_the_right_password() {
    let environment = vec![
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "5"),
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "100"),
    ];
    let options = || crate::support::Options { environment: environment.clone(), ..Default::default() };
    let one = Server::start_with(options()).await;
    let two = one.another_node_with(options()).await;
    one.user("acme", "alice").await;
    let there = two.basic("alice", PASSWORD);
    there.get("/v2/account").await.expect(200);
    for _ in 0..5 {
        one.basic("alice", "guess").get("/v2/account").await.expect(401);
    }
    let blocked = Instant::now();
    while there.get("/v2/account").await.status != 429 {
        assert!(blocked.elapsed() < Duration::from_mins(1));
    }
    let misses = two.app.cache.uses();
    there.get("/v2/account").await.expect(429);
    assert_eq!(two.app.cache.uses().hits, misses.hits, "it was looked up though it is blocked");
}
