//! Passwords and the secrets of keys are nowhere: not in the log at its most talkative, not in the database, not in
//! a debug print.

use base64::{Engine, engine::general_purpose::STANDARD};
use kedge::{authn::password::Cost, config::Config, names::NewPassword, secret::Secret};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::{CapturedLog, Client, Options, Server, Tokens, send};

/// Texts that occur nowhere else.
const ALICE: &str = "Alice#curiouser-and-curiouser";
const ALICE_NEXT: &str = "Alice#six-impossible-things";
const ALICE_LAST: &str = "Alice#jam-every-other-day";
const WRONG: &str = "Wrong#mimsy-were-the-borogoves";
const MISPLACED: &str = "Misplaced#frabjous-day";
/// Not a possible password, so refused where one is to be set.
const IMPOSSIBLE: &str = "Impossible#vorpal\tblade";
/// What stands before the tab, which JSON and logs may write in other ways.
const IMPOSSIBLE_START: &str = "Impossible#vorpal";

#[tokio::test]
async fn passwords_and_secrets_of_keys_are_in_no_log_and_in_no_table() {
    let server = Server::start_with(Options { cost: Some(Cost::OWASP), ..Options::default() }).await;
    let texts = [ALICE, ALICE_NEXT, ALICE_LAST, WRONG, MISPLACED, IMPOSSIBLE_START];
    let mut secrets: Vec<String> = texts.map(str::to_owned).to_vec();

    use_passwords(&server).await;
    let values = use_keys(&server).await;
    secrets.extend(use_tokens(&server).await);
    for (username, password) in
        [("alice", ALICE), ("alice", ALICE_NEXT), ("alice", ALICE_LAST), ("alice", WRONG), ("nobody", WRONG)]
    {
        secrets.push(STANDARD.encode(format!("{username}:{password}")));
    }
    for value in &values {
        secrets.push(secret_of(value).to_owned());
        secrets.push(STANDARD.encode(format!("_api_key:{value}")));
    }
    server.app.last_used.write(&server.app.db).await.unwrap();

    let log = CapturedLog::text();
    let ids =
        ["alice-made", "alice-changed", "wrong-type", "wrong-login", "not-json", "key-made", "key-mistyped", "sign-in"];
    for id in ids {
        let mark = format!("id=\"secrets-{id}\"");
        assert!(log.lines().any(|line| line.contains(&mark) && line.contains("answered")), "{id} is not in the log");
    }
    assert!(log.contains(" DEBUG ") && log.contains("insert into api_keys"), "the log is not the most talkative");
    let dump = dump(&server).await;
    assert!(dump.contains("alice") && dump.contains("mimsy-key"), "the dump has no rows");
    for secret in &secrets {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!dump.contains(secret), "{secret} is in the database");
    }
    assert_hashes(&server, &values).await;
}

/// Sends passwords in every place where a request can carry one.
async fn use_passwords(server: &Server) {
    let admin = server.admin();
    server.account("tea-party").await;
    let users = "/v2/accounts/tea-party/users";
    let alice = json!({ "username": "alice", "password": ALICE });
    assert_eq!(post(&admin, "alice-made", users, alice.to_string()).await, 200);
    let change = json!({ "type": "password", "value": ALICE_NEXT }).to_string();
    assert_eq!(post(&server.basic("alice", ALICE), "alice-changed", "/v2/user/credentials", change).await, 200);
    let credentials = format!("{users}/alice/credentials");
    let change = json!({ "type": "password", "value": ALICE_LAST }).to_string();
    assert_eq!(post(&admin, "alice-reset", &credentials, change).await, 200);

    let wrong_type = json!({ "username": [MISPLACED], "password": { "value": MISPLACED } }).to_string();
    assert_eq!(post(&admin, "wrong-type", users, wrong_type).await, 400);
    for body in [
        json!({ "type": MISPLACED, "value": MISPLACED }),
        json!({ "type": "password", "value": [MISPLACED] }),
        json!({ "type": "password", "value": IMPOSSIBLE }),
        json!({ "type": "password", "value": MISPLACED.repeat(9) }),
        json!(MISPLACED),
    ] {
        assert_eq!(post(&admin, "wrong-body", &credentials, body.to_string()).await, 400, "{body}");
    }
    let not_json = format!("{{\"type\": \"password\", \"value\": \"{MISPLACED}\"");
    assert_eq!(post(&admin, "not-json", &credentials, not_json).await, 400);
    let saml = json!({ "username": "dormouse", "user_type": "saml", "idp_name": "teapot", "password": MISPLACED });
    assert_eq!(post(&admin, "saml-user", users, saml.to_string()).await, 400);

    let change = json!({ "type": "password", "value": WRONG }).to_string();
    for login in [server.basic("alice", WRONG), server.basic("nobody", WRONG), server.basic("alice", ALICE)] {
        assert_eq!(post(&login, "wrong-login", "/v2/user/credentials", change.clone()).await, 401);
    }
    let with_colon = server.basic("alice:", WRONG);
    assert_eq!(post(&with_colon, "wrong-login", "/v2/user/credentials", change).await, 401);
}

/// Makes keys and presents them right, revoked and mistyped; answers their values.
async fn use_keys(server: &Server) -> Vec<String> {
    let alice = server.basic("alice", ALICE_LAST);
    let keys = "/v2/user/api-keys";
    let mut values = Vec::new();
    for name in ["mimsy-key", "slithy-key"] {
        let request = alice.request("POST", keys).header("x-request-id", "secrets-key-made");
        let made = send(request.json(&json!({ "name": name }))).await.expect(201);
        values.push(made["value"].as_str().unwrap().to_owned());
    }
    let key = server.key(&values[0]);
    key.get("/v2/user").await.expect(200);
    let value_as_name = json!({ "name": "a/b", "description": 7, "value": values[0] }).to_string();
    assert_eq!(post(&alice, "key-in-body", keys, value_as_name).await, 400);
    assert_eq!(post(&alice, "key-in-broken-body", keys, format!("{{\"name\": \"{}\"", values[0])).await, 400);

    let mistyped = values[0].replace("kedge_", "kegde_");
    let get = server.key(&mistyped).request("GET", "/v2/user").header("x-request-id", "secrets-key-mistyped");
    send(get).await.expect(401);
    server.key(&values[0][..values[0].len() - 1]).get("/v2/user").await.expect(401);
    server.basic("alice", &values[0]).get("/v2/user").await.expect(401);
    let bearer = server.nobody().request("GET", "/v2/user").header("authorization", format!("Bearer {}", values[0]));
    send(bearer).await.expect(401);

    alice.patch(&format!("{keys}/mimsy-key"), json!({ "status": "revoked" })).await.expect(200);
    key.get("/v2/user").await.expect(401);
    alice.delete(&format!("{keys}/slithy-key")).await.expect(204);
    server.key(&values[1]).get("/v2/user").await.expect(401);
    values
}

/// Asks for tokens and presents them right, wrong and where they do not belong; answers what must not be seen of them.
async fn use_tokens(server: &Server) -> Vec<String> {
    const PATH: &str = "/v2/oauth/token";
    let form = [("username", "alice"), ("password", ALICE_LAST)];
    let request = server.nobody().request("POST", PATH).header("x-request-id", "secrets-sign-in").form(&form);
    let first = Tokens::from(send(request).await.expect(200));
    let second = Tokens::from(server.refresh(&first.refresh).await.expect(200));
    let bearer = server.bearer(&second.access);
    bearer.get("/v2/user").await.expect(200);
    for text in [&second.access, &second.refresh] {
        bearer.form("/v2/oauth/introspect", &[("token", text)]).await.expect(200);
        server.bearer(text).get(&format!("/v2/user?access_token={text}")).await;
        server.nobody().form(PATH, &[("grant_type", text), ("client_id", text)]).await.expect(400);
        server.nobody().form(PATH, &[("refresh_token", text), ("refresh_token", text)]).await.expect(400);
        server.nobody().post(PATH, json!({ "refresh_token": text })).await.expect(415);
    }
    for password in [WRONG, ALICE_NEXT] {
        server.ask_for_tokens("alice", password).await.expect(400);
    }
    server.basic("alice", WRONG).form(PATH, &[]).await.expect(400);
    server.refresh(&first.refresh).await.expect(400);
    let third = Tokens::from(server.ask_for_tokens("alice", ALICE_LAST).await.expect(200));
    server.nobody().form("/v2/oauth/revoke", &[("token", &third.refresh)]).await.expect(200);
    let all = [first, second, third];
    // Of an access token, the signature: without it, it opens nothing.
    let signatures = all.iter().map(|tokens| tokens.access.rsplit_once('.').unwrap().1.to_owned());
    signatures.chain(all.iter().map(|tokens| tokens.refresh["kedge_rt_".len()..].to_owned())).collect()
}

/// Sends a body as it is, under an id that the log shows; answers the status.
async fn post(client: &Client, id: &str, path: &str, body: String) -> u16 {
    let request = client.request("POST", path).header("x-request-id", format!("secrets-{id}"));
    send(request.header("content-type", "application/json").body(body)).await.status
}

/// The 43 characters between the id and the checksum.
fn secret_of(value: &str) -> &str {
    let (_, secret_and_checksum) = value.rsplit_once('_').unwrap();
    &secret_and_checksum[..43]
}

/// Every row of every table, as text.
async fn dump(server: &Server) -> String {
    let mut connection = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(tables.len() >= 4, "{tables:?}");
    let mut dump = String::new();
    for table in tables {
        // bytea is shown in hexadecimal: as text, a secret in one would not be found.
        let sql = format!("set bytea_output = escape; select t::text from \"{table}\" t");
        for row in sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap() {
            dump += &sqlx::Row::get::<String, _>(&row, 0);
            dump.push('\n');
        }
    }
    dump
}

/// Asserts how what must be stored is stored.
async fn assert_hashes(server: &Server, values: &[String]) {
    let mut connection = PgConnection::connect_with(&server.app.db.options()).await.unwrap();
    let hashes: Vec<String> = sqlx::query_scalar("select phc from passwords").fetch_all(&mut connection).await.unwrap();
    assert_eq!(hashes.len(), 2, "of admin and alice");
    assert!(hashes.iter().all(|phc| phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")), "{hashes:?}");
    for value in values {
        let id = value.split('_').nth(1).unwrap();
        let stored: Vec<u8> = sqlx::query_scalar("select secret_hash from api_keys where id = $1")
            .bind(id)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(stored, Sha256::digest(secret_of(value)).as_slice());
    }
}

#[test]
fn debug_prints_of_what_holds_a_secret_show_nothing_of_it() {
    let secret = || Secret::new(ALICE.to_owned());
    let environment = [
        ("KEDGE_DATA_DIR", "/nowhere"),
        ("KEDGE_ADMIN_PASSWORD", ALICE),
        ("KEDGE_DATABASE_URL", "postgres://kedge:Alice%23curiouser-and-curiouser@localhost/kedge"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(None, &environment, false).unwrap();
    let prints = [
        format!("{:?}", secret()),
        format!("{:?}", NewPassword::parse(secret()).unwrap()),
        format!("{config:#?}"),
        config.to_yaml(),
    ];
    for print in prints {
        assert!(print.contains("[redacted]") && !print.contains("curiouser"), "{print}");
    }
}
