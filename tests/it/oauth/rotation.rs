//! How the keys that Kedge made follow each other, on every node.

use kedge::{
    authn::signing_keys::rotate,
    clock::{Clock, Random},
    identity::collector::remove_tokens,
};
use serde_json::json;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::keys::{header_of, kid_of, published, sign_in, stored};
use crate::support::{
    Options, Server, assert_error, claims_of,
    forge::{self, Pair},
};

const NOW: OffsetDateTime = datetime!(2024-11-22 19:30:00 UTC);

/// Two nodes that share a moment.
struct Nodes {
    one: Server,
    two: Server,
}

impl Nodes {
    async fn start() -> Self {
        let at_now = || Options { clock: Some(Clock::fixed(NOW)), ..Options::default() };
        let one = Server::start_with(at_now()).await;
        one.user("acme", "alice").await;
        Self { two: one.another_node_with(at_now()).await, one }
    }

    fn set_clock(&self, now: OffsetDateTime) {
        self.one.app.clock.set(now);
        self.two.app.clock.set(now);
    }

    /// Rotates as the command does; answers until when the key before verifies.
    async fn rotate(&self) -> OffsetDateTime {
        let (app, lifetime) = (&self.one.app, std::time::Duration::from_hours(1));
        let rotated = rotate(&app.db, (&app.clock, &Random::System), None, lifetime, true).await.unwrap();
        rotated.until.unwrap()
    }

    /// A token by the key that signs now which would count for ten years.
    async fn long_lived(&self) -> String {
        let good = sign_in(&self.one).await.access;
        let (seeds, _) = stored(&self.one).await;
        let [(seed, false)] = seeds.as_slice() else { panic!("{seeds:?}") };
        let pair = Pair::of_seed(seed);
        let mut claims = claims_of(&good);
        claims["exp"] = json!((NOW + Duration::days(3_650)).unix_timestamp());
        forge::token(header_of(&good).to_string(), claims.to_string(), |message| pair.sign(message))
    }
}

#[tokio::test]
async fn old_key_that_is_deleted_verifies_on_no_node_any_more() {
    let nodes = Nodes::start().await;
    let before = sign_in(&nodes.one).await.access;
    nodes.rotate().await;
    for node in [&nodes.one, &nodes.two] {
        node.bearer(&before).get("/v2/user").await.expect(200);
    }
    let delete = sqlx::query("delete from signing_keys where verifies_until is not null");
    delete.execute(&mut *nodes.one.app.db.connection().await.unwrap()).await.unwrap();
    for node in [&nodes.one, &nodes.two] {
        // Nobody of Kedge's deleted it: it is read as what another node did.
        node.app.changes.renewed().await.unwrap();
        assert_error(&node.bearer(&before).get("/v2/user").await, 401, "Unauthorized");
        node.bearer(&sign_in(node).await.access).get("/v2/user").await.expect(200);
    }
}

#[tokio::test]
async fn rotated_key_signs_on_every_node_at_once_and_is_known_on_every_node_at_once() {
    let nodes = Nodes::start().await;
    let (before, also_before) = (sign_in(&nodes.one).await.access, sign_in(&nodes.two).await.access);
    nodes.rotate().await;
    let after = sign_in(&nodes.one).await.access;
    // The other node has not been asked for anything since.
    nodes.two.bearer(&after).get("/v2/user").await.expect(200);
    let there = sign_in(&nodes.two).await.access;
    assert_ne!(kid_of(&before), kid_of(&after));
    assert_eq!(kid_of(&after), kid_of(&there));
    for node in [&nodes.one, &nodes.two] {
        for token in [&before, &also_before, &after, &there] {
            node.bearer(token).get("/v2/user").await.expect(200);
        }
        let kids: Vec<_> = published(node).await.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
        assert_eq!(kids, [kid_of(&after), kid_of(&before)]);
    }
    // Nor does the signing of a node that only signs lag behind.
    nodes.rotate().await;
    assert_ne!(kid_of(&sign_in(&nodes.two).await.access), kid_of(&there));
}

#[tokio::test]
async fn retired_key_verifies_until_its_end_and_not_after_on_every_node() {
    let nodes = Nodes::start().await;
    let long_lived = nodes.long_lived().await;
    for node in [&nodes.one, &nodes.two] {
        node.bearer(&long_lived).get("/v2/user").await.expect(200);
    }
    let until = nodes.rotate().await;
    assert!(until >= NOW + Duration::seconds(3_600 + 30), "{until}");
    nodes.set_clock(until - Duration::SECOND);
    for node in [&nodes.one, &nodes.two] {
        node.bearer(&long_lived).get("/v2/user").await.expect(200);
        assert_eq!(published(node).await.len(), 2);
    }
    assert_eq!(remove_tokens(&nodes.one.app).await.unwrap(), 0);
    nodes.set_clock(until);
    for node in [&nodes.one, &nodes.two] {
        assert_error(&node.bearer(&long_lived).get("/v2/user").await, 401, "Unauthorized");
        assert_eq!(published(node).await.len(), 1);
    }
}

#[tokio::test]
async fn node_that_was_not_told_of_a_rotation_refuses_the_key_after_its_end() {
    let nodes = Nodes::start().await;
    let long_lived = nodes.long_lived().await;
    nodes.two.bearer(&long_lived).get("/v2/user").await.expect(200);
    let until = nodes.rotate().await;
    // Hours lie between: time enough to read the log of changes. Nothing but this token comes to the other node.
    nodes.two.app.changes.renewed().await.unwrap();
    nodes.set_clock(until);
    assert_error(&nodes.two.bearer(&long_lived).get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn retired_keys_are_removed_after_their_end() {
    let nodes = Nodes::start().await;
    let until = nodes.rotate().await;
    nodes.set_clock(until - Duration::SECOND);
    assert_eq!(remove_tokens(&nodes.one.app).await.unwrap(), 0);
    nodes.set_clock(until + Duration::seconds(30));
    assert_eq!(remove_tokens(&nodes.one.app).await.unwrap(), 1);
    assert_eq!(stored(&nodes.one).await.0.len(), 1);
    sign_in(&nodes.two).await;
    nodes.set_clock(until + Duration::days(3_650));
    remove_tokens(&nodes.one.app).await.unwrap();
    sign_in(&nodes.two).await;
}

#[tokio::test]
async fn token_of_a_longer_lifetime_outlives_a_rotation_by_a_command_that_knows_a_shorter_one() {
    let options = Options {
        environment: vec![("KEDGE_USER_AUTHENTICATION__OAUTH__DEFAULT_TOKEN_EXPIRATION_SECONDS", "86400")],
        clock: Some(Clock::fixed(NOW)),
        ..Options::default()
    };
    let server = Server::start_with(options).await;
    server.user("acme", "alice").await;
    let token = sign_in(&server).await.access;
    let app = &server.app;
    let lifetime = std::time::Duration::from_mins(1);
    rotate(&app.db, (&app.clock, &Random::System), None, lifetime, true).await.unwrap();
    app.clock.set(NOW + Duration::seconds(86_400 + 29));
    server.bearer(&token).get("/v2/user").await.expect(200);
    app.clock.set(NOW + Duration::seconds(86_400 + 30));
    assert_error(&server.bearer(&token).get("/v2/user").await, 401, "Unauthorized");
}

#[tokio::test]
async fn rotations_at_once_all_succeed_and_leave_one_key_that_signs() {
    let nodes = Nodes::start().await;
    let before = sign_in(&nodes.one).await.access;
    tokio::join!(nodes.rotate(), nodes.rotate(), nodes.rotate());
    let signing = "select count(*) from signing_keys where verifies_until is null";
    let mut db = nodes.one.app.db.connection().await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(signing).fetch_one(&mut *db).await.unwrap(), 1);
    drop(db);
    assert_eq!(published(&nodes.two).await.len(), 4);
    nodes.two.bearer(&before).get("/v2/user").await.expect(200);
    let after = sign_in(&nodes.one).await.access;
    nodes.two.bearer(&after).get("/v2/user").await.expect(200);
}
