//! `Prefer: wait=all-nodes`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Answer, Client, Options, Server, send};

async fn revoke(alice: &Client, name: &str, preference: Option<&str>) -> Answer {
    let request = alice.request("PATCH", &format!("/v2/user/api-keys/{name}")).json(&json!({ "status": "revoked" }));
    send(match preference {
        Some(preference) => request.header("prefer", preference),
        None => request,
    })
    .await
}

#[tokio::test]
async fn answer_comes_when_every_node_obeys() {
    // A node that is busy for a second reports too late for the usual lease.
    let patient = || Options { environment: vec![("KEDGE_CACHE__LEASE", "10")], ..Options::default() };
    let one = Server::start_with(patient()).await;
    let two = one.another_node_with(patient()).await;
    let alice = one.user("acme", "alice").await;
    for round in 0..20 {
        let name = format!("key-{round}");
        let there = two.key(&one.key_of(&alice, &name).await);
        there.get("/v2/account").await.expect(200);
        let revoked = revoke(&alice, &name, Some("wait=all-nodes")).await;
        assert_eq!((revoked.status, revoked.header("preference-applied")), (200, "wait=all-nodes"));
        there.get("/v2/account").await.expect(401);
    }
}

#[tokio::test]
async fn node_that_says_nothing_is_waited_for_until_its_lease_is_over() {
    let one = Server::start().await;
    let silent = one.another_node().await;
    let alice = one.user("acme", "alice").await;
    let there = silent.key(&one.key_of(&alice, "moves").await);
    there.get("/v2/account").await.expect(200);
    silent.reader.abort();
    let began = Instant::now();
    let revoked = revoke(&alice, "moves", Some("respond-async, wait=all-nodes")).await;
    assert_eq!((revoked.status, revoked.header("preference-applied")), (200, "wait=lease"));
    assert!(began.elapsed() >= Duration::from_secs(1));
    there.get("/v2/account").await.expect(503);
}

#[tokio::test]
async fn nobody_waits_who_does_not_ask_or_changed_nothing() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.key_of(&alice, "one").await;
    assert_eq!(revoke(&alice, "one", None).await.header("preference-applied"), "");
    let missing = revoke(&alice, "two", Some("wait=all-nodes")).await;
    assert_eq!((missing.status, missing.header("preference-applied")), (404, ""));
    let read = send(alice.request("GET", "/v2/user").header("prefer", "wait=all-nodes")).await;
    assert_eq!((read.status, read.header("preference-applied")), (200, ""));
}
