//! Wrong keys and tokens count for their address; valid ones are never refused for that.

use sqlx::{Connection, PgConnection};

use super::{
    PER_ADDRESS, PER_USER, PROXIES, from, limited, limited_to, lock, sign_in_from, unlock, wait_for_checks,
    wait_for_outcomes,
};
use crate::support::{Answer, Options, PASSWORD, Server, assert_error, send, send_until_served, until};

const HERE: &str = "198.51.100.7";

async fn with_key(server: &Server, value: &str) -> Answer {
    send(from(&server.key(value), HERE)).await
}

async fn with_token(server: &Server, token: &str) -> Answer {
    send(from(&server.bearer(token), HERE)).await
}

#[tokio::test]
async fn hundred_wrong_keys_and_tokens_block_their_address_for_passwords_and_for_wrong_ones() {
    let server = limited().await;
    let alice = server.basic("alice", PASSWORD);
    let key = server.key_of(&alice, "k").await;
    let token = server.tokens("alice").await.access;
    wait_for_outcomes(&server).await;
    for _ in 0..50 {
        assert_error(&with_key(&server, "garbage").await, 401, "Unauthorized");
        assert_error(&with_token(&server, "a.b.c").await, 401, "Unauthorized");
    }
    for answer in [with_key(&server, "garbage").await, with_token(&server, "a.b.c").await] {
        assert_error(&answer, 429, "Too many sign-ins failed; try again later.");
    }
    assert_eq!(sign_in_from(&server, HERE, "alice", PASSWORD).await.status, 429);
    // What is valid is let in, from there too.
    with_key(&server, &key).await.expect(200);
    with_token(&server, &token).await.expect(200);
    sign_in_from(&server, "198.51.100.8", "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn forgotten_job_with_an_ended_key_or_token_locks_nobody_out() {
    let server = limited().await;
    let alice = server.basic("alice", PASSWORD);
    let key = server.key_of(&alice, "k").await;
    let tokens = server.tokens("alice").await;
    alice.patch("/v2/user/api-keys/k", serde_json::json!({ "status": "revoked" })).await.expect(200);
    server.nobody().form("/v2/oauth/revoke", &[("token", &tokens.refresh)]).await.expect(200);
    for _ in 0..60 {
        assert_error(&with_key(&server, &key).await, 401, "Unauthorized");
        assert_error(&with_token(&server, &tokens.access).await, 401, "Unauthorized");
    }
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn place_of_an_ended_key_is_given_back_when_the_database_can_be_used_again() {
    let server = limited().await;
    let alice = server.basic("alice", PASSWORD);
    let key = server.key_of(&alice, "k").await;
    alice.patch("/v2/user/api-keys/k", serde_json::json!({ "status": "revoked" })).await.expect(200);
    wait_for_outcomes(&server).await;
    let full = "create function no_room() returns trigger language plpgsql as
                $$ begin raise exception 'no room' using errcode = '53100'; end $$;
                create trigger no_room before update on sign_in_attempts
                for each row when (new.running < old.running) execute function no_room()";
    sqlx::raw_sql(full).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    with_key(&server, &key).await.expect(503);
    let room = "drop trigger no_room on sign_in_attempts";
    sqlx::raw_sql(room).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    wait_for_outcomes(&server).await;
}

#[tokio::test]
async fn request_without_credentials_counts_nothing() {
    let server = limited().await;
    for _ in 0..110 {
        assert_error(&send(from(&server.nobody(), HERE)).await, 401, "Unauthorized");
    }
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn ended_key_is_answered_as_one_that_never_was() {
    let server = limited().await;
    let alice = server.basic("alice", PASSWORD);
    let revoked = server.key_of(&alice, "k").await;
    alice.patch("/v2/user/api-keys/k", serde_json::json!({ "status": "revoked" })).await.expect(200);
    // One that is kept to other networks, and remembered from there.
    let elsewhere = serde_json::json!({ "name": "elsewhere", "cidrs": ["203.0.113.0/24"] });
    let made = alice.post("/v2/user/api-keys", elsewhere).await.expect(201);
    let elsewhere = made["value"].as_str().unwrap();
    send(from(&server.key(elsewhere), "203.0.113.7")).await.expect(200);
    // More at once than may fail: none of them blocks anybody.
    let asked = (0..240).map(|turn| {
        let value = if turn % 2 == 0 { &revoked } else { elsewhere };
        send_until_served(from(&server.key(value), HERE))
    });
    for answer in futures_util::future::join_all(asked).await {
        assert_error(&answer, 401, "Unauthorized");
    }
    wait_for_outcomes(&server).await;
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
    for _ in 0..100 {
        with_key(&server, "garbage").await.expect(401);
    }
    // From a blocked address, neither is told from the other.
    for value in [revoked.as_str(), elsewhere, "garbage"] {
        assert_error(&with_key(&server, value).await, 429, "Too many sign-ins failed; try again later.");
    }
    send(from(&server.key(elsewhere), "203.0.113.7")).await.expect(200);
}

/// It ends at once, where passwords that came before it are still being checked.
#[tokio::test]
async fn wrong_key_takes_no_running_check_for_a_failure() {
    let server = limited_to("0", "10").await;
    server.user("acme", "bob").await;
    server.user("acme", "carol").await;
    for _ in 0..6 {
        assert_error(&sign_in_from(&server, HERE, "alice", "wrong").await, 401, "Unauthorized");
    }
    wait_for_outcomes(&server).await;
    let users = lock(&server, "users").await;
    let sign_ins = ["alice", "bob", "carol"].map(|user| tokio::spawn(send(from(&server.basic(user, PASSWORD), HERE))));
    wait_for_checks(&server, 3).await;
    // The tenth of ten places, and one more.
    for _ in 0..2 {
        assert_error(&with_key(&server, "garbage").await, 401, "Unauthorized");
    }
    unlock(users).await;
    for sign_in in sign_ins {
        sign_in.await.unwrap().expect(200);
    }
    wait_for_outcomes(&server).await;
    sign_in_from(&server, HERE, "alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn who_hangs_up_with_an_ended_key_leaves_no_place_taken() {
    let server = limited().await;
    let alice = server.basic("alice", PASSWORD);
    let revoked = server.key_of(&alice, "k").await;
    alice.patch("/v2/user/api-keys/k", serde_json::json!({ "status": "revoked" })).await.expect(200);
    wait_for_outcomes(&server).await;
    let mut db = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    // The commit that takes a place is as slow as it is for who hangs up just then.
    let slow = "delete from sign_in_attempts;
        create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(1); return null; end';
        create constraint trigger slow after insert or update on sign_in_attempts deferrable initially deferred
          for each row when (new.running > 0) execute function slow()";
    sqlx::raw_sql(slow).execute(&mut db).await.unwrap();
    let asked = tokio::spawn(send(from(&server.key(&revoked), HERE)));
    let sleeps = "select exists (select from pg_stat_activity
                                 where datname = current_database() and wait_event = 'PgSleep')";
    until("it waits for the commit", async || sqlx::query_scalar(sleeps).fetch_one(&mut db).await.unwrap()).await;
    asked.abort();
    let places = "select taken, running from sign_in_attempts";
    until("no place is taken", async || {
        let places: Vec<(i32, i32)> = sqlx::query_as(places).fetch_all(&mut db).await.unwrap();
        places == [(0, 0)]
    })
    .await;
}

#[tokio::test]
async fn key_whose_user_may_not_sign_in_is_answered_as_one_that_never_was() {
    let server = limited().await;
    let key = server.key_of(&server.basic("alice", PASSWORD), "k").await;
    let environment = vec![
        (PER_USER, "5"),
        (PER_ADDRESS, "2"),
        (PROXIES, "127.0.0.0/8"),
        ("KEDGE_USER_AUTHENTICATION__DISALLOW_NATIVE_USERS", "true"),
    ];
    let barring = server.another_node_with(Options { environment, ..Options::default() }).await;
    for value in [key.as_str(), "garbage", "garbage"] {
        assert_error(&with_key(&barring, value).await, 401, "Unauthorized");
    }
    for value in [key.as_str(), "garbage"] {
        assert_error(&with_key(&barring, value).await, 429, "Too many sign-ins failed; try again later.");
    }
}
