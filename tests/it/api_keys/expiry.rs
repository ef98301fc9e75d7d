//! When a key ends: what may be asked for at its creation.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use super::{KEYS, NOON, alice_at, alice_with};
use crate::support::{Options, assert_problem};

#[tokio::test]
async fn absent_expiry_is_a_year_from_now() {
    let (_server, alice) = alice_at(NOON).await;
    let made = alice.post(KEYS, json!({ "name": "hatter" })).await.expect(201);
    assert_eq!(made["expires_at"], "2027-11-22T12:00:00Z");
}

#[tokio::test]
async fn greatest_age_is_the_configured_one() {
    let options = Options {
        environment: vec![("KEDGE_USER_AUTHENTICATION__MAX_API_KEY_AGE_DAYS", "30")],
        clock: Some(Clock::fixed(NOON)),
        ..Options::default()
    };
    let (_server, alice) = alice_with(options).await;
    let made = alice.post(KEYS, json!({ "name": "absent" })).await.expect(201);
    assert_eq!(made["expires_at"], "2026-12-22T12:00:00Z");
    alice.post(KEYS, json!({ "name": "last", "expires_at": "2026-12-22T12:00:00Z" })).await.expect(201);
    let too_far = alice.post(KEYS, json!({ "name": "beyond", "expires_at": "2026-12-22T12:00:01Z" })).await;
    assert_problem(&too_far, 400, "'expires_at' must be at most 30 days from now");
}

#[tokio::test]
async fn every_second_from_the_next_to_the_last_is_taken_as_given() {
    // 365 days from here there lies a 29th of February.
    let (_server, alice) = alice_at(datetime!(2027-06-01 12:00:00.5 UTC)).await;
    for expires_at in ["2027-06-01T12:00:01Z", "2028-02-29T00:00:00Z", "2028-05-31T12:00:00Z"] {
        let made = alice.post(KEYS, json!({ "name": expires_at, "expires_at": expires_at })).await.expect(201);
        assert_eq!(made["expires_at"], expires_at);
        assert_eq!(made["status"], "active");
    }
}

#[tokio::test]
async fn past_present_and_too_far_are_refused() {
    let (_server, alice) = alice_at(datetime!(2027-06-01 12:00:00 UTC)).await;
    for expires_at in ["2027-06-01T12:00:00Z", "2027-06-01T11:59:59Z", "1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z"] {
        let answer = alice.post(KEYS, json!({ "name": "hatter", "expires_at": expires_at })).await;
        assert_problem(&answer, 400, "'expires_at' must be in the future");
    }
    for expires_at in ["2028-05-31T12:00:01Z", "9999-12-31T23:59:59Z"] {
        let answer = alice.post(KEYS, json!({ "name": "hatter", "expires_at": expires_at })).await;
        assert_problem(&answer, 400, "'expires_at' must be at most 365 days from now");
    }
}

#[tokio::test]
async fn only_utc_to_the_second_is_understood() {
    let (_server, alice) = alice_at(datetime!(2027-01-01 12:00 UTC)).await;
    for expires_at in [
        "",
        "tomorrow",
        "2027-06-01",
        "2027-06-01T12:00Z",
        "2027-06-01T12:00:00",
        "2027-06-01 12:00:00Z",
        "2027-06-01t12:00:00z",
        "2027-06-01T12:00:00.5Z",
        "2027-06-01T12:00:00.000Z",
        "2027-06-01T12:00:00+00:00",
        "2027-06-01T14:00:00+02:00",
        "2027-06-01T12:00:00 Z",
        " 2027-06-01T12:00:00Z",
        "2027-06-01T12:00:00Z ",
        "+2027-06-01T12:00:00Z",
        "-2027-06-01T12:00:00Z",
        "12027-06-01T12:00:00Z",
        "2027-6-1T12:00:00Z",
        "20270601T120000Z",
        "2027-06-00T12:00:00Z",
        "2027-06-31T12:00:00Z",
        "2027-13-01T12:00:00Z",
        "2027-02-29T12:00:00Z",
        "2027-06-01T24:00:00Z",
        "2027-06-01T12:60:00Z",
        "2027-06-30T23:59:60Z",
        "٢٠٢٧-06-01T12:00:00Z",
    ] {
        let answer = alice.post(KEYS, json!({ "name": expires_at, "expires_at": expires_at })).await;
        assert_problem(&answer, 400, "'expires_at' must be a UTC time such as");
    }
    assert_eq!(alice.get(KEYS).await.expect(200), json!({ "items": [] }));
}
