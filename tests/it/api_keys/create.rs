//! Making a key.

use kedge::{
    authn::api_key::SCANNER_PATTERN,
    clock::{Clock, Random},
};
use regex::Regex;
use serde_json::json;
use time::Duration;

use super::{KEYS, NOON, alice_at, alice_with, key_path};
use crate::support::{Options, assert_error, assert_problem, names};

#[tokio::test]
async fn answer_is_the_whole_record_with_the_value() {
    let options = Options { clock: Some(Clock::fixed(NOON)), random: Some(Random::seeded(10)), ..Options::default() };
    let (_server, alice) = alice_with(options).await;
    let request = json!({ "name": "hatter", "description": "Ten and six", "expires_at": "2027-01-31T23:59:59Z" });
    let answer = alice.post(KEYS, request).await;
    assert_eq!(answer.header("content-type"), "application/json");
    insta::assert_json_snapshot!(answer.expect(201), @r#"
    {
      "created_at": "2026-11-22T12:00:00Z",
      "description": "Ten and six",
      "expires_at": "2027-01-31T23:59:59Z",
      "hint": "Myjo",
      "name": "hatter",
      "status": "active",
      "updated_at": "2026-11-22T12:00:00Z",
      "value": "kedge_MyjoP9Mbpl8aLkKU_pqXBIVwgJ0Mis89z0C5IjXJ1V5wJ39Id9qXFcOfU5dJ08YwmF",
      "version": "1"
    }
    "#);
}

#[tokio::test]
async fn description_that_is_not_given_is_left_out() {
    let (_server, alice) = alice_at(NOON).await;
    let made = alice.post(KEYS, json!({ "name": "hatter" })).await.expect(201);
    let properties: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(properties, ["created_at", "expires_at", "hint", "name", "status", "updated_at", "value", "version"]);
}

#[tokio::test]
async fn value_is_found_by_the_published_pattern_and_hinted_at_by_four_characters() {
    let (server, alice) = alice_at(NOON).await;
    let made = alice.post(KEYS, json!({ "name": "hatter" })).await.expect(201);
    let value = made["value"].as_str().unwrap();
    let found = Regex::new(SCANNER_PATTERN).unwrap().find(value).unwrap();
    assert_eq!(found.as_str(), value);
    assert_eq!(made["hint"], value["kedge_".len()..][..4]);
    assert_eq!(server.key(value).get("/v2/user").await.expect(200)["username"], "alice");
}

#[tokio::test]
async fn taken_name_is_refused_even_of_a_revoked_and_of_an_expired_key() {
    let (server, alice) = alice_at(NOON).await;
    for name in ["live", "revoked"] {
        alice.post(KEYS, json!({ "name": name })).await.expect(201);
    }
    alice.patch(&key_path("revoked"), json!({ "status": "revoked" })).await.expect(200);
    let short = json!({ "name": "expired", "expires_at": "2026-11-22T12:00:02Z" });
    alice.post(KEYS, short).await.expect(201);
    server.app.clock.set(NOON + Duration::HOUR);

    for name in ["live", "revoked", "expired"] {
        let again = alice.post(KEYS, json!({ "name": name })).await;
        assert_error(&again, 400, "API key already exists");
        assert_eq!(again.body["error_type"], "name_taken");
    }
    let (list, mut found) = (alice.get(KEYS).await.expect(200), vec!["live", "revoked", "expired"]);
    found.sort_unstable();
    let mut listed = names(&list["items"], "name");
    listed.sort_unstable();
    assert_eq!(listed, found);
}

#[tokio::test]
async fn name_of_a_deleted_key_is_free_and_the_old_value_stays_dead() {
    let (server, alice) = alice_at(NOON).await;
    let old = server.key_of(&alice, "hatter").await;
    alice.delete(&key_path("hatter")).await.expect(204);
    let new = server.key_of(&alice, "hatter").await;
    assert_error(&server.key(&old).get("/v2/user").await, 401, "Unauthorized");
    server.key(&new).get("/v2/user").await.expect(200);
}

#[tokio::test]
async fn two_users_may_give_their_keys_the_same_name() {
    let (server, alice) = alice_at(NOON).await;
    let hatter = server.user("tea-party", "hatter").await;
    let (of_alice, of_hatter) = (server.key_of(&alice, "same").await, server.key_of(&hatter, "same").await);
    alice.delete(&key_path("same")).await.expect(204);
    assert_error(&server.key(&of_alice).get("/v2/user").await, 401, "Unauthorized");
    assert_eq!(server.key(&of_hatter).get("/v2/user").await.expect(200)["username"], "hatter");
}

#[tokio::test]
async fn limit_counts_every_key_that_is_not_deleted() {
    let options = Options {
        environment: vec![("KEDGE_USER_AUTHENTICATION__MAX_API_KEYS_PER_USER", "3")],
        clock: Some(Clock::fixed(NOON)),
        ..Options::default()
    };
    let (server, alice) = alice_with(options).await;
    alice.post(KEYS, json!({ "name": "expired", "expires_at": "2026-11-22T12:00:02Z" })).await.expect(201);
    alice.post(KEYS, json!({ "name": "revoked" })).await.expect(201);
    alice.patch(&key_path("revoked"), json!({ "status": "revoked" })).await.expect(200);
    alice.post(KEYS, json!({ "name": "live" })).await.expect(201);
    server.app.clock.set(NOON + Duration::HOUR);

    let one_more = alice.post(KEYS, json!({ "name": "fourth" })).await;
    assert_error(&one_more, 400, "A user can have at most 3 API keys: delete one first");
    assert_eq!(one_more.body["error_type"], "limit_reached");
    alice.delete(&key_path("expired")).await.expect(204);
    alice.post(KEYS, json!({ "name": "fourth" })).await.expect(201);

    let hatter = server.user("tea-party", "hatter").await;
    hatter.post(KEYS, json!({ "name": "first" })).await.expect(201);
}

#[tokio::test]
async fn hundred_keys_are_the_usual_limit() {
    let (server, alice) = alice_at(NOON).await;
    // The first 99 as rows: what is promised here is the number, not the way there.
    sqlx::query(
        "insert into api_keys (id, user_id, name, secret_hash, created_at, updated_at, expires_at)
         select lpad(n::text, 16, '0'), u.id, n::text, sha256(''), now(), now(), now()
         from users u, generate_series(1, 99) n where u.username = 'alice'",
    )
    .execute(&mut *server.app.db.connection().await.unwrap())
    .await
    .unwrap();
    alice.post(KEYS, json!({ "name": "hundredth" })).await.expect(201);
    let one_more = alice.post(KEYS, json!({ "name": "one more" })).await;
    assert_error(&one_more, 400, "A user can have at most 100 API keys: delete one first");
}

#[tokio::test]
async fn what_only_the_server_sets_is_ignored_and_so_is_the_unknown() {
    let (server, alice) = alice_at(NOON).await;
    let given = "kedge_0000000000000000_0000000000000000000000000000000000000000000000000";
    let request = json!({
        "name": "hatter", "value": given, "version": "9", "status": "revoked", "created_at": "yesterday",
        "updated_at": null, "last_used_at": "2020-01-01T00:00:00Z", "hint": "zzzz", "username": "admin", "raven": ["desk"],
    });
    let made = alice.post(KEYS, request).await.expect(201);
    assert_ne!(made["value"], given);
    assert_ne!(made["hint"], "zzzz");
    assert_eq!(made["version"], "1");
    assert_eq!(made["status"], "active");
    assert_eq!(made["created_at"], "2026-11-22T12:00:00Z");
    assert_eq!(made["updated_at"], "2026-11-22T12:00:00Z");
    for absent in ["last_used_at", "username", "raven"] {
        assert!(made.get(absent).is_none(), "{made}");
    }
    assert_eq!(server.key(made["value"].as_str().unwrap()).get("/v2/user").await.expect(200)["username"], "alice");
}

#[tokio::test]
async fn body_of_the_wrong_shape_is_refused_by_the_name_of_the_field() {
    let (_server, alice) = alice_at(NOON).await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "description": "nameless" }), "name"),
        (json!({ "name": null }), "name"),
        (json!({ "name": 42 }), "name"),
        (json!({ "name": ["hatter"] }), "name"),
        (json!({ "name": "hatter", "description": 42 }), "description"),
        (json!({ "name": "hatter", "expires_at": 1_800_000_000 }), "expires_at"),
        (json!(["hatter"]), "body"),
        (json!("hatter"), "body"),
        (json!(null), "body"),
    ] {
        assert_problem(&alice.post(KEYS, body).await, 400, field);
    }
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
}
