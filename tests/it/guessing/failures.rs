//! One guess after the other.

use time::Duration;

use super::{START, another, limited, sign_in_from, wait_for_outcomes};
use crate::support::{Answer, PASSWORD, Server, assert_error, sample, send, sign_ins};

const HERE: &str = "198.51.100.7";
const ELSEWHERE: &str = "198.51.100.8";

#[track_caller]
fn assert_waits(answer: &Answer, seconds: u64) {
    assert_error(answer, 429, "Too many sign-ins failed; try again later.");
    assert_eq!(answer.body["error_type"], "too_many_attempts");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
}

async fn fail(server: &Server, username: &str, times: usize) {
    for _ in 0..times {
        assert_error(&sign_in_from(server, HERE, username, "wrong").await, 401, "Unauthorized");
    }
    wait_for_outcomes(server).await;
}

#[tokio::test]
async fn after_five_failures_everyone_waits_whatever_the_password_and_whether_the_user_exists() {
    let server = limited().await;
    for username in ["alice", "nobody"] {
        fail(&server, username, 5).await;
        for password in ["wrong", PASSWORD, ""] {
            assert_waits(&sign_in_from(&server, HERE, username, password).await, 61);
        }
    }
    // The right password from another address, and another user from this one.
    sign_in_from(&server, ELSEWHERE, "alice", PASSWORD).await.expect(200);
    server.user("acme", "bob").await;
    sign_in_from(&server, HERE, "bob", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn waits_grow_and_end() {
    let server = limited().await;
    fail(&server, "alice", 5).await;
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        assert_waits(&sign_in_from(&server, HERE, "alice", PASSWORD).await, wait + 1);
        server.app.clock.set(server.app.clock.now() + Duration::seconds(wait.cast_signed()));
        // One more guess, and the next wait.
        fail(&server, "alice", 1).await;
    }
    server.app.clock.set(server.app.clock.now() + Duration::hours(1));
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
    wait_for_outcomes(&server).await;
    // That forgot it all.
    fail(&server, "alice", 4).await;
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn quiet_window_forgets() {
    let server = limited().await;
    fail(&server, "alice", 4).await;
    server.app.clock.set(START + Duration::seconds(299));
    fail(&server, "alice", 1).await;
    assert_waits(&sign_in_from(&server, HERE, "alice", PASSWORD).await, 61);
    // The block, and a window after it.
    server.app.clock.set(START + Duration::seconds(299 + 60 + 300));
    fail(&server, "alice", 4).await;
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn right_password_gives_its_place_back_and_forgets_the_failures() {
    let server = limited().await;
    for _ in 0..3 {
        fail(&server, "alice", 4).await;
        let form = [("username", "alice"), ("password", PASSWORD)];
        let request = server.nobody().request("POST", "/v2/oauth/token").header("x-forwarded-for", HERE).form(&form);
        assert_eq!(send(request).await.status, 200);
        wait_for_outcomes(&server).await;
    }
}

/// Whoever shares the address of a client that signs in all the time must not guess for ever.
#[tokio::test]
async fn password_that_is_remembered_forgets_nothing() {
    let server = limited().await;
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
    for _ in 0..5 {
        fail(&server, "alice", 1).await;
        wait_for_outcomes(&server).await;
        if server.app.attempts.blocks().are_any(|| server.app.clock.now()) {
            break;
        }
        sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
    }
    assert_waits(&sign_in_from(&server, HERE, "alice", PASSWORD).await, 61);
}

#[tokio::test]
async fn every_door_for_passwords_counts_together_and_on_every_node() {
    let server = limited().await;
    let node = another(&server).await;
    let form = [("username", "alice"), ("password", "wrong")];
    let by_token = |server: &Server, path: &str| {
        let request = server.nobody().request("POST", path).header("x-forwarded-for", HERE).form(&form);
        send(request)
    };
    assert_eq!(by_token(&server, "/v2/oauth/token").await.status, 400);
    assert_eq!(by_token(&node, "/v1/oauth/token").await.status, 400);
    assert_eq!(sign_in_from(&node, HERE, "alice", "wrong").await.status, 401);
    let v1 = server.basic("alice", "wrong").request("GET", "/v1/user").header("x-forwarded-for", HERE);
    assert_eq!(send(v1).await.status, 401);
    let by_console = |server: &Server| {
        let request = server.nobody().request("POST", "/console/session").header("x-forwarded-for", HERE);
        let login = serde_json::json!({ "username": "alice", "password": "wrong" });
        send(request.header("x-requested-with", "kedge-console").json(&login))
    };
    assert_eq!(by_console(&node).await.status, 401);
    wait_for_outcomes(&server).await;
    for server in [&server, &node] {
        assert_waits(&sign_in_from(server, HERE, "alice", PASSWORD).await, 61);
        let answer = by_token(server, "/v2/oauth/token").await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "61"));
        assert_eq!(answer.body["error"], "slow_down");
        assert_eq!(answer.header("cache-control"), "no-store");
        let answer = by_console(server).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "61"));
        let metrics = kedge::metrics::text(&server.app).unwrap();
        assert_eq!(sample(&metrics, &sign_ins("password", "made_to_wait")), 3);
    }
}

#[tokio::test]
async fn address_is_blocked_after_a_hundred_failures_whomever_it_names() {
    let server = limited().await;
    for number in 0..100 {
        let name = format!("user-{number}");
        assert_error(&sign_in_from(&server, HERE, &name, "wrong").await, 401, "Unauthorized");
    }
    wait_for_outcomes(&server).await;
    assert_waits(&sign_in_from(&server, HERE, "alice", PASSWORD).await, 61);
    assert_waits(&sign_in_from(&server, HERE, "someone-else", "wrong").await, 61);
    sign_in_from(&server, ELSEWHERE, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn right_password_does_not_forget_what_its_address_did_to_others() {
    let server = limited().await;
    for number in 0..99 {
        let name = format!("user-{number}");
        assert_error(&sign_in_from(&server, HERE, &name, "wrong").await, 401, "Unauthorized");
    }
    wait_for_outcomes(&server).await;
    for _ in 0..3 {
        sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
        wait_for_outcomes(&server).await;
    }
    fail(&server, "the-hundredth", 1).await;
    assert_waits(&sign_in_from(&server, HERE, "alice", PASSWORD).await, 61);
}

#[tokio::test]
async fn client_moves_in_its_64_without_effect_and_cannot_choose_its_address() {
    let server = limited().await;
    for host in ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:3::4", "[2001:db8:1:2::5]:80", "2001:db8:1:2:f::"]
    {
        assert_error(&sign_in_from(&server, host, "alice", "wrong").await, 401, "Unauthorized");
    }
    wait_for_outcomes(&server).await;
    assert_waits(&sign_in_from(&server, "2001:db8:1:2::9", "alice", PASSWORD).await, 61);
    sign_in_from(&server, "2001:db8:1:3::1", "alice", PASSWORD).await.expect(200);
    wait_for_outcomes(&server).await;
    // What the client writes stands to the left of what the proxy adds.
    for number in 0..5 {
        let forged = format!("192.0.2.{number}, {HERE}");
        assert_error(&sign_in_from(&server, &forged, "alice", "wrong").await, 401, "Unauthorized");
    }
    wait_for_outcomes(&server).await;
    assert_waits(&sign_in_from(&server, &format!("192.0.2.9, {HERE}"), "alice", PASSWORD).await, 61);
}

#[tokio::test]
async fn nothing_of_a_name_or_address_is_stored() {
    let server = limited().await;
    fail(&server, "alice", 5).await;
    let rows: Vec<String> = sqlx::query_scalar("select t::text from sign_in_attempts t")
        .fetch_all(&mut *server.app.db.connection().await.unwrap())
        .await
        .unwrap();
    // Two for alice, two for the admin who made her.
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows.iter().all(|row| !row.contains("alice") && !row.contains(HERE)), "{rows:?}");
}
