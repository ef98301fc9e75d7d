//! The list of keys.

use serde_json::json;
use time::Duration;

use super::{KEYS, NOON, alice_at, key_path};
use crate::support::{assert_problem, names};

#[tokio::test]
async fn list_of_nobody_is_empty() {
    let (_server, alice) = alice_at(NOON).await;
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
}

#[tokio::test]
async fn keys_are_listed_newest_first() {
    let (server, alice) = alice_at(NOON).await;
    for (minute, name) in ["march", "hatter", "dormouse", "alice"].into_iter().enumerate() {
        server.app.clock.set(NOON + Duration::minutes(minute.try_into().unwrap()));
        server.key_of(&alice, name).await;
    }
    // A change does not move a key.
    alice.patch(&key_path("march"), json!({ "description": "hare" })).await.expect(200);
    let list = alice.get(KEYS).await.expect(200);
    assert_eq!(names(&list["items"], "name"), ["alice", "dormouse", "hatter", "march"]);
}

#[tokio::test]
async fn every_key_is_listed_whole_but_for_its_value() {
    let (server, alice) = alice_at(NOON).await;
    let request = json!({ "name": "short", "description": "Ten and six", "expires_at": "2026-11-22T12:30:00Z" });
    alice.post(KEYS, request).await.expect(201);
    server.app.clock.set(NOON + Duration::MINUTE);
    server.key_of(&alice, "revoked").await;
    server.app.clock.set(NOON + Duration::minutes(2));
    server.key_of(&alice, "live").await;
    server.app.clock.set(NOON + Duration::HOUR);
    alice.patch(&key_path("revoked"), json!({ "status": "revoked" })).await.expect(200);

    let list = alice.get(KEYS).await.expect(200);
    insta::assert_json_snapshot!(list, { ".items[].hint" => insta::dynamic_redaction(|hint, _| {
        assert_eq!(hint.as_str().unwrap().len(), 4);
        "[hint]"
    }) }, @r#"
    {
      "items": [
        {
          "created_at": "2026-11-22T12:02:00Z",
          "expires_at": "2027-11-22T12:02:00Z",
          "hint": "[hint]",
          "name": "live",
          "status": "active",
          "updated_at": "2026-11-22T12:02:00Z",
          "version": "1"
        },
        {
          "created_at": "2026-11-22T12:01:00Z",
          "expires_at": "2027-11-22T12:01:00Z",
          "hint": "[hint]",
          "name": "revoked",
          "status": "revoked",
          "updated_at": "2026-11-22T13:00:00Z",
          "version": "1"
        },
        {
          "created_at": "2026-11-22T12:00:00Z",
          "description": "Ten and six",
          "expires_at": "2026-11-22T12:30:00Z",
          "hint": "[hint]",
          "name": "short",
          "status": "expired",
          "updated_at": "2026-11-22T12:00:00Z",
          "version": "1"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn revoked_goes_before_expired() {
    let (server, alice) = alice_at(NOON).await;
    for name in ["early", "late"] {
        let request = json!({ "name": name, "expires_at": "2026-11-22T12:30:00Z" });
        alice.post(KEYS, request).await.expect(201);
    }
    alice.patch(&key_path("early"), json!({ "status": "revoked" })).await.expect(200);
    server.app.clock.set(NOON + Duration::HOUR);
    assert_eq!(alice.get(&key_path("late")).await.expect(200)["status"], "expired");
    alice.patch(&key_path("late"), json!({ "status": "revoked" })).await.expect(200);
    let list = alice.get(KEYS).await.expect(200);
    assert_eq!(names(&list["items"], "status"), ["revoked", "revoked"]);
}

#[tokio::test]
async fn only_the_callers_own_keys_are_listed_whatever_the_account_header_says() {
    let (server, alice) = alice_at(NOON).await;
    let hatter = server.user("tea-party", "hatter").await;
    let rabbit = server.user("court", "rabbit").await;
    for (client, name) in
        [(&alice, "of-alice"), (&hatter, "of-hatter"), (&rabbit, "of-rabbit"), (&server.admin(), "of-admin")]
    {
        server.key_of(client, name).await;
    }
    assert_eq!(names(&alice.get(KEYS).await.expect(200)["items"], "name"), ["of-alice"]);
    let alice_elsewhere = alice.acting_in("court");
    assert_eq!(names(&alice_elsewhere.get(KEYS).await.expect(200)["items"], "name"), ["of-alice"]);
    let admin_elsewhere = server.admin().acting_in("court");
    assert_eq!(names(&admin_elsewhere.get(KEYS).await.expect(200)["items"], "name"), ["of-admin"]);
}

#[tokio::test]
async fn list_can_be_narrowed_searched_and_paged() {
    let (server, alice) = alice_at(NOON).await;
    for (minute, name, description, expires_at) in [
        (0, "ci-1", "The old pipeline", "2026-11-22T12:30:00Z"),
        (1, "ci-2", "", "2026-12-22T12:00:00Z"),
        (2, "nightly", "Scans for CI", "2026-12-22T12:00:00Z"),
        (3, "Ünruh", "100 %_", "2026-12-22T12:00:00Z"),
    ] {
        server.app.clock.set(NOON + Duration::minutes(minute));
        let key = json!({ "name": name, "description": description, "expires_at": expires_at });
        alice.post(KEYS, key).await.expect(201);
    }
    server.app.clock.set(NOON + Duration::HOUR);
    alice.patch(&key_path("ci-2"), json!({ "status": "revoked" })).await.expect(200);
    for (query, expected) in [
        ("?status=active", vec!["Ünruh", "nightly"]),
        ("?status=expired", vec!["ci-1"]),
        ("?status=revoked", vec!["ci-2"]),
        ("?search=CI", vec!["nightly", "ci-2", "ci-1"]),
        ("?search=ci&limit=2&page=2", vec!["ci-1"]),
        ("?search=ci&status=active", vec!["nightly"]),
        ("?search=%C3%9Cnr", vec!["Ünruh"]),
        ("?search=kedge_", vec!["Ünruh", "nightly", "ci-2", "ci-1"]),
        ("?search=kedge_zzzzz", vec![]),
        // It is no pattern.
        ("?search=%25_", vec!["Ünruh"]),
        ("?search=.*", vec![]),
        ("?search=", vec!["Ünruh", "nightly", "ci-2", "ci-1"]),
        ("?limit=1000&page=1000000", vec![]),
    ] {
        for path in [KEYS, "/v2/accounts/tea-party/users/alice/api-keys"] {
            let list = alice.get(&format!("{path}{query}")).await.expect(200);
            assert_eq!(names(&list["items"], "name"), expected, "{path}{query}");
        }
    }
    for (query, field) in
        [("status=deleted", "status"), ("limit=0", "limit"), ("page=0", "page"), ("search=%00", "search")]
    {
        assert_problem(&alice.get(&format!("{KEYS}?{query}")).await, 400, field);
    }
}
