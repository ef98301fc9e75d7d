//! What is remembered of callers: that it saves the database and the hash, and that it is never wrong.

mod at_once;
mod bounds;
mod lease;
mod model;
mod nodes;
mod prefer;
mod statements;
mod warm;

use sqlx::AssertSqlSafe;

use crate::support::{Client, Server};

/// alice in acme, with a password, a key and a token, each of which was used once and is remembered.
async fn warm(server: &Server) -> [Client; 3] {
    let alice = server.user("acme", "alice").await;
    let key = server.key(&server.key_of(&alice, "warm").await);
    let token = server.signed_in("alice").await;
    let clients = [alice, key, token];
    for client in &clients {
        client.get("/v2/account").await.expect(200);
    }
    clients
}

/// Changes the database behind Kedge's back, as an operator or a service that was just left would.
async fn sql(server: &Server, statement: &str) {
    let mut db = server.app.db.connection().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *db).await.unwrap();
}
