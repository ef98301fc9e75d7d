//! A warm request asks no database and hashes no password.

use crate::support::{PASSWORD, Server};

/// The database is taken away: what is answered then was remembered.
#[tokio::test]
async fn account_and_user_of_a_warm_caller_need_no_query_whatever_the_credential() {
    let server = Server::start().await;
    let clients = super::warm(&server).await;
    let warm = server.app.cache.uses();
    server.app.db.close().await;
    for client in &clients {
        assert_eq!(client.get("/v2/account").await.expect(200)["name"], "acme");
        assert_eq!(client.get("/v2/user").await.expect(200)["username"], "alice");
    }
    let after = server.app.cache.uses();
    assert_eq!((after.hits - warm.hits, after.misses - warm.misses), (6, 0));
    // A caller who is not remembered needs the database.
    server.basic("admin", "unknown-here").get("/v2/account").await.expect(503);
}

#[tokio::test]
async fn password_that_is_asked_for_by_many_at_once_is_hashed_once() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    let before = server.app.cache.uses();
    let answers = (0..20).map(|_| {
        let alice = alice.clone();
        tokio::spawn(async move { alice.get("/v2/account").await.status })
    });
    for answer in answers.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), 200);
    }
    let after = server.app.cache.uses();
    assert_eq!((after.hits - before.hits, after.misses - before.misses), (19, 1));
}

#[tokio::test]
async fn password_is_checked_anew_after_a_quarter_of_an_hour_and_from_another_address() {
    use kedge::clock::Clock;
    use time::{Duration, macros::datetime};

    let start = datetime!(2026-11-22 19:30:00 UTC);
    let environment = vec![("KEDGE_SERVER__TRUSTED_PROXIES", "127.0.0.0/8")];
    let options = crate::support::Options { environment, clock: Some(Clock::fixed(start)), ..Default::default() };
    let server = Server::start_with(options).await;
    let alice = server.user("acme", "alice").await;
    let misses = || server.app.cache.uses().misses;
    let from = async |address: &str| {
        let request = alice.request("GET", "/v2/user").header("x-forwarded-for", address);
        crate::support::send(request).await.expect(200);
    };
    from("192.0.2.1").await;
    let first = misses();
    from("192.0.2.1").await;
    assert_eq!(misses(), first);
    from("192.0.2.2").await;
    assert_eq!(misses(), first + 1);
    // However the scheme is spelled.
    let credentials = crate::support::basic("alice", PASSWORD);
    for (spelled, address) in
        [("basic", "192.0.2.1"), ("basic", "192.0.2.2"), ("BASIC ", "192.0.2.1"), ("BASIC ", "192.0.2.2")]
    {
        let before = misses();
        let header = credentials.replacen("Basic", spelled, 1);
        let request = server.nobody().request("GET", "/v2/user").header("authorization", header);
        crate::support::send(request.header("x-forwarded-for", address)).await.expect(200);
        assert_eq!(misses(), before + 1, "{spelled} from {address}");
    }
    let first = misses() - 1;
    server.app.clock.set(start + Duration::minutes(15) - Duration::SECOND);
    from("192.0.2.1").await;
    assert_eq!(misses(), first + 1);
    server.app.clock.set(start + Duration::minutes(15));
    from("192.0.2.1").await;
    assert_eq!(misses(), first + 2);
}

/// The header as a whole is what is remembered: nothing can be moved between the name and the password.
#[tokio::test]
async fn right_password_lets_no_other_spelling_in() {
    let server = Server::start().await;
    server.user("acme", "alice").await.get("/v2/user").await.expect(200);
    for (username, password) in [
        ("alice:", PASSWORD),
        ("alice", &format!("{PASSWORD} ")),
        ("alice", &format!(":{PASSWORD}")),
        ("Alice", PASSWORD),
        ("alice:through", "the-glass"),
    ] {
        server.basic(username, password).get("/v2/user").await.expect(401);
    }
}
