//! A database that takes no writes: told to, or a standby.

use std::{fs, os::unix::process::CommandExt, process::Command};

use serde_json::json;

use super::{Alice, BACK_WITHIN, Postgres, assert_back, assert_unavailable, logged, network::Way, timed};
use crate::support::{CapturedLog, DATABASE_PASSWORD, Options, Place, Server, until};

const LIMITS: [(&str, &str); 2] = [
    ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "5"),
    ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "100"),
];

/// Keys and tokens may read; a change is refused, and so is a password, since failures could not be counted.
async fn assert_reads_only(server: &Server, alice: &Alice) {
    for client in [&alice.key, &alice.token] {
        client.get("/v2/user").await.expect(200);
        client.get("/v2/accounts/acme/users").await.expect(200);
    }
    let change = alice.token.request("PATCH", "/v2/accounts/acme/users/alice/api-keys/white-rabbit");
    let answered = timed(change.json(&json!({ "description": "late" }))).await;
    assert_unavailable("a change", &answered);
    let log = logged(&answered.0);
    assert!(log.contains("the database cannot be used") && log.contains("read-only transaction"), "{log}");
    let answered = timed(alice.password.request("GET", "/v2/user")).await;
    assert_unavailable("a password", &answered);
    let log = logged(&answered.0);
    assert!(log.contains("the database cannot be used") && log.contains("read-only transaction"), "{log}");
    let unknown = server.key(&format!("kedge_{}", "a".repeat(40)));
    assert_unavailable("an unknown key", &timed(unknown.request("GET", "/v2/user")).await);
    let sign_in = server.nobody().request("POST", "/v2/oauth/token");
    let sign_in = sign_in.form(&[("username", "alice"), ("password", crate::support::PASSWORD)]);
    assert_unavailable("a sign-in", &timed(sign_in).await);
    server.nobody().get("/ready").await.expect(200);
}

#[tokio::test]
async fn read_only_database_answers_reads_and_takes_changes_when_it_may_again() {
    let postgres = Postgres::start().await;
    let options = Options { environment: LIMITS.to_vec(), ..Options::default() };
    let server = Server::on(postgres.options.clone(), options).await;
    let alice = Alice::of(&server).await;
    // Off the request's path, and not the fault's.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    for (setting, writes) in [("on", false), ("off", true)] {
        postgres.execute(&format!("alter system set default_transaction_read_only = {setting}")).await;
        postgres.execute("select pg_reload_conf()").await;
        let is_on = "select count(*) from (select where current_setting('default_transaction_read_only') = 'on') t";
        until("the setting is taken", async || (postgres.count(is_on).await == 0) == writes).await;
        if writes {
            assert_back(&server, &alice).await;
        } else {
            assert_reads_only(&server, &alice).await;
        }
    }
}

#[tokio::test]
async fn hot_standby_that_took_the_place_of_the_database_is_not_used_since_it_may_be_behind() {
    let postgres = Postgres::start().await;
    let way = Way::to(&postgres).await;
    let options = Options { environment: LIMITS.to_vec(), ..Options::default() };
    let server = Server::on(way.options(), options).await;
    let alice = Alice::of(&server).await;
    let standby = standby_of(&postgres).await;
    assert_eq!(standby.count("select count(*) from (select where pg_is_in_recovery()) as t").await, 1);
    way.cut();
    assert_unavailable("a request", &timed(alice.key.request("GET", "/v2/user")).await);
    let before = CapturedLog::length();
    way.lead_to(&standby);
    let found = async {
        let told = |line: &str| line.contains("nothing that is remembered counts") && line.contains("read-only");
        while !CapturedLog::since(before).lines().any(told) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BACK_WITHIN, found).await.expect("the standby is found");
    for client in [&alice.password, &alice.key, &alice.token] {
        assert_unavailable("a request", &timed(client.request("GET", "/v2/user")).await);
    }
    server.nobody().get("/ready").await.expect(503);
}

pub async fn standby_of(postgres: &Postgres) -> Postgres {
    let place = Place::new();
    fs::create_dir(&place.data).unwrap();
    fs::copy(postgres.place.data.join("postgres-password"), place.data.join("postgres-password")).unwrap();
    let mut copy = Command::new("pg_basebackup");
    copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--username=kedge", "--host"])
        .arg(postgres.options.get_socket().unwrap())
        .arg("--pgdata")
        .arg(place.cluster())
        .env("PGPASSWORD", DATABASE_PASSWORD)
        .current_dir(&place.data);
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
        std::os::unix::fs::chown(&place.data, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        copy.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let output = copy.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&place.data, Some(0), Some(0)).unwrap();
    }
    Postgres::in_place(place).await
}
