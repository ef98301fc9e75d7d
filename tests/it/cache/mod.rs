//! What is remembered of callers: that it saves the database and the hash, and that it is never wrong.

mod at_once;
mod bounds;
mod lease;
mod model;
mod nodes;
mod prefer;
mod warm;

use sqlx::AssertSqlSafe;

use crate::support::Server;

/// Changes the database behind Kedge's back, as an operator or a service that was just left would.
async fn sql(server: &Server, statement: &str) {
    let mut db = server.app.db.read().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *db).await.unwrap();
}
