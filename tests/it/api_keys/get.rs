//! One key, and the value that is shown once.

use serde_json::json;

use super::{KEYS, NOON, alice_at, key_path};
use crate::support::{assert_error, send};

#[tokio::test]
async fn record_is_the_one_that_was_answered_at_creation_without_the_value() {
    let (_server, alice) = alice_at(NOON).await;
    let request = json!({ "name": "hatter", "description": "Ten and six" });
    let mut made = alice.post(KEYS, request).await.expect(201);
    made.as_object_mut().unwrap().remove("value").unwrap();
    assert_eq!(alice.get(&key_path("hatter")).await.expect(200), made);
}

#[tokio::test]
async fn key_value_is_shown_once() {
    let (server, alice) = alice_at(NOON).await;
    let admin = server.admin();
    let value = server.key_of(&alice, "hatter").await;
    let secret = value.rsplit('_').next().unwrap();
    let of_alice = "/v2/accounts/tea-party/users/alice/api-keys";
    let answers = [
        alice.get(KEYS).await,
        alice.get(&key_path("hatter")).await,
        alice.patch(&key_path("hatter"), json!({ "description": "Ten and six" })).await,
        admin.get(of_alice).await,
        admin.get(&format!("{of_alice}/hatter")).await,
        admin.patch(&format!("{of_alice}/hatter"), json!({ "status": "revoked" })).await,
        alice.get(&key_path("hatter")).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, 200);
        assert!(!answer.text.contains("\"value\""), "{}", answer.text);
        for hidden in [secret, &secret[..12], &value["kedge_".len()..][..16]] {
            assert!(!answer.text.contains(hidden), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn secret_is_not_in_the_database() {
    let (server, alice) = alice_at(NOON).await;
    let value = server.key_of(&alice, "hatter").await;
    let secret = &value.rsplit('_').next().unwrap()[..43];
    let row: String = sqlx::query_scalar("select k::text from api_keys k")
        .fetch_one(&mut *server.app.db.connection().await.unwrap())
        .await
        .unwrap();
    // As PostgreSQL would print the bytes of it.
    let hex = format!("{:x?}", secret.as_bytes()).replace(['[', ',', ' ', ']'], "");
    assert!(!row.contains(secret) && !row.contains(&hex), "{row}");
}

#[tokio::test]
async fn key_that_is_not_there_is_not_found() {
    let (server, alice) = alice_at(NOON).await;
    let hatter = server.user("tea-party", "hatter").await;
    server.key_of(&hatter, "of-hatter").await;
    server.key_of(&alice, "deleted").await;
    alice.delete(&key_path("deleted")).await.expect(204);
    for name in ["nobody", "deleted", "of-hatter", "Of-Hatter"] {
        assert_error(&alice.get(&key_path(name)).await, 404, "API key not found");
        assert_error(&alice.patch(&key_path(name), json!({ "status": "revoked" })).await, 404, "API key not found");
        assert_error(&alice.delete(&key_path(name)).await, 404, "API key not found");
    }
    assert_eq!(hatter.get(&key_path("of-hatter")).await.expect(200)["status"], "active");
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let (server, alice) = alice_at(NOON).await;
    server.key_of(&alice, "hatter").await;
    let head = send(alice.request("HEAD", &key_path("hatter"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(send(alice.request("HEAD", &key_path("nobody"))).await.status, 404);
}
