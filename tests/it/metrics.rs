//! `GET /metrics`.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use crate::support::{
    Answer, Options, PASSWORD, Server,
    idp::{KEY, Says, signed},
    sample, send, sign_ins,
};

async fn measured(auth_disabled: &'static str) -> Server {
    let environment = vec![("KEDGE_METRICS__ENABLED", "true"), ("KEDGE_METRICS__AUTH_DISABLED", auth_disabled)];
    Server::start_with(Options { environment, ..Options::default() }).await
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
    server.app.changes.renewed().await.unwrap();
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
    let sign_in = |method: &str, outcome: &str| sample(text, &sign_ins(method, outcome));
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

/// What was counted of sign-ins, whatever came of them, since the last time it was asked for.
struct News<'a> {
    server: &'a Server,
    before: Vec<u64>,
}

const METHODS: [&str; 6] = ["none", "password", "api_key", "token", "refresh_token", "saml"];
const OUTCOMES: [&str; 4] = ["accepted", "refused", "made_to_wait", "not_checked"];

impl<'a> News<'a> {
    fn of(server: &'a Server) -> Self {
        let mut news = Self { server, before: vec![0; METHODS.len() * OUTCOMES.len()] };
        news.take();
        news
    }

    fn take(&mut self) -> Vec<(&'static str, &'static str, u64)> {
        let text = kedge::metrics::text(&self.server.app).unwrap();
        let kinds = METHODS.into_iter().flat_map(|method| OUTCOMES.map(|outcome| (method, outcome)));
        let counted = text.lines().filter(|line| line.starts_with("kedge_authentications_total")).count();
        assert_eq!(counted, self.before.len(), "no other labels");
        let told = kinds.zip(&mut self.before).map(|((method, outcome), before)| {
            let now = sample(&text, &sign_ins(method, outcome));
            (method, outcome, now - std::mem::replace(before, now))
        });
        told.filter(|(_, _, times)| *times > 0).collect()
    }

    /// Asserts that the answer has this status, and that it was counted once, as this.
    #[track_caller]
    fn assert(&mut self, answer: &Answer, status: u16, method: &'static str, outcome: &'static str) {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(self.take(), [(method, outcome, 1)], "{answer:?}");
    }
}

#[tokio::test]
async fn sign_in_at_any_door_is_counted_once() {
    let server = Server::start().await;
    let (nobody, alice) = (server.nobody(), server.user("wonderland", "alice").await);
    server.idp(json!({ "allow_assertion_grant": true, "allow_unsolicited": true })).await;
    let page = |path: &str| nobody.request("POST", path).header("x-requested-with", "kedge-console");
    let of_console =
        |password: &str| send(page("/console/session").json(&json!({ "username": "alice", "password": password })));
    let renewed =
        |cookie: &str| send(page("/console/session/token").header("cookie", cookie.to_owned()).json(&json!({})));
    let asserted = async |says: &Says| {
        let assertion = BASE64_URL_SAFE_NO_PAD.encode(signed(&says.assertion(), &KEY));
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer");
        nobody.form("/v2/oauth/token", &[grant, ("assertion", &assertion)]).await
    };
    let mut news = News::of(&server);

    let tokens = server.ask_for_tokens("alice", PASSWORD).await;
    news.assert(&tokens, 200, "password", "accepted");
    news.assert(&server.ask_for_tokens("alice", "wrong").await, 400, "password", "refused");
    news.assert(&server.ask_for_tokens("_api_key", "wrong").await, 400, "password", "refused");
    let older = [("username", "alice"), ("password", "wrong")];
    news.assert(&nobody.form("/v1/oauth/token", &older).await, 400, "password", "refused");

    let refresh_token = tokens.body["refresh_token"].as_str().unwrap();
    news.assert(&server.refresh(refresh_token).await, 200, "refresh_token", "accepted");
    news.assert(&server.refresh(refresh_token).await, 400, "refresh_token", "refused");
    news.assert(&server.refresh("kedge_rt_unknown").await, 400, "refresh_token", "refused");

    let begun = of_console(PASSWORD).await;
    news.assert(&begun, 200, "password", "accepted");
    news.assert(&of_console("wrong").await, 401, "password", "refused");
    let cookie = begun.header("set-cookie").split(';').next().unwrap();
    news.assert(&renewed(cookie).await, 200, "refresh_token", "accepted");
    news.assert(&renewed("kedge-session=kedge_rt_unknown").await, 401, "refresh_token", "refused");

    let says = Says::of("dinah", None);
    news.assert(&says.to(&server).await, 200, "saml", "accepted");
    news.assert(&says.to(&server).await, 403, "saml", "refused");
    let says = Says::of("dinah", None);
    news.assert(&asserted(&says).await, 200, "saml", "accepted");
    news.assert(&asserted(&says).await, 400, "saml", "refused");

    let idps = "/v2/rbac-manager/saml/idps";
    news.assert(&alice.get(idps).await, 200, "password", "accepted");
    news.assert(&server.basic("alice", "wrong").get(idps).await, 200, "password", "refused");
    news.assert(&server.bearer("a.b.c").get(idps).await, 200, "token", "refused");

    // A change is looked at twice, before its body and after it.
    news.assert(&alice.put("/v2/accounts/wonderland", json!({})).await, 403, "password", "accepted");
    alice.post("/v2/user/api-keys", json!({ "name": "k" })).await.expect(201);
    assert_eq!(news.take(), [("password", "accepted", 1)]);
    // What shows no credentials is no sign-in, and neither is the end of one.
    nobody.form("/v2/oauth/token", &[("username", "alice")]).await.expect(400);
    renewed("other=cookie").await.expect(401);
    nobody.get(idps).await.expect(200);
    nobody.form("/v2/oauth/revoke", &[("token", refresh_token)]).await.expect(200);
    assert_eq!(news.take(), []);

    server.set_state("wonderland", "disabled").await;
    news.take();
    news.assert(&server.ask_for_tokens("alice", PASSWORD).await, 403, "password", "refused");
    news.assert(&Says::of("dinah", None).to(&server).await, 403, "saml", "refused");
    server.app.db.close().await;
    news.assert(&server.ask_for_tokens("alice", PASSWORD).await, 503, "password", "not_checked");
    news.assert(&server.refresh("kedge_rt_unknown").await, 503, "refresh_token", "not_checked");
    news.assert(&asserted(&Says::of("dinah", None)).await, 503, "saml", "not_checked");
}
