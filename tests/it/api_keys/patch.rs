//! Changing a key: renaming, describing, shortening, revoking.

use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use super::{KEYS, NOON, alice_at, key_path};
use crate::support::{assert_error, assert_problem, names, send};

#[tokio::test]
async fn change_is_answered_whole_and_stays() {
    let (server, alice) = alice_at(NOON).await;
    alice.post(KEYS, json!({ "name": "hatter", "description": "Ten and six" })).await.expect(201);
    server.app.clock.set(NOON + Duration::HOUR);
    let change = json!({
        "name": "mad hatter", "description": "", "expires_at": "2027-01-31T23:59:59Z", "status": "revoked",
    });
    let changed = alice.patch(&key_path("hatter"), change).await.expect(200);
    assert_eq!(alice.get(&key_path("mad hatter")).await.expect(200), changed);
    assert_error(&alice.get(&key_path("hatter")).await, 404, "API key not found");
    insta::assert_json_snapshot!(changed, { ".hint" => "[hint]" }, @r#"
    {
      "created_at": "2026-11-22T12:00:00Z",
      "description": "",
      "expires_at": "2027-01-31T23:59:59Z",
      "hint": "[hint]",
      "name": "mad hatter",
      "status": "revoked",
      "updated_at": "2026-11-22T13:00:00Z",
      "version": "1"
    }
    "#);
}

#[tokio::test]
async fn what_is_not_named_stays() {
    let (_server, alice) = alice_at(NOON).await;
    let request = json!({ "name": "hatter", "description": "Ten and six", "expires_at": "2027-01-31T23:59:59Z" });
    let made = alice.post(KEYS, request).await.expect(201);
    let changed = alice.patch(&key_path("hatter"), json!({ "name": "dormouse" })).await.expect(200);
    for property in ["description", "expires_at", "created_at", "status", "hint", "version"] {
        assert_eq!(changed[property], made[property], "{property}");
    }
}

#[tokio::test]
async fn revoked_key_is_refused_and_its_record_stays() {
    let (server, alice) = alice_at(NOON).await;
    let value = server.key_of(&alice, "hatter").await;
    server.key(&value).get("/v2/user").await.expect(200);
    let revoked = alice.patch(&key_path("hatter"), json!({ "status": "revoked" })).await.expect(200);
    assert_error(&server.key(&value).get("/v2/user").await, 401, "Unauthorized");

    server.app.clock.set(NOON + Duration::HOUR);
    let again = alice.patch(&key_path("hatter"), json!({ "status": "revoked" })).await.expect(200);
    assert_eq!(again, revoked);
    assert_eq!(alice.get(&key_path("hatter")).await.expect(200), revoked);
}

#[tokio::test]
async fn nothing_makes_a_revoked_key_active_again() {
    let (server, alice) = alice_at(NOON).await;
    let value = server.key_of(&alice, "hatter").await;
    alice.patch(&key_path("hatter"), json!({ "status": "revoked" })).await.expect(200);
    for status in ["active", "expired"] {
        assert_problem(&alice.patch(&key_path("hatter"), json!({ "status": status })).await, 400, "status");
    }
    for change in [
        json!({ "description": "alive" }),
        json!({ "expires_at": "2027-01-31T23:59:59Z" }),
        json!({ "status": "revoked", "description": "still" }),
        json!({ "name": "lazarus" }),
        json!({ "name": "hatter" }),
    ] {
        let path = names(&alice.get(KEYS).await.expect(200)["items"], "name").remove(0);
        assert_eq!(alice.patch(&key_path(&path), change).await.expect(200)["status"], "revoked");
    }
    assert_error(
        &alice.post(KEYS, json!({ "name": "hatter", "status": "active" })).await,
        400,
        "API key already exists",
    );
    assert_error(&server.key(&value).get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn key_can_be_renamed_to_a_free_name_and_works_on() {
    let (server, alice) = alice_at(NOON).await;
    let value = server.key_of(&alice, "hatter").await;
    server.key_of(&alice, "deleted").await;
    alice.delete(&key_path("deleted")).await.expect(204);
    for (from, to) in [("hatter", "hatter"), ("hatter", "deleted"), ("deleted", "hatter")] {
        assert_eq!(alice.patch(&key_path(from), json!({ "name": to })).await.expect(200)["name"], to);
        server.key(&value).get("/v2/user").await.expect(200);
    }
}

#[tokio::test]
async fn key_cannot_be_renamed_to_a_taken_name() {
    let (server, alice) = alice_at(NOON).await;
    for name in ["hatter", "live", "revoked"] {
        server.key_of(&alice, name).await;
    }
    alice.patch(&key_path("revoked"), json!({ "status": "revoked" })).await.expect(200);
    alice.post(KEYS, json!({ "name": "expired", "expires_at": "2026-11-22T12:30:00Z" })).await.expect(201);
    server.app.clock.set(NOON + Duration::HOUR);
    let before = alice.get(&key_path("hatter")).await.expect(200);
    for taken in ["live", "revoked", "expired"] {
        let change = json!({ "name": taken, "status": "revoked" });
        assert_error(&alice.patch(&key_path("hatter"), change).await, 400, "API key already exists");
    }
    assert_eq!(alice.get(&key_path("hatter")).await.expect(200), before);
}

#[tokio::test]
async fn expiry_moves_only_earlier_and_is_obeyed() {
    let (server, alice) = alice_at(NOON).await;
    let request = json!({ "name": "hatter", "expires_at": "2027-01-31T12:00:00Z" });
    let made = alice.post(KEYS, request).await.expect(201);
    let key = server.key(made["value"].as_str().unwrap());
    for refused in ["2027-01-31T12:00:01Z", "2026-11-22T12:00:00Z", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let answer = alice.patch(&key_path("hatter"), json!({ "expires_at": refused })).await;
        assert_problem(&answer, 400, "'expires_at' can only be changed to an earlier time that is still in the future");
    }
    for taken in ["2027-01-31T12:00:00Z", "2026-12-01T00:00:00Z", "2026-11-22T13:00:00Z"] {
        let changed = alice.patch(&key_path("hatter"), json!({ "expires_at": taken })).await.expect(200);
        assert_eq!(changed["expires_at"], taken);
    }
    server.app.clock.set(datetime!(2026-11-22 12:59:59.999 UTC));
    key.get("/v2/user").await.expect(200);
    server.app.clock.set(datetime!(2026-11-22 13:00 UTC));
    assert_error(&key.get("/v2/user").await, 401, "Unauthorized");
    let back = alice.patch(&key_path("hatter"), json!({ "expires_at": "2026-12-01T00:00:00Z" })).await;
    assert_problem(&back, 400, "'expires_at'");
}

#[tokio::test]
async fn any_other_property_or_value_is_refused_and_nothing_of_the_change_is_kept() {
    let (server, alice) = alice_at(NOON).await;
    server.key_of(&alice, "hatter").await;
    let before = alice.get(&key_path("hatter")).await.expect(200);
    let with = |property: &str, value: Value| json!({ "description": "lost", property: value });
    for (change, named) in [
        (with("value", json!("x")), "value"),
        (with("version", json!("1")), "version"),
        (with("created_at", json!("2026-11-22T12:00:00Z")), "created_at"),
        (with("hint", json!("zzzz")), "hint"),
        (with("last_used_at", json!(null)), "last_used_at"),
        (with("raven", json!("desk")), "raven"),
        (with("Status", json!("revoked")), "Status"),
        (with("status", json!("active")), "status"),
        (with("status", json!("expired")), "status"),
        (with("status", json!("Revoked")), "status"),
        (with("status", json!("")), "status"),
        (with("status", json!(true)), "status"),
        (with("status", json!(["revoked"])), "status"),
        (with("status", json!({ "revoked": null })), "status"),
        (with("status", json!(null)), "status"),
        (with("name", json!(null)), "name"),
        (with("name", json!(1)), "name"),
        (with("expires_at", json!(null)), "expires_at"),
        (with("expires_at", json!("2026-12-01")), "expires_at"),
        (json!({ "description": null }), "description"),
        (json!({ "description": 1, "status": "revoked" }), "description"),
        (json!({}), "body"),
        (json!([]), "body"),
        (json!(null), "body"),
        (json!("revoked"), "body"),
    ] {
        let answer = alice.patch(&key_path("hatter"), change).await;
        assert_problem(&answer, 400, named);
        assert!(answer.text.contains(named), "{}", answer.text);
    }
    for text in ["", "{", "{} {}", "{\"status\":\"revoked\",\"status\":\"revoked\"}"] {
        let request = alice.request("PATCH", &key_path("hatter")).header("content-type", "application/json");
        assert_problem(&send(request.body(text)).await, 400, "");
    }
    assert_eq!(alice.get(&key_path("hatter")).await.expect(200), before);
}
