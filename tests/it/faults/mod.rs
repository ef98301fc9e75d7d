//! What breaks under Kedge while it serves: its database, its network, its disk, itself.
//!
//! Each test has a PostgreSQL of its own, to stop, kill, freeze and fill.

mod crash;
mod crash_clients;
mod database;
mod disk;
mod network;
mod pool;
mod postgres;
mod read_only;
mod standby;
mod stopping;

use std::time::{Duration, Instant};

use kedge::{authz::access::Access, clock::Random};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::postgres::Postgres;
use crate::support::{Answer, CapturedLog, Client, PASSWORD, Server, send};

/// In which time who needs a database that is gone must be told: two seconds, and a machine that runs other tests beside
/// may need more; less than a statement may take, or an operation.
const TOLD_WITHIN: Duration = Duration::from_secs(8);
/// In which time all must work again once the database is back: five seconds, and a busy machine may need more.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// Sends a request; answers how long its answer took, too.
async fn timed(request: reqwest::RequestBuilder) -> (Answer, Duration) {
    let started = Instant::now();
    let (answer, answered) = noted(request).await;
    (answer, answered - started)
}

/// Sends a request; answers when its answer came, too.
async fn noted(request: reqwest::RequestBuilder) -> (Answer, Instant) {
    let answer = tokio::time::timeout(Duration::from_secs(30), send(request)).await.expect("an answer");
    (answer, Instant::now())
}

#[track_caller]
fn assert_unavailable(asked: &str, (answer, took): &(Answer, Duration)) {
    assert_eq!(answer.status, 503, "{asked}: {answer:?}");
    assert_eq!(answer.header("retry-after"), "1", "{asked}: {answer:?}");
    assert!(*took < TOLD_WITHIN, "{asked} was told after {took:?}");
}

/// A user `alice` in the account `acme` who has not signed in yet, with a key and a token that nobody has used.
struct Alice {
    password: Client,
    key: Client,
    token: Client,
}

impl Alice {
    async fn of(server: &Server) -> Self {
        let password = server.user("acme", "alice").await;
        server.grant("alice", "full-control", "acme").await;
        let keys = "/v2/accounts/acme/users/alice/api-keys";
        let made = server.admin().post(keys, json!({ "name": "white-rabbit" })).await.expect(201);
        let token = server.tokens("alice").await.access;
        Self { password, key: server.key(made["value"].as_str().unwrap()), token: server.bearer(&token) }
    }
}

/// Asks for every operation there is, by each kind of credential in turn, all at the same time.
async fn ask_everything(server: &Server, alice: &Alice) -> Vec<(String, bool, (Answer, Duration))> {
    let (_, table, _) = kedge::routes().finish();
    let clients = [&alice.password, &alice.key, &alice.token];
    let nobody = server.nobody();
    let mut asked = JoinSet::new();
    for (number, (path, method, row)) in table.rows().into_iter().enumerate() {
        let named = path.replace("{account_name}", "acme").replace("{username}", "alice");
        // Files, and doors for their pages alone.
        if named.starts_with("/console") {
            continue;
        }
        let path: String = named
            .split('/')
            .map(|part| if part.starts_with('{') { "white-rabbit" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let public = row.access == Access::Public;
        let client = if public { &nobody } else { clients[number % clients.len()] };
        let request = client.request(method.as_str(), &path);
        let request = if path.contains("/oauth/") {
            request.form(&[
                ("username", "alice"),
                ("password", PASSWORD),
                ("token", "kedge_rt_"),
                ("grant_type", "password"),
            ])
        } else if path.contains("/sso/") {
            request.form(&[("SAMLResponse", "AAAA")])
        } else {
            request.json(&json!({}))
        };
        // Of what strangers may ask.
        let by_database =
            ["/ready", "/.well-known/jwks.json", "/v1/oauth/token", "/v2/oauth/token", "/v2/oauth/revoke"];
        let needs = !public || path.contains("/saml/") || by_database.contains(&path.as_str());
        asked.spawn(async move { (format!("{path} ({number})"), needs, timed(request).await) });
    }
    asked.join_all().await
}

/// Asserts that everything that needs the database is told in time that there is none, and nothing else fails.
async fn assert_told(server: &Server, alice: &Alice) {
    // Until then, what is remembered counts.
    tokio::time::sleep(server.app.config.cache.lease).await;
    let all = ask_everything(server, alice).await;
    assert!(all.iter().filter(|(_, needs, _)| *needs).count() > 60, "every operation in both versions");
    for (asked, needs, answered) in &all {
        if *needs {
            assert_unavailable(asked, answered);
        } else {
            let (answer, took) = answered;
            assert!(answer.status == 200 && *took < TOLD_WITHIN, "{asked} after {took:?}: {answer:?}");
        }
    }
    server.nobody().get("/health").await.expect(200);
    let slowest = all.iter().map(|(_, _, (_, took))| *took).max().unwrap();
    println!("{} requests told, the last after {slowest:?}", all.len());
}

/// Waits until everybody is let in again, and a change is made.
async fn assert_back(server: &Server, alice: &Alice) {
    let started = Instant::now();
    loop {
        let ready = server.nobody().get("/ready").await.status;
        let mut seen = vec![ready];
        for client in [&alice.password, &alice.key, &alice.token] {
            seen.push(client.get("/v2/user").await.status);
        }
        // Another one each time: one that was told 503 may have been made.
        let account = format!("acme-{}", Uuid::from_bytes(Random::System.bytes()));
        seen.push(server.admin().post("/v2/accounts", json!({ "name": account })).await.status);
        if seen == [200; 5] {
            println!("back after {:?}", started.elapsed());
            return;
        }
        assert!(seen.iter().all(|status| [200, 503].contains(status)), "{seen:?}");
        assert!(started.elapsed() < BACK_WITHIN, "still {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The lines of the log about the request of this answer.
fn logged(answer: &Answer) -> String {
    let id = answer.header("x-request-id");
    assert!(!id.is_empty());
    CapturedLog::text().lines().filter(|line| line.contains(id)).collect::<Vec<_>>().join("\n")
}
