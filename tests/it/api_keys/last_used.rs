//! When a key was last used.

use kedge::db::Db;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};

use super::{KEYS, alice_at, key_path};
use crate::support::{Client, Server, assert_error};

const USED: OffsetDateTime = datetime!(2026-11-22 12:34:56.789 UTC);

async fn write(server: &Server) {
    server.app.last_used.write(&server.app.db).await.unwrap();
}

async fn last_used_at(alice: &Client) -> Value {
    alice.get(&key_path("hatter")).await.expect(200)["last_used_at"].take()
}

#[tokio::test]
async fn last_use_is_shown_to_the_minute_once_it_is_written() {
    let (server, alice) = alice_at(USED).await;
    let key = server.key(&server.key_of(&alice, "hatter").await);
    server.key_of(&alice, "idle").await;
    write(&server).await;
    assert!(alice.get(&key_path("hatter")).await.expect(200).get("last_used_at").is_none());

    key.get("/v2/user").await.expect(200);
    write(&server).await;
    assert_eq!(last_used_at(&alice).await, "2026-11-22T12:34:00Z");
    assert!(alice.get(&key_path("idle")).await.expect(200).get("last_used_at").is_none());
    let list = alice.get(KEYS).await.expect(200);
    let listed = list["items"].as_array().unwrap().iter().find(|key| key["name"] == "hatter").unwrap();
    assert_eq!(listed["last_used_at"], "2026-11-22T12:34:00Z");
    let changed = alice.patch(&key_path("hatter"), json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(changed["last_used_at"], "2026-11-22T12:34:00Z");
}

#[tokio::test]
async fn use_does_not_count_as_a_change() {
    let (server, alice) = alice_at(datetime!(2026-11-22 12:00 UTC)).await;
    let key = server.key(&server.key_of(&alice, "hatter").await);
    server.app.clock.set(USED);
    key.get("/v2/user").await.expect(200);
    write(&server).await;
    assert_eq!(alice.get(&key_path("hatter")).await.expect(200)["updated_at"], "2026-11-22T12:00:00Z");
}

#[tokio::test]
async fn last_use_never_goes_back() {
    let (server, alice) = alice_at(USED).await;
    let key = server.key(&server.key_of(&alice, "hatter").await);
    // Within one batch, and over two: as when another node's clock is behind, or ours is corrected.
    for written_between in [false, true] {
        server.app.clock.set(USED);
        key.get("/v2/user").await.expect(200);
        if written_between {
            write(&server).await;
        }
        server.app.clock.set(datetime!(2026-11-22 12:30 UTC));
        key.get("/v2/user").await.expect(200);
        write(&server).await;
        assert_eq!(last_used_at(&alice).await, "2026-11-22T12:34:00Z", "written between: {written_between}");
    }
    server.app.clock.set(datetime!(2026-11-22 12:35 UTC));
    key.get("/v2/user").await.expect(200);
    write(&server).await;
    assert_eq!(last_used_at(&alice).await, "2026-11-22T12:35:00Z");
}

#[tokio::test]
async fn refused_use_is_no_use() {
    let (server, alice) = alice_at(USED).await;
    let value = server.key_of(&alice, "hatter").await;
    alice.patch(&key_path("hatter"), json!({ "status": "revoked" })).await.expect(200);
    assert_error(&server.key(&value).get("/v2/user").await, 401, "Unauthorized");
    write(&server).await;
    assert_eq!(last_used_at(&alice).await, Value::Null);
}

#[tokio::test]
async fn use_that_could_not_be_written_is_written_the_next_time() {
    let (server, alice) = alice_at(USED).await;
    let key = server.key(&server.key_of(&alice, "hatter").await);
    key.get("/v2/user").await.expect(200);
    let nowhere = Db::new(server.app.db.options().database("nowhere"), 1);
    assert!(server.app.last_used.write(&nowhere).await.is_err());
    write(&server).await;
    assert_eq!(last_used_at(&alice).await, "2026-11-22T12:34:00Z");
}

#[tokio::test]
async fn use_of_a_key_that_is_gone_meanwhile_does_no_harm() {
    let (server, alice) = alice_at(USED).await;
    let (hatter, gone) = (server.key_of(&alice, "hatter").await, server.user("tea-party", "gone").await);
    let gone = server.key(&server.key_of(&gone, "robot").await);
    for key in [&gone, &server.key(&hatter)] {
        key.get("/v2/user").await.expect(200);
    }
    server.admin().delete("/v2/accounts/tea-party/users/gone").await.expect(204);
    write(&server).await;
    assert_eq!(last_used_at(&alice).await, "2026-11-22T12:34:00Z");
}
