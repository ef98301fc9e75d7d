//! The trail of a `kedge` that runs: its log, and `kedge admin verify-audit`.

use serde_json::{Value, json};

use super::execute;
use crate::{
    commands::{Ended, Process, Setup},
    support::{ADMIN_PASSWORD, Client, new_database, until, url},
};
use sqlx::{Connection, postgres::PgConnectOptions};

const VERIFY: [&str; 2] = ["admin", "verify-audit"];

async fn setup() -> (PgConnectOptions, Setup) {
    let database = new_database().await;
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &url(&database)).with("KEDGE_LOGGING__STRUCTURED", "true");
    (database, setup)
}

fn admin(server: &Process) -> Client {
    server.client("admin", ADMIN_PASSWORD)
}

/// The lines of the trail in a log.
fn lines(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "kedge::audit").map(|line| line["fields"].clone()).collect()
}

/// Makes two accounts, waits for their seals and stops; answers the log.
async fn serve_and_seal(setup: &Setup, database: &PgConnectOptions) -> String {
    let server = setup.serve().await;
    for name in ["acme", "tea-party"] {
        admin(&server).post("/v2/accounts", json!({ "name": name })).await.expect(200);
    }
    let unsealed =
        "select count(*) from audit_events e where not exists (select from audit_sealed where record_id = e.id)";
    let mut connection = super::connect(database).await;
    let sealed = async || sqlx::query_scalar::<_, i64>(unsealed).fetch_one(&mut connection).await.unwrap() == 0;
    until("every record is sealed", sealed).await;
    // A seal is told of after it was committed.
    let last = "select max(id) from audit_seals";
    let last: i64 = sqlx::query_scalar(last).fetch_one(&mut connection).await.unwrap();
    server.err.until(&format!("\"checkpoint\":\"{last}:")).await;
    let ended = server.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.err
}

async fn tamper(database: &PgConnectOptions, sql: &str) {
    let off = "alter table audit_events disable trigger user; alter table audit_seals disable trigger user";
    execute(database, &format!("begin; {off}; {sql}; {}; commit", off.replace("disable", "enable"))).await.unwrap();
}

#[track_caller]
fn assert_found(ended: &Ended, why: &str) {
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert_eq!(ended.err, format!("kedge: the audit trail is not what was written: {why}\n"));
}

#[tokio::test]
async fn log_has_each_record_and_each_seal() {
    let (database, setup) = setup().await;
    let log = serve_and_seal(&setup, &database).await;
    let lines = lines(&log);
    let records: Vec<Value> = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line["message"].as_str().unwrap()).ok())
        .filter(|record: &Value| record.is_object())
        .collect();
    let [acme, party] = &records[..] else { panic!("{lines:?}") };
    for (record, name) in [(acme, "acme"), (party, "tea-party")] {
        assert_eq!(record["type"], "user.identity.create_account");
        assert_eq!(
            (&record["user"], &record["resource_id"], &record["outcome"]),
            (&json!("admin"), &json!(name), &json!("success"))
        );
        assert!(record["event_id"].is_string() && record["request_id"].is_string() && record["address"].is_string());
    }
    let seals: Vec<_> = lines.iter().filter(|line| line["message"] == "sealed").collect();
    assert!(!seals.is_empty(), "{lines:?}");
    assert_eq!(seals.iter().map(|seal| seal["records"].as_i64().unwrap()).sum::<i64>(), 2);
    assert!(lines.iter().any(|line| line["public_key"].is_string()), "{lines:?}");
}

#[tokio::test]
async fn verification_tells_what_it_found_and_takes_a_checkpoint_of_the_log() {
    let (database, setup) = setup().await;
    let log = serve_and_seal(&setup, &database).await;
    let log = lines(&log);
    let checkpoint = log.iter().rev().find_map(|line| line["checkpoint"].as_str()).expect("a seal is in the log");
    let key = log.iter().find_map(|line| line["public_key"].as_str()).expect("the key is in the log");

    let ended = setup.run(&VERIFY).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("2 records in "), "{ended:?}");
    assert!(ended.out.contains("are as they were written.\n"), "{ended:?}");
    assert!(ended.out.contains(&format!("Signed by the key {key}.\n")), "{ended:?}");
    assert!(
        ended.out.ends_with(&format!("keep it where the database's owner cannot reach it: {checkpoint}\n")),
        "{ended:?}"
    );
    let with = [&VERIFY[..], &["--checkpoint", checkpoint, "--key", key]].concat();
    assert_eq!(setup.run(&with).await.code, Some(0));
    let other = "00".repeat(32);
    let by_another = setup.run(&[&VERIFY[..], &["--key", &other]].concat()).await;
    assert_found(&by_another, "seal 1: signed by a key that is not one of those given");
    let elsewhere = setup.run(&[&VERIFY[..], &["--checkpoint", "1:00"]].concat()).await;
    assert_found(&elsewhere, "the checkpoint 1:00 is not in the trail");

    tamper(&database, "update audit_events set details = details || '{\"user\": \"mallory\"}' where id = 1").await;
    assert_found(&setup.run(&VERIFY).await, "seal 1: one of its records, or the seal before it, was altered");
    // Whoever cuts off all that is sealed and has no checkpoint to fear.
    tamper(&database, "delete from audit_sealed; delete from audit_seals; delete from audit_events").await;
    assert_eq!(setup.run(&VERIFY).await.code, Some(0));
    assert_found(&setup.run(&with).await, &format!("the checkpoint {checkpoint} is not in the trail"));
}

#[tokio::test]
async fn key_of_the_data_directory_signs_after_a_restart() {
    let (database, setup) = setup().await;
    std::fs::create_dir_all(&setup.place.data).unwrap();
    let first = lines(&serve_and_seal(&setup, &database).await);
    let server = setup.serve().await;
    server.err.until("public_key").await;
    let second = lines(&server.stop().await.err);
    let key = |lines: &[Value]| lines.iter().find_map(|line| line["public_key"].as_str().map(str::to_owned)).unwrap();
    assert_eq!(key(&first), key(&second));
    let file = setup.place.data.join("audit-seal-key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn file_that_holds_no_key_is_refused_and_left_as_it_is() {
    let (_, setup) = setup().await;
    std::fs::create_dir_all(&setup.place.data).unwrap();
    let file = setup.place.data.join("audit-seal-key");
    for text in [&b""[..], b"\n", b"of-cabbages-and-kings", &[0xff; 43]] {
        std::fs::write(&file, text).unwrap();
        let ended = setup.run(&["serve"]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.err.contains(&format!("{} holds no key of the audit trail's seals", file.display())),
            "{ended:?}"
        );
        assert_eq!(std::fs::read(&file).unwrap(), text);
    }
    std::fs::remove_file(&file).unwrap();
    // What a start left that was cut off.
    std::fs::write(file.with_extension("new"), "of-cab").unwrap();
    assert_eq!(setup.serve().await.stop().await.code, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap().len(), 43);
    assert!(!file.with_extension("new").exists());
}

#[tokio::test]
async fn records_that_are_being_written_when_kedge_ends_are_not_lost() {
    let (database, setup) = setup().await;
    let server = setup.serve().await;
    let mut blocker = super::connect(&database).await;
    let mut blocking = blocker.begin().await.unwrap();
    sqlx::raw_sql("lock table audit_events in share mode").execute(&mut *blocking).await.unwrap();
    // A change without a transaction: its record is written within seconds.
    let level = json!({ "service_name": "api", "logging_level": "default" });
    admin(&server).post("/v2/system/logging", level).await.expect(200);
    let mut onlooker = super::connect(&database).await;
    let held = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let waits = async || sqlx::query_scalar::<_, i64>(held).fetch_one(&mut onlooker).await.unwrap() > 0;
    until("the record's writer waits for the lock", waits).await;
    server.signal(nix::sys::signal::Signal::SIGTERM);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    blocking.rollback().await.unwrap();
    let ended = server.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let kinds: Vec<_> = super::records_in(&database).await.iter().map(|record| record["type"].clone()).collect();
    assert_eq!(kinds, ["user.identity.set_new_log_level"]);
}

#[tokio::test]
async fn no_trail_is_kept_where_none_is_wanted() {
    let (database, setup) = setup().await;
    let setup = setup.with("KEDGE_AUDIT__ENABLED", "false");
    let server = setup.serve().await;
    admin(&server).post("/v2/accounts", json!({ "name": "acme" })).await.expect(200);
    server.client("admin", "wrong-password").get("/v2/user").await.expect(401);
    assert_eq!(admin(&server).get("/v2/events").await.expect(200)["item_count"], 0);
    let ended = server.stop().await;
    assert_eq!(lines(&ended.err), [Value::Null; 0]);
    assert_eq!(super::records_in(&database).await, [Value::Null; 0]);
    assert_eq!(setup.run(&VERIFY).await.out, "0 records in 0 seals are as they were written.\n");
}
