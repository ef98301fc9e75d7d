//! Tokens that must not sign anybody in: each a named row, answered with the one refusal. Where the attack is not in
//! the signature, the attacker owns the key, so that a row is refused for what its name says and nothing else.

mod claims;
mod headers;
mod shapes;
mod signatures;

use kedge::clock::Clock;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    authentication::{Whole, whole},
    support::{
        Answer, Client, Options, PASSWORD, Place, Server, assert_error, claims_of,
        forge::{self, KINDS, Pair},
        send,
    },
};

const SECRET: &str = "curiouser-and-curiouser-cried-alice";
const NOW: OffsetDateTime = datetime!(2026-11-22 19:30:00 UTC);

/// What is wrong with a token, and the token.
type Row = (String, String);

/// A server, a good token of its user `alice`, and how everything else is refused.
struct Stage {
    server: Server,
    client: Client,
    good: String,
    refusal: Whole,
}

impl Stage {
    async fn with(environment: Vec<(&'static str, &'static str)>) -> Self {
        let clock = Some(Clock::fixed(NOW));
        let server = Server::start_with(Options { environment, clock, ..Options::default() }).await;
        server.user("acme", "alice").await;
        let good = server.tokens("alice").await.access;
        let client = server.nobody();
        let refusal = client.get("/v2/user").await;
        assert_error(&refusal, 401, "Unauthorized");
        assert_eq!(refusal.header("www-authenticate"), "Basic realm=\"Authentication required\"");
        Self { client, good, refusal: whole(&refusal), server }
    }

    /// Signs with a secret that the attacker knows.
    async fn of_secret() -> Self {
        Self::with(vec![("KEDGE_KEYS__SECRET", SECRET)]).await
    }

    /// Signs with this pair.
    async fn of_pair(pair: &Pair, place: &Place) -> Self {
        let file = place.top.join("private.pem");
        std::fs::write(&file, pair.private_pem()).unwrap();
        Self::with(vec![("KEDGE_KEYS__PRIVATE_KEY_PATH", file.to_str().unwrap().to_owned().leak())]).await
    }

    /// The header of every good token.
    fn header(&self) -> String {
        String::from_utf8(forge::decode(self.good.split('.').next().unwrap())).unwrap()
    }

    async fn answer(&self, token: &str) -> Answer {
        send(self.client.request("GET", "/v2/user").header("authorization", format!("Bearer {token}"))).await
    }

    async fn accepts(&self, what: &str, token: &str) {
        let answer = self.answer(token).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
        assert_eq!(answer.body["username"], "alice", "{what}");
    }

    async fn refuses(&self, what: &str, token: &str) {
        assert_eq!(whole(&self.answer(token).await), self.refusal, "{what}: {token}");
    }

    /// Refuses every row, and takes the good token after each.
    async fn refuses_all(&self, table: &[Row]) {
        for (what, token) in table {
            self.refuses(what, token).await;
            self.accepts(what, &self.good).await;
        }
    }
}

fn sign_with_secret(message: &[u8]) -> Vec<u8> {
    forge::hs256(SECRET.as_bytes(), message)
}

fn row(what: impl Into<String>, token: impl Into<String>) -> Row {
    (what.into(), token.into())
}

#[tokio::test]
async fn every_known_attack_is_refused_alike() {
    let stage = Stage::of_secret().await;
    let claims = claims_of(&stage.good);
    let again = forge::token(stage.header(), claims.to_string(), sign_with_secret);
    stage.accepts("made by hand", &again).await;

    let mut table = headers::rows(&stage);
    table.extend(claims::rows(&stage, &others(&stage.server).await));
    table.extend(shapes::rows(&stage));
    table.extend(ended(&stage.server).await);
    let mut names: Vec<_> = table.iter().map(|(what, _)| what).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), table.len(), "every row has a name of its own");
    assert!(table.len() >= 60, "{} rows", table.len());
    stage.refuses_all(&table).await;
}

/// Another user's claims, and those of a session of alice that was ended.
async fn others(server: &Server) -> claims::Others {
    server.user("acme", "bob").await;
    let ended = server.tokens("alice").await;
    let others = claims::Others {
        bob: claims_of(&server.tokens("bob").await.access),
        ended: claims_of(&ended.access)["sid"].clone(),
    };
    server.nobody().form("/v2/oauth/revoke", &[("token", &ended.refresh)]).await;
    others
}

/// Tokens that were good, and credentials of other kinds.
async fn ended(server: &Server) -> Vec<Row> {
    let admin = server.admin();
    for username in ["carol", "dinah", "edith"] {
        server.user("acme", username).await;
    }
    server.user("gone", "frank").await;
    let (carol, dinah) = (server.tokens("carol").await, server.tokens("dinah").await);
    let (edith, frank) = (server.tokens("edith").await, server.tokens("frank").await);
    for path in ["/v2/accounts/acme/users/carol", "/v2/accounts/acme/users/dinah"] {
        admin.delete(path).await.expect(204);
    }
    server.user("acme", "dinah").await;
    server.signed_in("dinah").await.get("/v2/user").await.expect(200);
    let password = json!({ "type": "password", "value": "jam-to-morrow" });
    server.basic("edith", PASSWORD).post("/v2/user/credentials", password).await.expect(200);
    server.delete_account("gone").await;
    let mut table = vec![
        row("token of a deleted user", carol.access),
        row("token of a user made anew under the same name", dinah.access),
        row("token from before the password changed", edith.access),
        row("token of a user in a deleted account", frank.access),
    ];

    let alice = server.basic("alice", PASSWORD);
    let tokens = server.tokens("alice").await;
    table.push(row("refresh token", tokens.refresh));
    let session = claims_of(&tokens.access)["sid"].as_str().unwrap().to_owned();
    alice.delete(&format!("/v2/user/sessions/{session}")).await.expect(204);
    table.push(row("token of a session that its user ended", tokens.access));
    table.push(row("API key", server.key_of(&alice, "k").await));
    table.push(row("password", PASSWORD));
    table.push(row("user and password", forge::encode(format!("alice:{PASSWORD}"))));

    let other = Stage::with(vec![("KEDGE_KEYS__SECRET", "why-is-a-raven-like-a-writing-desk")]).await;
    table.push(row("token of another deployment with another secret", other.good));
    let other = Stage::with(vec![]).await;
    table.push(row("token of another deployment that made its key", other.good));
    table
}

#[tokio::test]
async fn algorithms_cannot_be_swapped() {
    for kind in KINDS {
        let (pair, place) = (Pair::new(kind), Place::new());
        let stage = Stage::of_pair(&pair, &place).await;
        assert!(stage.header().starts_with(&format!("{{\"alg\":\"{}\"", kind.algorithm())), "{kind:?}");
        let again = forge::token(stage.header(), claims_of(&stage.good).to_string(), |message| pair.sign(message));
        stage.accepts("made by hand", &again).await;
        stage.refuses_all(&signatures::rows(&stage, &pair)).await;
    }
}

/// Each character of a token in turn by others; the last of a part by all that may stand for the same bits, too.
async fn sweep(stage: &Stage) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let good = stage.good.as_bytes();
    for at in 0..good.len() {
        let is_last = matches!(good.get(at + 1), None | Some(b'.'));
        let others: Vec<u8> = match ALPHABET.iter().position(|letter| *letter == good[at]) {
            Some(value) if is_last => (1..64).map(|bits| ALPHABET[value ^ bits]).chain(*b"=. ").collect(),
            Some(value) => [1, 2, 32].map(|bits| ALPHABET[value ^ bits]).into_iter().chain(*b"=").collect(),
            None => b"A=,: ".to_vec(),
        };
        for other in others {
            let mut changed = good.to_vec();
            changed[at] = other;
            stage.refuses(&format!("character {at}"), std::str::from_utf8(&changed).unwrap()).await;
        }
    }
    stage.accepts("unchanged", &stage.good).await;
}

#[tokio::test]
async fn no_character_of_a_token_can_be_changed() {
    sweep(&Stage::of_secret().await).await;
}

#[tokio::test]
async fn no_character_of_a_token_of_a_pair_can_be_changed() {
    sweep(&Stage::with(vec![]).await).await;
}

#[tokio::test]
async fn clocks_may_differ_by_thirty_seconds_and_no_more() {
    let stage = Stage::of_secret().await;
    let now = NOW.unix_timestamp();
    let good = claims_of(&stage.good);
    let with = |name: &str, moment: i64| {
        let mut claims = good.clone();
        claims[name] = json!(moment);
        forge::token(stage.header(), claims.to_string(), sign_with_secret)
    };
    for (name, counts, does_not) in
        [("exp", now - 29, now - 30), ("nbf", now + 30, now + 31), ("iat", now + 30, now + 31)]
    {
        stage.accepts(name, &with(name, counts)).await;
        stage.refuses(name, &with(name, does_not)).await;
    }
    let exp = good["exp"].as_i64().unwrap();
    for (seconds, counts) in [(29, true), (30, false)] {
        stage.server.app.clock.set(OffsetDateTime::from_unix_timestamp(exp + seconds).unwrap());
        if counts {
            stage.accepts("exp", &stage.good).await;
        } else {
            stage.refuses("exp", &stage.good).await;
        }
    }
    for (seconds, counts) in [(-30, true), (-31, false)] {
        stage.server.app.clock.set(NOW + Duration::seconds(seconds));
        if counts {
            stage.accepts("iat", &stage.good).await;
        } else {
            stage.refuses("iat", &stage.good).await;
        }
    }
}

#[tokio::test]
async fn introspection_calls_no_forged_token_active() {
    let stage = Stage::of_secret().await;
    let admin = stage.server.admin();
    let told = admin.form("/v2/oauth/introspect", &[("token", &stage.good)]).await.expect(200);
    assert_eq!(told["active"], true);
    let mut table = headers::rows(&stage);
    table.extend(shapes::rows(&stage));
    // A form decodes its values: what a header cannot hold is an attack of its own there.
    table.retain(|(_, token)| !token.is_empty() && token.len() < 8 * 1024);
    for (what, token) in table {
        let told = admin.form("/v2/oauth/introspect", &[("token", &token)]).await.expect(200);
        assert_eq!(told, json!({ "active": false }), "{what}: {token}");
    }
}

#[tokio::test]
async fn huge_tokens_are_refused_and_the_server_lives_on() {
    let stage = Stage::of_secret().await;
    let claims = claims_of(&stage.good);
    let padded = |length: usize| {
        let mut claims = claims.clone();
        claims["x"] = Value::from("x".repeat(length));
        forge::token(stage.header(), claims.to_string(), sign_with_secret)
    };
    stage.accepts("a long one", &padded(4_000)).await;
    stage.refuses("a longer one than is looked at", &padded(8_000)).await;
    for token in [padded(750_000), "a".repeat(1_000_000), ".".repeat(1_000_000)] {
        let status = send_huge(&stage.server, &token).await;
        assert!(matches!(status, 401 | 431), "{status}");
        stage.accepts("beside", &stage.good).await;
    }
}

/// Sends a request whose token no server will read to its end; answers the status.
async fn send_huge(server: &Server, token: &str) -> u16 {
    let head = format!("GET /v2/user HTTP/1.1\r\nhost: kedge\r\nauthorization: Bearer {token}\r\n\r\n");
    let stream = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    // The server may close before it has read all.
    let writing = tokio::spawn(async move { write.write_all(head.as_bytes()).await });
    let mut status = [0; 12];
    read.read_exact(&mut status).await.unwrap();
    writing.abort();
    std::str::from_utf8(&status).unwrap().strip_prefix("HTTP/1.1 ").unwrap().parse().unwrap()
}
