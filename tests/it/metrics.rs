//! `GET /metrics`.

use crate::support::{Options, PASSWORD, Server};

async fn measured(auth_disabled: &'static str) -> Server {
    let environment = vec![("KEDGE_METRICS__ENABLED", "true"), ("KEDGE_METRICS__AUTH_DISABLED", auth_disabled)];
    Server::start_with(Options { environment, ..Options::default() }).await
}

/// The value of a sample.
#[track_caller]
fn sample(text: &str, name: &str) -> u64 {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn metrics_are_off_then_for_users_then_for_anyone_as_configured() {
    let off = Server::start().await;
    off.nobody().get("/metrics").await.expect(401);
    off.admin().get("/metrics").await.expect(404);
    let for_users = measured("false").await;
    for_users.nobody().get("/metrics").await.expect(401);
    // Any user will do: what scrapes needs no role.
    assert_eq!(for_users.user("acme", "scraper").await.get("/metrics").await.status, 200);
    let open = measured("true").await;
    assert_eq!(open.nobody().get("/metrics").await.status, 200);
    open.nobody().get("/v2/user").await.expect(401);
}

#[tokio::test]
async fn what_happened_is_counted_and_nobody_is_named() {
    let server = measured("true").await;
    let alice = server.user("wonderland-acme", "alice-liddell").await;
    let key = server.key(&server.key_of(&alice, "white-rabbit").await);
    for _ in 0..3 {
        key.get("/v2/account").await.expect(200);
    }
    server.basic("alice-liddell", "wrong").get("/v2/account").await.expect(401);
    server.nobody().get("/v2/account").await.expect(401);
    server.nobody().get("/no/such/thing-as-a-hare").await.expect(404);
    server.nobody().request("HEAD", "/health").send().await.unwrap();
    let answer = server.nobody().get("/metrics").await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text; version=1.0"));
    let text = &answer.text;
    let account =
        |status: u16| format!("kedge_http_requests_total{{method=\"GET\",route=\"/v2/account\",status=\"{status}\"}}");
    assert_eq!(sample(text, &account(200)), 3);
    assert_eq!(sample(text, &account(401)), 2);
    assert_eq!(sample(text, "kedge_http_requests_total{method=\"-\",route=\"-\",status=\"404\"}"), 1);
    assert_eq!(sample(text, "kedge_http_requests_total{method=\"GET\",route=\"/health\",status=\"200\"}"), 1);
    let took = "kedge_http_request_duration_seconds_count{method=\"GET\",route=\"/v2/account\"}";
    assert_eq!(sample(text, took), 5);
    let sign_in = |method: &str, outcome: &str| {
        sample(text, &format!("kedge_authentications_total{{method=\"{method}\",outcome=\"{outcome}\"}}"))
    };
    assert_eq!(sign_in("api_key", "accepted"), 3);
    assert_eq!(sign_in("password", "refused"), 1);
    assert_eq!(sign_in("none", "refused"), 1);
    assert!(sign_in("password", "accepted") > 0);
    assert!(sample(text, "kedge_cache_hits_total") >= 2);
    assert!(sample(text, "kedge_cache_entries") >= 3);
    assert_eq!(sample(text, "kedge_hashes_waiting"), 0);
    assert_eq!(sample(text, "kedge_changes_leased"), 1);
    assert!(sample(text, "kedge_connections_open") >= 1);
    assert!(sample(text, "kedge_connections_accepted_total") >= 4);
    assert!(sample(text, "kedge_database_connections_open") >= 1);
    for name in ["alice", "liddell", "rabbit", "wonderland", "hare", "admin", PASSWORD] {
        assert!(!text.contains(name), "{name} in\n{text}");
    }
}
