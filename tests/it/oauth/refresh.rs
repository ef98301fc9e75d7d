//! Refresh tokens: each is used once, and one that is shown again ends everything that came of it.

use kedge::clock::Clock;
use time::{Duration, macros::datetime};

use super::assert_refused;
use crate::support::{CapturedLog, Options, PASSWORD, Server, Tokens, assert_error, claims_of, send_until_served};

const GRACE: &str = "KEDGE_USER_AUTHENTICATION__OAUTH__REFRESH_TOKEN_REUSE_GRACE_SECONDS";
const MOST: &str = "KEDGE_USER_AUTHENTICATION__OAUTH__MAX_SESSIONS_PER_USER";

async fn count(server: &Server, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut *server.app.db.connection().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn each_use_answers_the_next_and_both_access_tokens_count() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let first = server.tokens("alice").await;
    let second: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    let third: Tokens = server.refresh(&second.refresh).await.expect(200).into();
    assert_ne!(first.refresh, second.refresh);
    let session = |tokens: &Tokens| claims_of(&tokens.access)["sid"].clone();
    for tokens in [&first, &second, &third] {
        assert_eq!(session(tokens), session(&first));
        assert_eq!(server.bearer(&tokens.access).get("/v2/user").await.expect(200)["username"], "alice");
    }
    assert_ne!(claims_of(&first.access)["jti"], claims_of(&second.access)["jti"]);
}

#[tokio::test]
async fn token_shown_again_ends_its_session_and_no_other() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let (other, first) = (server.tokens("alice").await, server.tokens("alice").await);
    let second: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    let third: Tokens = server.refresh(&second.refresh).await.expect(200).into();
    // Not the last one but the one before: the thief may be slow.
    assert_refused(&server.refresh(&first.refresh).await, 400, "invalid_grant");
    for tokens in [&first, &second, &third] {
        assert_error(&server.bearer(&tokens.access).get("/v2/user").await, 401, "Unauthorized");
        assert_refused(&server.refresh(&tokens.refresh).await, 400, "invalid_grant");
    }
    server.bearer(&other.access).get("/v2/user").await.expect(200);
    server.refresh(&other.refresh).await.expect(200);
    let session = claims_of(&first.access)["sid"].as_str().unwrap().to_owned();
    let told = CapturedLog::text();
    let mut told = told.lines().filter(|line| line.contains(&session) && line.contains("was used twice"));
    assert!(told.any(|line| line.contains("WARN")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_uses_exactly_one_wins() {
    let server = Server::start().await;
    let node = server.another_node().await;
    server.user("acme", "alice").await;
    for _ in 0..5 {
        let tokens = server.tokens("alice").await;
        let uses = (0..12).map(|turn| {
            let (node, token) =
                (if turn % 2 == 0 { server.url.clone() } else { node.url.clone() }, tokens.refresh.clone());
            tokio::spawn(async move {
                let client = crate::support::Client::new(&node, crate::support::Login::Nobody);
                client.form("/v2/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await
            })
        });
        let uses: Vec<_> = uses.collect();
        let mut won = 0;
        for answer in uses {
            let answer = answer.await.unwrap();
            match answer.status {
                200 => won += 1,
                _ => assert_refused(&answer, 400, "invalid_grant"),
            }
        }
        assert_eq!(won, 1);
    }
    // Every other use was one of a token already used: all five sessions ended.
    assert_eq!(count(&server, "select count(*) from sessions").await, 0);
}

#[tokio::test]
async fn within_the_grace_the_last_token_is_answered_afresh_while_its_successor_is_unused() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { environment: vec![(GRACE, "10")], clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let first = server.tokens("alice").await;
    let lost: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    server.app.clock.set(datetime!(2026-11-22 19:30:10 UTC));
    let again: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    assert_ne!(again.refresh, lost.refresh);
    // The successor that may never have arrived is no token any more, and its holder no thief.
    assert_refused(&server.refresh(&lost.refresh).await, 400, "invalid_grant");
    let next: Tokens = server.refresh(&again.refresh).await.expect(200).into();
    // Its successor was used: now the first one is a thief's.
    assert_refused(&server.refresh(&first.refresh).await, 400, "invalid_grant");
    assert_refused(&server.refresh(&next.refresh).await, 400, "invalid_grant");
    assert_error(&server.bearer(&next.access).get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn after_the_grace_a_token_shown_again_ends_the_session() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { environment: vec![(GRACE, "10")], clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let first = server.tokens("alice").await;
    let second: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    server.app.clock.set(datetime!(2026-11-22 19:30:11 UTC));
    assert_refused(&server.refresh(&first.refresh).await, 400, "invalid_grant");
    assert_refused(&server.refresh(&second.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn token_has_its_time_from_its_own_issue() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let first = server.tokens("alice").await;
    server.app.clock.set(datetime!(2026-11-23 19:29:59 UTC));
    let second: Tokens = server.refresh(&first.refresh).await.expect(200).into();
    server.app.clock.set(server.app.clock.now() + Duration::days(1));
    assert_refused(&server.refresh(&second.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn anything_but_a_refresh_token_is_refused() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let key = server.key_of(&alice, "k").await;
    let tokens = server.tokens("alice").await;
    let cut = &tokens.refresh[..tokens.refresh.len() - 1];
    let mistyped = format!("{cut}{}", if tokens.refresh.ends_with('x') { "y" } else { "x" });
    let long = format!("{}x", tokens.refresh);
    let spaced = format!(" {}", tokens.refresh);
    for token in [&tokens.access, &key, PASSWORD, "x", cut, &mistyped, &long, &spaced, "ü🐇", "' or true --"] {
        assert_refused(&server.refresh(token).await, 400, "invalid_grant");
    }
    // None of that was a use.
    server.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn only_a_hash_of_the_token_is_stored() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let token = server.tokens("alice").await.refresh;
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("select hash from refresh_tokens")
        .fetch_all(&mut *server.app.db.connection().await.unwrap())
        .await
        .unwrap();
    assert_eq!(hashes, [<sha2::Sha256 as sha2::Digest>::digest(&token).to_vec()]);
}

#[tokio::test]
async fn oldest_session_ends_when_there_are_too_many() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { environment: vec![(MOST, "3")], clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    server.user("acme", "bob").await;
    let others = server.tokens("bob").await;
    let mut all = Vec::new();
    for _ in 0..4 {
        server.app.clock.set(server.app.clock.now() + Duration::SECOND);
        all.push(server.tokens("alice").await);
    }
    for (tokens, goes_on) in all.iter().zip([false, true, true, true]) {
        let status = if goes_on { 200 } else { 401 };
        assert_eq!(server.bearer(&tokens.access).get("/v2/user").await.status, status);
    }
    assert_refused(&server.refresh(&all[0].refresh).await, 400, "invalid_grant");
    server.refresh(&all[1].refresh).await.expect(200);
    server.bearer(&others.access).get("/v2/user").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_sign_ins_keep_within_the_limit() {
    let server = Server::start_with(Options { environment: vec![(MOST, "3")], ..Options::default() }).await;
    server.user("acme", "alice").await;
    let sign_ins: Vec<_> = (0..16)
        .map(|_| {
            let form = [("username", "alice"), ("password", PASSWORD)];
            tokio::spawn(send_until_served(server.nobody().request("POST", "/v2/oauth/token").form(&form)))
        })
        .collect();
    for answer in sign_ins {
        answer.await.unwrap().expect(200);
    }
    assert_eq!(count(&server, "select count(*) from sessions").await, 3);
}
