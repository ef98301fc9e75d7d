//! Two roles for one database: the one that serves cannot alter the trail.

use kedge::clock::Clock;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;

use super::{connect, execute};
use crate::{
    commands::Setup,
    support::{ADMIN_PASSWORD, Client, DATABASE_PASSWORD, Login, empty_database, url},
};

/// A database of `kedge_owner`, migrated, and how each of the two opens it.
pub(super) async fn database() -> (PgConnectOptions, PgConnectOptions) {
    let database = empty_database().await;
    for role in ["kedge_owner", "kedge_app"] {
        // Roles are of the whole cluster: another test may have made them.
        let made = format!(
            "do $$ begin create role {role} login password '{DATABASE_PASSWORD}';
             exception when duplicate_object or unique_violation then null; end $$"
        );
        execute(&database, &made).await.unwrap();
    }
    let name = database.get_database().unwrap();
    execute(&database, &format!("alter database {name} owner to kedge_owner")).await.unwrap();
    let as_role = |role: &str| database.clone().username(role).password(DATABASE_PASSWORD);
    (as_role("kedge_owner"), as_role("kedge_app"))
}

pub(super) async fn migrate(owner: &PgConnectOptions) {
    let setup = Setup::private().with("KEDGE_DATABASE_URL", &url(owner));
    let ended = setup.run(&["migrate"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    execute(owner, include_str!("../../../deploy/grants.sql")).await.unwrap();
}

#[tokio::test]
async fn role_that_serves_changes_adds_and_seals() {
    let (owner, app) = database().await;
    migrate(&owner).await;
    // It can be run again.
    migrate(&owner).await;
    let setup = Setup::private()
        .with("KEDGE_DATABASE_URL", &url(&app))
        .with("KEDGE_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .with("KEDGE_LOGGING__STRUCTURED", "true");
    let server = setup.serve().await;
    let admin = server.client("admin", ADMIN_PASSWORD);
    admin.post("/v2/accounts", json!({ "name": "acme" })).await.expect(200);
    let alice = json!({ "username": "alice", "password": "drink-me-please" });
    admin.post("/v2/accounts/acme/users", alice).await.expect(200);
    let alice = server.client("alice", "drink-me-please");
    let key = alice.post("/v2/user/api-keys", json!({ "name": "ci" })).await.expect(201);
    server.client("_api_key", key["value"].as_str().unwrap()).get("/v2/user").await.expect(200);
    let group = admin.post("/v2/system/user-groups", json!({ "name": "hatters" })).await.expect(201);
    let group = format!("/v2/system/user-groups/{}", group["group_uuid"].as_str().unwrap());
    admin.post(&format!("{group}/users"), json!({ "usernames": [{ "username": "alice" }] })).await.expect(201);
    let form = [("username", "alice"), ("password", "drink-me-please")];
    Client::new(&server.url, Login::Nobody).form("/v2/oauth/token", &form).await.expect(200);
    server.client("alice", "wrong-password").get("/v2/user").await.expect(401);
    admin.delete("/v2/accounts/acme/users/alice").await.expect(204);
    assert_eq!(admin.get("/v2/events?event_type=user.*").await.expect(200)["item_count"], 7);
    server.err.until("\"sealed\"").await;
    let ended = server.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("\"level\":\"ERROR\""), "{}", ended.err);
    let verified = setup.run(&["admin", "verify-audit"]).await;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let failed = "select count(*) from audit_events where type = 'system.security.sign_in_failed'";
    let failed: i64 = sqlx::query_scalar(failed).fetch_one(&mut connect(&app).await).await.unwrap();
    assert_eq!(failed, 1, "written at the end");
}

#[tokio::test]
async fn role_that_serves_can_only_add() {
    let (owner, app) = database().await;
    migrate(&owner).await;
    let month = Clock::System.now();
    let partition = format!("audit_events_{}_{:02}", month.year(), u8::from(month.month()));
    let mut refused = vec![
        "select maintain_audit('2999-01-01')".to_owned(),
        "select make_audit_month('2999-01-01')".to_owned(),
        format!("select end_audit_month('{}')", month.date()),
        format!("select drop_audit_month('{}')", month.date()),
        format!("select forget_audit_seals('{}', 0, 1000)", month.date()),
        "select refuse_change()".to_owned(),
        "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'"
            .to_owned(),
        "drop function make_audit_month".to_owned(),
        "drop function maintain_audit".to_owned(),
        "create table mine (id int)".to_owned(),
        "create table audit_events_1999_01 partition of audit_events for values from ('1999-01-01') to ('1999-02-01')"
            .to_owned(),
        "set session_replication_role = replica".to_owned(),
        "set role kedge_owner".to_owned(),
        "drop schema public cascade".to_owned(),
        "delete from _sqlx_migrations".to_owned(),
        format!("alter table audit_events detach partition {partition}"),
    ];
    for table in ["audit_events", &partition, "audit_events_default", "audit_seals", "audit_sealed"] {
        refused.extend([
            format!("delete from {table}"),
            format!("truncate {table}"),
            format!("drop table {table} cascade"),
            format!("alter table {table} disable trigger all"),
            format!("alter table {table} owner to kedge_app"),
            format!("alter table {table} add column more int"),
            format!("alter table {table} rename to other"),
            format!("create rule nothing as on insert to {table} do instead nothing"),
            format!("create trigger mine before insert on {table} for each row execute function refuse_change()"),
        ]);
    }
    for table in ["audit_events", &partition, "audit_events_default"] {
        refused.push(format!("update {table} set message = 'else'"));
    }
    refused.push("update audit_seals set count = 0".to_owned());
    refused.push("update audit_sealed set seal_id = 1".to_owned());
    let tables = "select array_agg(relname::text order by relname) from pg_class where relname ~ '^audit_' and relkind in ('r', 'p')";
    let before: Vec<String> = sqlx::query_scalar(tables).fetch_one(&mut connect(&owner).await).await.unwrap();
    for sql in refused {
        let error = execute(&app, &sql).await.expect_err(&sql);
        let code = error.as_database_error().unwrap().code().unwrap_or_default().into_owned();
        // A function of a trigger is called by nobody, whoever asks (0A000).
        let possible = if sql == "select refuse_change()" { "0A000" } else { "42501" };
        assert_eq!(code, possible, "{sql}: {error}");
    }
    let after: Vec<String> = sqlx::query_scalar(tables).fetch_one(&mut connect(&owner).await).await.unwrap();
    assert_eq!(before, after);
    assert!(before.contains(&partition));
    let add = "insert into audit_events (event_id, created_at, type, level, message, count, details)
               values (gen_random_uuid(), now(), 'user.identity.test', 'info', '', 1, '{}')";
    execute(&app, add).await.unwrap();
}
