//! Deleting a key, and the end of its row.

use kedge::{clock::Clock, identity::collector};
use serde_json::json;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::{KEYS, NOON, alice_at, alice_with, key_path};
use crate::support::{Options, Server, assert_error};

#[tokio::test]
async fn deleted_key_is_refused_and_in_no_answer() {
    let (server, alice) = alice_at(NOON).await;
    let value = server.key_of(&alice, "hatter").await;
    server.key(&value).get("/v2/user").await.expect(200);
    let deleted = alice.delete(&key_path("hatter")).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    assert_error(&server.key(&value).get("/v2/user").await, 401, "Unauthorized");
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
    assert_error(&alice.delete(&key_path("hatter")).await, 404, "API key not found");
}

#[tokio::test]
async fn revoked_and_expired_keys_can_be_deleted() {
    let (server, alice) = alice_at(NOON).await;
    server.key_of(&alice, "revoked").await;
    alice.patch(&key_path("revoked"), json!({ "status": "revoked" })).await.expect(200);
    alice.post(KEYS, json!({ "name": "expired", "expires_at": "2026-11-22T12:30:00Z" })).await.expect(201);
    server.app.clock.set(NOON + Duration::HOUR);
    for name in ["revoked", "expired"] {
        alice.delete(&key_path(name)).await.expect(204);
    }
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
}

/// Rows go by the database's clock, too.
const LONG_AGO: OffsetDateTime = datetime!(2024-11-22 12:00:00.75 UTC);

#[tokio::test]
async fn row_of_a_deleted_key_is_collected_after_a_year_and_no_other() {
    let (server, alice) = alice_at(LONG_AGO).await;
    for name in ["deleted", "deleted-later", "revoked"] {
        server.key_of(&alice, name).await;
    }
    alice.patch(&key_path("revoked"), json!({ "status": "revoked" })).await.expect(200);
    alice.delete(&key_path("deleted")).await.expect(204);
    server.app.clock.set(LONG_AGO + Duration::DAY);
    alice.delete(&key_path("deleted-later")).await.expect(204);

    server.app.clock.set(LONG_AGO + Duration::days(365) - Duration::SECOND);
    assert_eq!(collector::remove_keys(&server.app).await.unwrap(), 0);
    assert_eq!(rows(&server).await, ["deleted", "deleted-later", "revoked"]);
    server.app.clock.set(LONG_AGO + Duration::days(365));
    assert_eq!(collector::remove_keys(&server.app).await.unwrap(), 1);
    assert_eq!(rows(&server).await, ["deleted-later", "revoked"]);
}

#[tokio::test]
async fn deleted_keys_can_be_kept_for_ever() {
    let options = Options {
        environment: vec![("KEDGE_USER_AUTHENTICATION__REMOVE_DELETED_USER_API_KEYS_OLDER_THAN_DAYS", "-1")],
        clock: Some(Clock::fixed(LONG_AGO)),
        ..Options::default()
    };
    let (server, alice) = alice_with(options).await;
    server.key_of(&alice, "deleted").await;
    alice.delete(&key_path("deleted")).await.expect(204);
    server.app.clock.set(LONG_AGO + Duration::days(36_500));
    assert_eq!(collector::remove_keys(&server.app).await.unwrap(), 0);
    assert_eq!(rows(&server).await, ["deleted"]);
}

/// The names of all keys that have a row.
async fn rows(server: &Server) -> Vec<String> {
    let mut db = server.app.db.connection().await.unwrap();
    sqlx::query_scalar("select name from api_keys order by name").fetch_all(&mut *db).await.unwrap()
}
