//! Seals: each record is in one, and whoever alters what is sealed is found out.

use std::time::Duration;

use kedge::{
    audit::{
        record::{Actor, Refusal},
        retention,
        seal::{self, Broken, Sealer, Verified},
        tally::Refused,
    },
    clock::Clock,
    secret::Secret,
};
use serde_json::json;
use sqlx::Connection;

use super::{connect, count, execute, records, tamper, write_tally};
use crate::support::{Options, Server};

const SEALED: &str = "select count(*) from audit_sealed";

/// Makes some changes and seals them.
async fn seal_some(server: &Server, name: &str) {
    for number in 0..3 {
        server.account(&format!("{name}-{number}")).await;
    }
    let sealed = seal::seal(&server.app).await.unwrap().expect("there is something to seal");
    assert_eq!(sealed.count, 3);
}

/// With three seals of three records.
async fn sealed() -> Server {
    let server = Server::start().await;
    for name in ["acme", "tea-party", "croquet"] {
        seal_some(&server, name).await;
    }
    server
}

/// The table that holds the records; the month may have ended since they were written.
async fn month_of_records(server: &Server) -> String {
    let table = "select tableoid::regclass::text from audit_events order by id limit 1";
    sqlx::query_scalar(table).fetch_one(&mut connect(&server.app.db.options()).await).await.unwrap()
}

async fn verify(server: &Server) -> Result<Verified, Broken> {
    seal::verify(&server.app.db, None, &[]).await
}

/// What the verification finds wrong.
async fn wrong(server: &Server) -> String {
    verify(server).await.expect_err("it is altered").to_string()
}

#[tokio::test]
async fn every_record_is_in_one_seal() {
    let server = sealed().await;
    assert!(seal::seal(&server.app).await.unwrap().is_none(), "nothing is left");
    assert_eq!((records(&server).await.len(), count(&server, SEALED).await), (9, 9));
    let verified = verify(&server).await.unwrap();
    assert_eq!((verified.seals, verified.records, verified.dropped, verified.unsealed), (3, 9, 0, 0));
    assert_eq!(verified.keys, [server.app.sealer.public_key()]);
    server.account("late").await;
    assert_eq!(verify(&server).await.unwrap().unsealed, 1);
    let checkpoint = verified.checkpoint.unwrap();
    seal::verify(&server.app.db, Some(&checkpoint), &verified.keys).await.unwrap();
    // A checkpoint stays good when the trail goes on.
    seal::seal(&server.app).await.unwrap().unwrap();
    seal::verify(&server.app.db, Some(&checkpoint), &[]).await.unwrap();
}

#[tokio::test]
async fn trail_without_seals_is_verified() {
    let server = Server::start().await;
    let verified = verify(&server).await.unwrap();
    assert_eq!((verified.seals, verified.records, verified.unsealed), (0, 0, 0));
    assert!(verified.checkpoint.is_none());
    let none = seal::verify(&server.app.db, Some("1:00"), &[]).await.unwrap_err();
    assert_eq!(none.to_string(), "the checkpoint 1:00 is not in the trail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_seal_at_once_seal_each_record_once() {
    let server = Server::start().await;
    let other = server.another_node().await;
    for round in 0..10 {
        let (admin, others) = (server.admin(), other.admin());
        let account = |name: String| json!({ "name": name });
        let (one, two, _, _) = tokio::join!(
            admin.post("/v2/accounts", account(format!("acme-{round}"))),
            others.post("/v2/accounts", account(format!("tea-{round}"))),
            seal::seal(&server.app),
            seal::seal(&other.app),
        );
        assert_eq!((one.status, two.status), (200, 200));
        let (one, two) = tokio::join!(seal::seal(&server.app), seal::seal(&other.app));
        one.unwrap();
        two.unwrap();
    }
    seal::seal(&server.app).await.unwrap();
    assert_eq!((records(&server).await.len(), count(&server, SEALED).await), (20, 20));
    let verified = verify(&server).await.unwrap();
    assert_eq!((verified.records, verified.unsealed), (20, 0));
}

#[tokio::test]
async fn record_that_is_committed_after_a_later_one_was_sealed_is_in_the_next_seal() {
    let server = Server::start().await;
    let insert = "insert into audit_events (event_id, created_at, type, level, message, count, details)
                  values (gen_random_uuid(), now(), 'user.identity.slow', 'info', '', 1, '{}')";
    let mut slow = connect(&server.app.db.options()).await;
    let mut transaction = slow.begin().await.unwrap();
    sqlx::raw_sql(insert).execute(&mut *transaction).await.unwrap();
    server.account("acme").await;
    assert_eq!(seal::seal(&server.app).await.unwrap().unwrap().count, 1);
    transaction.commit().await.unwrap();
    let ids: Vec<_> = records(&server).await.iter().map(|record| record["type"].clone()).collect();
    assert_eq!(ids, ["user.identity.slow", "user.identity.create_account"], "the first to be numbered");
    assert_eq!(verify(&server).await.unwrap().unsealed, 1);
    assert_eq!(seal::seal(&server.app).await.unwrap().unwrap().count, 1);
    assert_eq!(verify(&server).await.unwrap().unsealed, 0);
}

#[tokio::test]
async fn nodes_whose_clocks_are_off_keep_no_record_out_of_the_seals() {
    let server = Server::start().await;
    let off = async |by| {
        let clock = Some(Clock::fixed(Clock::System.now() + by));
        server.another_node_with(Options { clock, ..Options::default() }).await
    };
    let (ahead, behind) = (off(time::Duration::DAY).await, off(-time::Duration::DAY).await);
    server.account("acme").await;
    for (node, name) in [(&ahead, "tea-party"), (&behind, "croquet"), (&server, "pool-of-tears")] {
        assert!(seal::seal(&ahead.app).await.unwrap().is_some());
        node.account(name).await;
    }
    assert_eq!(verify(&server).await.unwrap().unsealed, 1);
    assert!(seal::seal(&server.app).await.unwrap().is_some());
    assert_eq!(verify(&server).await.unwrap().unsealed, 0);
    // What was refused and could not be written for long, likewise.
    let before = Clock::System.now() - time::Duration::hours(3);
    let refused = Refused {
        refusal: Refusal::SignIn,
        actor: Actor::default(),
        address: None,
        operation: None,
        request_id: None,
        why: "in the dark",
    };
    server.app.tally.note(before, refused);
    write_tally(&server).await;
    assert!(seal::seal(&server.app).await.unwrap().is_some());
    assert_eq!(verify(&server).await.unwrap().unsealed, 0);
    let first = records(&server).await.pop().unwrap()["details"]["first_at"].clone();
    assert!(first.as_str().unwrap().starts_with(&before.date().to_string()), "{first}");
}

#[tokio::test]
async fn altered_record_is_found() {
    for change in [
        "message = 'somebody else'",
        "details = details || '{\"user\": \"mallory\"}'",
        "type = 'user.identity.delete_account'",
        "account = 'acme'",
        "account = null",
        "resource_id = 'x'",
        "request_id = null",
        "created_at = created_at + interval '1 microsecond'",
        "event_id = gen_random_uuid()",
        "count = 2",
        "level = 'error'",
    ] {
        let server = sealed().await;
        tamper(&server, &format!("update audit_events set {change} where id = 5")).await;
        assert_eq!(wrong(&server).await, "seal 2: one of its records, or the seal before it, was altered", "{change}");
    }
}

#[tokio::test]
async fn removed_records_are_found() {
    for removal in ["delete from audit_events where id = 5", "delete from audit_sealed where record_id = 5"] {
        let server = sealed().await;
        tamper(&server, removal).await;
        assert_eq!(wrong(&server).await, "seal 2: 1 of its records were removed", "{removal}");
    }
    // A whole month, and it is not over yet. Of its first hour retention could be the end.
    let now = Clock::System.now();
    if (now.day(), now.hour()) == (1, 0) {
        return;
    }
    let server = sealed().await;
    let month = month_of_records(&server).await;
    tamper(&server, &format!("drop table {month}")).await;
    assert_eq!(wrong(&server).await, "seal 1: 3 of its records were removed");
}

#[tokio::test]
async fn added_records_are_found() {
    let forged = |at: &str| {
        format!(
            "insert into audit_events (event_id, created_at, type, level, message, count, details)
             values (gen_random_uuid(), {at}, 'user.identity.create_user', 'info', 'forged', 1, '{{}}')"
        )
    };
    let server = sealed().await;
    let into_a_seal = "insert into audit_sealed select max(id), 2 from audit_events";
    tamper(&server, &format!("{}; {into_a_seal}", forged("now()"))).await;
    assert_eq!(wrong(&server).await, "seal 2: 1 records were added to it");
    // Dated back, so that no seal would ever cover it; whoever may add could.
    let server = sealed().await;
    execute(&server.app.db.options(), &forged("now() - interval '2 hours'")).await.unwrap();
    let late = "1 records are in no seal, although seals exist for their time: they were added later";
    assert_eq!(wrong(&server).await, late);
}

#[tokio::test]
async fn altered_and_removed_seals_are_found() {
    let removed = "seal 3: the seal before it was removed";
    let signature = "seal 2: its signature does not verify";
    for (change, found) in [
        ("delete from audit_sealed where seal_id = 2; delete from audit_seals where id = 2", removed),
        ("update audit_seals set hash = sha256(hash) where id = 2", signature),
        (
            "update audit_seals set signature = set_byte(signature, 0, 255 - get_byte(signature, 0)) where id = 2",
            signature,
        ),
        ("update audit_seals set public_key = sha256(public_key) where id = 2", signature),
        (
            "update audit_seals set created_at = created_at + interval '1 second' where id = 2",
            "seal 2: one of its records, or the seal before it, was altered",
        ),
        (
            "update audit_seals set count = 2 where id = 2; delete from audit_sealed where record_id = 5",
            "seal 2: one of its records, or the seal before it, was altered",
        ),
    ] {
        let server = sealed().await;
        tamper(&server, change).await;
        assert_eq!(wrong(&server).await, found, "{change}");
    }
}

#[tokio::test]
async fn trail_that_was_cut_off_misses_the_checkpoint() {
    let server = sealed().await;
    let checkpoint = verify(&server).await.unwrap().checkpoint.unwrap();
    tamper(
        &server,
        "delete from audit_sealed where seal_id = 3; delete from audit_seals where id = 3;
         delete from audit_events where id > 6",
    )
    .await;
    // Nobody could tell without it.
    assert_eq!(verify(&server).await.unwrap().seals, 2);
    let why = seal::verify(&server.app.db, Some(&checkpoint), &[]).await.unwrap_err();
    assert_eq!(why.to_string(), format!("the checkpoint {checkpoint} is not in the trail"));
}

#[tokio::test]
async fn trail_that_another_key_signed_is_found() {
    const ONE: &str = "the-time-has-come-the-walrus-said-to-talk";
    const OTHER: &str = "of-shoes-and-ships-and-sealing-wax-of-cabbages";
    let with = |secret| Options { environment: vec![("KEDGE_AUDIT__SEAL_KEY", secret)], ..Options::default() };
    let server = Server::start_with(with(ONE)).await;
    seal_some(&server, "acme").await;
    let key = Sealer::new(&Secret::new(ONE.to_owned())).unwrap().public_key();
    assert_eq!(server.app.sealer.public_key(), key, "the same secret is the same key");
    seal::verify(&server.app.db, None, std::slice::from_ref(&key)).await.unwrap();
    let other = server.another_node_with(with(OTHER)).await;
    assert_ne!(other.app.sealer.public_key(), key);
    seal_some(&other, "tea-party").await;
    let why = seal::verify(&server.app.db, None, std::slice::from_ref(&key)).await.unwrap_err();
    assert_eq!(why.to_string(), "seal 2: signed by a key that is not one of those given");
    let both = [key, other.app.sealer.public_key()];
    assert_eq!(seal::verify(&server.app.db, None, &both).await.unwrap().keys, both);
}

#[tokio::test]
async fn what_retention_dropped_is_not_missed() {
    let server = Server::start().await;
    let database = server.app.db.options();
    // As it was in spring.
    let old = "create table audit_events_2026_03 partition of audit_events
                   for values from ('2026-03-01 00:00:00+00') to ('2026-04-01 00:00:00+00');
               insert into audit_events (event_id, created_at, type, level, message, count, details)
               select gen_random_uuid(), '2026-03-10 12:00:00+00', 'user.identity.old', 'info', '', 1, '{}'
               from generate_series(1, 4)";
    execute(&database, old).await.unwrap();
    let spring = time::macros::datetime!(2026-03-10 12:00:01 UTC);
    let clock = Some(Clock::fixed(spring));
    let node = server.another_node_with(Options { clock, ..Options::default() }).await;
    assert_eq!(seal::seal(&node.app).await.unwrap().unwrap().count, 4);
    seal_some(&server, "acme").await;
    // Not old enough yet.
    let since_spring = u32::try_from((Clock::System.now() - spring).whole_days()).unwrap();
    retention::maintain(&database, Some(since_spring), &Clock::System).await.unwrap();
    retention::maintain(&database, None, &Clock::System).await.unwrap();
    assert_eq!(verify(&server).await.unwrap().records, 7);
    retention::maintain(&database, Some(since_spring - 60), &Clock::System).await.unwrap();
    assert_eq!((records(&server).await.len(), count(&server, SEALED).await), (3, 3));
    let verified = verify(&server).await.unwrap();
    assert_eq!((verified.seals, verified.dropped, verified.records, verified.unsealed), (2, 1, 3, 0));
    // What is kept is still held.
    tamper(&server, "update audit_events set message = 'else' where id = 6").await;
    assert_eq!(wrong(&server).await, "seal 2: one of its records, or the seal before it, was altered");
}

#[tokio::test]
async fn trail_is_only_added_to_even_by_its_owner() {
    let server = sealed().await;
    let month = month_of_records(&server).await;
    let mut refused = vec![
        "update audit_seals set count = 0".to_owned(),
        "delete from audit_seals".to_owned(),
        "truncate audit_seals cascade".to_owned(),
        "update audit_sealed set seal_id = 1".to_owned(),
        "truncate audit_sealed".to_owned(),
        "truncate audit_events_default".to_owned(),
    ];
    for table in ["audit_events", &month] {
        refused.push(format!("update {table} set message = 'else'"));
        refused.push(format!("delete from {table}"));
        refused.push(format!("truncate {table}"));
    }
    for sql in refused {
        let error = execute(&server.app.db.options(), &sql).await.expect_err(&sql).to_string();
        assert!(error.contains("the audit trail is only ever added to"), "{sql}: {error}");
    }
    assert_eq!(verify(&server).await.unwrap().records, 9);
}

#[tokio::test]
async fn sealing_ends_when_many_records_wait() {
    let server = Server::start().await;
    let many = "insert into audit_events (event_id, created_at, type, level, message, count, details)
                select gen_random_uuid(), now(), 'user.identity.test', 'info', '', 1, '{}' from generate_series(1, 5100)";
    execute(&server.app.db.options(), many).await.unwrap();
    let mut counts = Vec::new();
    while let Some(seal) = seal::seal(&server.app).await.unwrap() {
        counts.push(seal.count);
    }
    assert_eq!(counts, [5_000, 100]);
    let verified = tokio::time::timeout(Duration::from_mins(1), verify(&server)).await.unwrap().unwrap();
    assert_eq!((verified.records, verified.unsealed), (5_100, 0));
}
