//! The audit trail: what has a record, who sees it, and how it is noticed when somebody alters it.

mod changes;
mod events;
mod happenings;
mod months;
mod program;
mod properties;
mod refusals;
mod rights;
mod roles;
mod seals;
mod sign_ins;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

use crate::support::Server;

async fn connect(database: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(database).await.unwrap()
}

/// Runs SQL as the owner of the database, past Kedge.
async fn execute(database: &PgConnectOptions, sql: &str) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connect(database).await).await.map(drop)
}

/// Runs SQL on the trail with its triggers off, as somebody does who owns it and means harm.
async fn tamper(server: &Server, sql: &str) {
    let off = "alter table audit_events disable trigger user; alter table audit_seals disable trigger user;
               alter table audit_sealed disable trigger user;";
    let on = off.replace("disable", "enable");
    execute(&server.app.db.options(), &format!("begin; {off} {sql}; {on} commit")).await.unwrap();
}

async fn count(server: &Server, sql: &str) -> i64 {
    let mut connection = connect(&server.app.db.options()).await;
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
}

/// Every record as it is stored, in the order in which they were written.
async fn records_in(database: &PgConnectOptions) -> Vec<Value> {
    let sql = "select to_jsonb(e) from audit_events e order by id";
    sqlx::query_scalar(sql).fetch_all(&mut connect(database).await).await.unwrap()
}

async fn records(server: &Server) -> Vec<Value> {
    records_in(&server.app.db.options()).await
}

/// Writes what was counted, as if its minute were over.
async fn write_tally(server: &Server) {
    server.app.tally.write(&server.app, server.app.clock.now() + time::Duration::minutes(1)).await.unwrap();
}
