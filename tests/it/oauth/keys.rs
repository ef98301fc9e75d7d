//! The keys that sign tokens: where they come from, what they are called, and how those that Kedge made are kept.

use std::sync::Arc;

use kedge::{
    authn::signing_keys::{KeyError, Sealing, SigningKeys},
    clock::{Clock, Random},
    secret::Secret,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    Options, Place, Server, Tokens, assert_error, claims_of,
    forge::{self, KINDS, Kind, Pair},
    new_database,
};

const SECRET: &str = "curiouser-and-curiouser-cried-alice";
const SEALING_KEY: &str = "the-walrus-and-the-carpenter-were-walking";

async fn configured(environment: Vec<(&'static str, &'static str)>) -> Server {
    Server::start_with(Options { environment, ..Options::default() }).await
}

/// A Kedge whose environment names these files.
async fn with_files(place: &Place, files: &[(&'static str, String)], more: &[(&'static str, &'static str)]) -> Server {
    let mut environment = more.to_vec();
    for (variable, content) in files {
        let file = place.top.join(variable);
        std::fs::write(&file, content).unwrap();
        environment.push((variable, file.to_str().unwrap().to_owned().leak()));
    }
    configured(environment).await
}

pub async fn published(server: &Server) -> Vec<Value> {
    let set = server.nobody().get("/.well-known/jwks.json").await.expect(200);
    set["keys"].as_array().unwrap().clone()
}

pub fn header_of(token: &str) -> Value {
    serde_json::from_slice(&forge::decode(token.split('.').next().unwrap())).unwrap()
}

pub fn kid_of(token: &str) -> String {
    header_of(token)["kid"].as_str().unwrap().to_owned()
}

/// RFC 7638, 3: of the members that count, in the order of their names.
fn thumbprint(jwk: &Value) -> String {
    forge::encode(Sha256::digest(jwk.to_string()))
}

/// Signs alice in and her token, too.
pub async fn sign_in(server: &Server) -> Tokens {
    let tokens = server.tokens("alice").await;
    server.bearer(&tokens.access).get("/v2/user").await.expect(200);
    tokens
}

#[tokio::test]
async fn shared_secret_signs_and_is_never_published() {
    let server = configured(vec![("KEDGE_KEYS__SECRET", SECRET)]).await;
    server.user("acme", "alice").await;
    let token = sign_in(&server).await.access;
    let kid = thumbprint(&json!({ "k": forge::encode(SECRET), "kty": "oct" }));
    assert_eq!(header_of(&token), json!({ "alg": "HS256", "kid": kid, "typ": "at+jwt" }));
    let (message, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(forge::decode(signature), forge::hs256(SECRET.as_bytes(), message.as_bytes()));
    assert_eq!(published(&server).await, Vec::<Value>::new());
    let stored = "select count(*) from signing_keys";
    let stored: i64 =
        sqlx::query_scalar(stored).fetch_one(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    assert_eq!(stored, 0);
}

#[tokio::test]
async fn pair_signs_by_its_own_algorithm_and_wins_over_the_secret() {
    for kind in KINDS {
        let (pair, place) = (Pair::new(kind), Place::new());
        let files =
            [("KEDGE_KEYS__PRIVATE_KEY_PATH", pair.private_pem()), ("KEDGE_KEYS__PUBLIC_KEY_PATH", pair.public_pem())];
        let server = with_files(&place, &files, &[("KEDGE_KEYS__SECRET", SECRET)]).await;
        server.user("acme", "alice").await;
        let token = sign_in(&server).await.access;
        let kid = thumbprint(&pair.jwk());
        assert_eq!(header_of(&token), json!({ "alg": kind.algorithm(), "kid": kid, "typ": "at+jwt" }));

        let mut expected = pair.jwk();
        expected["alg"] = kind.algorithm().into();
        expected["kid"] = kid.into();
        expected["use"] = "sig".into();
        assert_eq!(published(&server).await, [expected], "{kind:?}");
        let by_secret = forge::token(header_of(&token).to_string(), claims_of(&token).to_string(), |message| {
            forge::hs256(SECRET.as_bytes(), message)
        });
        assert_error(&server.bearer(&by_secret).get("/v2/user").await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn private_key_is_enough_and_may_be_in_pkcs1() {
    let (pair, place) = (Pair::new(Kind::Rsa), Place::new());
    // PKCS #8 around a key of 2048 bits is 26 bytes before PKCS #1.
    let pem = forge::pem("RSA PRIVATE KEY", &pair.pkcs8[26..]);
    let server = with_files(&place, &[("KEDGE_KEYS__PRIVATE_KEY_PATH", pem)], &[]).await;
    server.user("acme", "alice").await;
    assert_eq!(kid_of(&sign_in(&server).await.access), thumbprint(&pair.jwk()));
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_key_and_it_outlives_them() {
    let database = new_database().await;
    let start = || Server::on(database.clone(), Options::default());
    let (one, two, three) = tokio::join!(start(), start(), start());
    one.user("acme", "alice").await;
    let token = sign_in(&one).await.access;
    let keys = published(&one).await;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0]["alg"], "EdDSA");
    let members = json!({ "crv": "Ed25519", "kty": "OKP", "x": keys[0]["x"] });
    assert_eq!(header_of(&token), json!({ "alg": "EdDSA", "kid": thumbprint(&members), "typ": "at+jwt" }));
    let restarted = one.another_node().await;
    for node in [two, three, restarted] {
        assert_eq!(published(&node).await, keys);
        node.bearer(&token).get("/v2/user").await.expect(200);
        assert_eq!(kid_of(&sign_in(&node).await.access), kid_of(&token));
    }
}

/// The stored seeds, and the whole table as text.
pub async fn stored(server: &Server) -> (Vec<(Vec<u8>, bool)>, String) {
    let mut db = server.app.db.connection().await.unwrap();
    let seeds = sqlx::query_as("select seed, is_sealed from signing_keys").fetch_all(&mut *db).await.unwrap();
    let dump = "select string_agg(k::text, ' ') from signing_keys k";
    (seeds, sqlx::query_scalar(dump).fetch_one(&mut *db).await.unwrap())
}

async fn load(server: &Server, sealing_key: Option<&str>) -> Result<SigningKeys, KeyError> {
    let sealing = sealing_key.map(|key| Sealing::new(&Secret::new(key.to_owned())).unwrap());
    let changes = Arc::clone(&server.app.changes);
    SigningKeys::load(&server.app.db, (&Clock::System, &Random::System), changes, None, sealing).await
}

#[tokio::test]
async fn bare_key_is_sealed_at_the_next_start_with_a_sealing_key_and_signs_on() {
    let bare = Server::start().await;
    bare.user("acme", "alice").await;
    let token = sign_in(&bare).await.access;
    let (seeds, dump) = stored(&bare).await;
    let [(seed, false)] = seeds.as_slice() else { panic!("{seeds:?}") };
    let seed = forge::hex(seed);
    assert!(seed.len() == 64 && dump.contains(&seed));
    assert!(bare.app.signing_keys.are_readable());

    let environment = vec![("KEDGE_KEYS__SEALING_KEY", SEALING_KEY)];
    let sealing = bare.another_node_with(Options { environment, ..Options::default() }).await;
    let (seeds, dump) = stored(&sealing).await;
    assert!(matches!(seeds.as_slice(), [(_, true)]), "{seeds:?}");
    assert!(!dump.contains(&seed));
    assert!(!sealing.app.signing_keys.are_readable());
    sealing.bearer(&token).get("/v2/user").await.expect(200);
    assert_eq!(kid_of(&sign_in(&sealing).await.access), kid_of(&token));

    assert!(load(&sealing, Some(SEALING_KEY)).await.is_ok());
    assert!(matches!(load(&sealing, None).await, Err(KeyError::Sealed)));
    let other = load(&sealing, Some("the-walrus-and-the-oyster-were-walking")).await;
    assert!(matches!(other, Err(KeyError::SealedOtherwise)));
}

#[tokio::test]
async fn seed_under_another_name_is_refused() {
    let server = Server::start().await;
    let swap = "update signing_keys set seed = sha256('swapped')";
    sqlx::query(swap).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    assert!(matches!(load(&server, None).await, Err(KeyError::Broken(_))));
}
