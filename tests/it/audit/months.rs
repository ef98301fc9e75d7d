//! The months of the trail: made ahead, mended where they were missing, and ended one by one.

use std::time::{Duration, Instant};

use kedge::{
    audit::{retention::maintain, seal},
    clock::Clock,
};
use serde_json::json;
use sqlx::{Connection, postgres::PgConnectOptions};
use time::{OffsetDateTime, macros::datetime};

use super::{connect, count, execute, records, roles};
use crate::{
    commands::Setup,
    support::{ADMIN_PASSWORD, CapturedLog, Options, Server, url},
};

const SPRING: OffsetDateTime = datetime!(2026-03-10 12:00:01 UTC);
const MARCH: &str = "create table audit_events_2026_03 partition of audit_events
                     for values from ('2026-03-01 00:00:00+00') to ('2026-04-01 00:00:00+00')";
const IN_NO_MONTH: &str = "select count(*) from audit_events_default";

/// Puts so many records of that moment into the trail.
async fn put(database: &PgConnectOptions, kind: &str, moment: &str, number: u32) {
    let put = format!(
        "insert into audit_events (event_id, created_at, type, level, message, count, details)
         select gen_random_uuid(), {moment}, 'user.identity.{kind}', 'info', '', 1, '{{}}' from generate_series(1, {number})"
    );
    execute(database, &put).await.unwrap();
}

/// Seals what is there, in spring.
async fn seal_in_spring(server: &Server) {
    let clock = Some(Clock::fixed(SPRING));
    let node = server.another_node_with(Options { clock, ..Options::default() }).await;
    while seal::seal(&node.app).await.unwrap().is_some() {}
}

/// So that March has ended and April has not.
fn days_since_april() -> u32 {
    u32::try_from((Clock::System.now() - datetime!(2026-04-02 0:00 UTC)).whole_days()).unwrap()
}

async fn months(server: &Server) -> Vec<String> {
    let sql = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = 'audit_events'::regclass order by 1";
    sqlx::query_scalar(sql).fetch_all(&mut connect(&server.app.db.options()).await).await.unwrap()
}

#[tokio::test]
async fn records_that_came_before_their_month_was_made_are_moved_to_it_and_retention_goes_on() {
    let server = Server::start().await;
    let database = server.app.db.options();
    put(&database, "old", "'2026-03-10 12:00:00+00'", 3).await;
    put(&database, "older", "'2026-02-10 12:00:00+00'", 2).await;
    seal_in_spring(&server).await;
    put(&database, "next", "now() + interval '5 months'", 4).await;
    server.account("acme").await;
    seal::seal(&server.app).await.unwrap().unwrap();
    let (before, seen) = (records(&server).await, seal::verify(&server.app.db, None, &[]).await.unwrap());
    assert_eq!((before.len(), seen.records, count(&server, IN_NO_MONTH).await), (10, 10, 9));

    maintain(&database, None, &Clock::System).await.unwrap();
    assert_eq!(count(&server, IN_NO_MONTH).await, 0);
    assert_eq!(records(&server).await, before);
    let now = months(&server).await;
    assert!(
        ["audit_events_2026_02", "audit_events_2026_03", "audit_events_default"]
            .iter()
            .all(|m| now.contains(&(*m).to_owned()))
    );
    let wanted = "select to_char(date_trunc('month', now() at time zone 'utc') + make_interval(months => n),
                                 '\"audit_events_\"YYYY_MM')
                  from generate_series(0, 2) n
                  union select tableoid::regclass::text from audit_events";
    let wanted: Vec<String> = sqlx::query_scalar(wanted).fetch_all(&mut connect(&database).await).await.unwrap();
    let missing: Vec<_> = wanted.iter().filter(|month| !now.contains(month)).collect();
    assert!(wanted.len() >= 6 && missing.is_empty(), "three months, and three of records: {missing:?} of {now:?}");
    for table in &now {
        for change in ["delete from", "truncate"] {
            // Of a table without rows, no row is refused.
            let error = execute(&database, &format!("{change} {table}")).await;
            assert!(
                error.is_err()
                    || table.ends_with("default")
                    || count(&server, &format!("select count(*) from {table}")).await == 0,
                "{change} {table}"
            );
        }
    }
    let seen = seal::verify(&server.app.db, None, &[]).await.unwrap();
    assert_eq!((seen.records, seen.dropped, seen.unsealed), (10, 0, 0));

    maintain(&database, Some(days_since_april()), &Clock::System).await.unwrap();
    let seen = seal::verify(&server.app.db, None, &[]).await.unwrap();
    assert_eq!((seen.records, seen.dropped, seen.unsealed), (5, 1, 0));
    assert_eq!(count(&server, "select count(*) from audit_sealed").await, 5);
    // What comes without a month is still taken, and held.
    put(&database, "far", "now() + interval '9 months'", 1).await;
    let error = execute(&database, "delete from audit_events_default").await.unwrap_err().to_string();
    assert!(error.contains("the audit trail is only ever added to"), "{error}");
}

#[tokio::test]
async fn month_that_cannot_be_made_keeps_no_other_from_being_made_or_ended() {
    let server = Server::start().await;
    let database = server.app.db.options();
    put(&database, "bad", "'2026-02-10 12:00:00+00'", 1).await;
    put(&database, "good", "'2026-05-10 12:00:00+00'", 1).await;
    execute(&database, MARCH).await.unwrap();
    put(&database, "old", "'2026-03-10 12:00:00+00'", 1).await;
    let breaks = "create trigger breaks before insert on audit_events for each row
                  when (new.type = 'user.identity.bad') execute function refuse_change()";
    execute(&database, breaks).await.unwrap();
    let why = maintain(&database, Some(days_since_april()), &Clock::System).await.unwrap_err();
    assert!(std::error::Error::source(&why).unwrap().to_string().contains("only ever added to"), "{why:?}");
    let now = months(&server).await;
    assert!(now.contains(&"audit_events_2026_05".to_owned()), "{now:?}");
    assert!(!now.contains(&"audit_events_2026_03".to_owned()), "{now:?}");
    assert_eq!(count(&server, IN_NO_MONTH).await, 1, "what could not be moved is where it was");
    let log = CapturedLog::text();
    assert!(log.contains("a month of the audit trail could be neither made nor dropped"), "{log}");
    assert!(log.contains("some records of the audit trail are in no month"));
}

#[tokio::test]
async fn month_is_ended_in_small_steps_by_statements_that_may_take_long() {
    let server = Server::start().await;
    let database = server.app.db.options();
    execute(&database, MARCH).await.unwrap();
    put(&database, "old", "'2026-03-10 12:00:00+00'", 2_500).await;
    seal_in_spring(&server).await;
    server.account("acme").await;
    seal::seal(&server.app).await.unwrap().unwrap();
    let watch = "create table seen (removed bigint, statement_timeout text, locked bigint);
                 create function see() returns trigger language plpgsql as $$ begin
                     insert into seen select (select count(*) from removed), current_setting('statement_timeout'),
                         (select count(*) from pg_locks join pg_database d on d.oid = database
                          where d.datname = current_database() and relation = 'audit_events'::regclass
                          and mode = 'AccessExclusiveLock');
                     return null;
                 end $$;
                 create trigger seen after delete on audit_sealed referencing old table as removed
                     for each statement execute function see()";
    execute(&database, watch).await.unwrap();
    maintain(&database, Some(days_since_april()), &Clock::System).await.unwrap();
    assert_eq!(count(&server, "select count(*) from audit_sealed").await, 1);
    let most = "select max(removed) from seen where statement_timeout = '0' and locked = 0";
    assert_eq!(
        (count(&server, most).await, count(&server, "select sum(removed)::bigint from seen").await),
        (1_000, 2_500)
    );
    assert_eq!(count(&server, "select count(*) from seen where statement_timeout <> '0' or locked > 0").await, 0);
    assert_eq!(count(&server, "select count(*) from pg_class where relname ~ '2026_03'").await, 0);
}

#[tokio::test]
async fn month_whose_end_was_cut_off_is_forgotten_by_the_next_run_and_missed_by_no_verification() {
    let server = Server::start().await;
    let database = server.app.db.options();
    execute(&database, MARCH).await.unwrap();
    put(&database, "old", "'2026-03-10 12:00:00+00'", 10).await;
    seal_in_spring(&server).await;
    server.account("acme").await;
    seal::seal(&server.app).await.unwrap().unwrap();
    execute(&database, "select end_audit_month('2026-03-01'); select forget_audit_seals('2026-03-01', 0, 3)")
        .await
        .unwrap();
    let seen = seal::verify(&server.app.db, None, &[]).await.unwrap();
    assert_eq!((seen.records, seen.dropped, seen.unsealed), (1, 1, 0));
    assert_eq!(count(&server, "select count(*) from audit_sealed").await, 8);
    maintain(&database, None, &Clock::System).await.unwrap();
    assert_eq!(count(&server, "select count(*) from audit_sealed").await, 1);
    assert_eq!(count(&server, "select count(*) from pg_class where relname ~ '2026_03'").await, 0);
}

#[tokio::test]
async fn changes_go_on_while_maintenance_waits_for_who_reads_the_trail() {
    let server = Server::start().await;
    let database = server.app.db.options();
    execute(&database, MARCH).await.unwrap();
    let mut reader = connect(&database).await;
    let mut reading = reader.begin().await.unwrap();
    sqlx::raw_sql("select count(*) from audit_events").execute(&mut *reading).await.unwrap();
    let maintained = tokio::spawn({
        let database = database.clone();
        async move { maintain(&database, Some(days_since_april()), &Clock::System).await }
    });
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(4) {
        let asked = Instant::now();
        server.account(&format!("acme-{}", asked.duration_since(started).as_millis())).await;
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    }
    assert!(!maintained.is_finished());
    reading.rollback().await.unwrap();
    maintained.await.unwrap().unwrap();
    assert!(!months(&server).await.contains(&"audit_events_2026_03".to_owned()));
}

#[tokio::test]
async fn months_are_there_before_the_first_request() {
    let (owner, app) = roles::database().await;
    roles::migrate(&owner).await;
    let next = "do $$ declare name text; begin
                    for name in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
                                where i.inhparent = 'audit_events'::regclass and c.relname ~ '\\d$' loop
                        execute format('drop table %I', name);
                    end loop;
                end $$";
    execute(&owner, next).await.unwrap();
    let setup = Setup::private().with("KEDGE_ADMIN_PASSWORD", ADMIN_PASSWORD);
    // A role that serves can only say so.
    let setup = setup.with("KEDGE_DATABASE_URL", &url(&app));
    let server = setup.serve().await;
    let log = server.err.until("listening on").await;
    assert!(log.contains("WARN") && log.contains("the audit trail lacks months to come"), "{log}");
    server.client("admin", ADMIN_PASSWORD).post("/v2/accounts", json!({ "name": "acme" })).await.expect(200);
    assert_eq!(server.stop().await.code, Some(0));
    let in_no_month = async || {
        let count = "select (select count(*) from audit_events_default), (select count(*) from audit_events)";
        sqlx::query_as::<_, (i64, i64)>(count).fetch_one(&mut connect(&owner).await).await.unwrap()
    };
    assert_eq!(in_no_month().await, (1, 1));
    // The owner makes them, and what came meanwhile is moved.
    let setup = setup.with("KEDGE_DATABASE_URL", &url(&owner));
    let server = setup.serve().await;
    assert_eq!(in_no_month().await, (0, 1));
    assert_eq!(server.stop().await.code, Some(0));
    let verified = setup.run(&["admin", "verify-audit"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[tokio::test]
async fn verification_and_migration_know_no_limit_of_a_statement() {
    let (owner, _) = roles::database().await;
    roles::migrate(&owner).await;
    put(&owner, "test", "now()", 3).await;
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &url(&owner));
    let setup = setup.with("KEDGE_ADMIN_PASSWORD", ADMIN_PASSWORD).with("KEDGE_LOGGING__STRUCTURED", "true");
    let server = setup.serve().await;
    server.err.until("\"sealed\"").await;
    assert_eq!(server.stop().await.code, Some(0));
    // Whoever has a limit sees nothing.
    let policy =
        "alter table audit_events enable row level security; alter table audit_events force row level security;
                  create policy patient on audit_events using (current_setting('statement_timeout') = '0')";
    execute(&owner, policy).await.unwrap();
    let verified = setup.run(&["admin", "verify-audit"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.out.starts_with("3 records in 1 seals"), "{verified:?}");
}
