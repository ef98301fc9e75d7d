//! The console: what guards its pages, and its session in a cookie.

use std::time::Duration;

use kedge::clock::Clock;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::{Answer, Options, PASSWORD, Server, assert_problem, send};

const OWN: (&str, &str) = ("x-requested-with", "kedge-console");

/// A browser with a page of the console open.
struct Page<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Page<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, cookie: String::new() }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let request = self.server.nobody().request(method, path).header(OWN.0, OWN.1);
        if self.cookie.is_empty() { request } else { request.header("cookie", &self.cookie) }
    }

    async fn sign_in(&mut self, username: &str, password: &str) -> Answer {
        let login = json!({ "username": username, "password": password });
        let answer = send(self.request("POST", "/console/session").json(&login)).await;
        answer.header("set-cookie").split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
        answer
    }

    async fn renew(&self) -> Answer {
        send(self.request("POST", "/console/session/token").json(&json!({}))).await
    }
}

fn access_token(answer: Answer) -> String {
    answer.expect(200)["access_token"].as_str().unwrap().to_owned()
}

async fn alice(server: &Server) -> Page<'_> {
    server.user("wonderland", "alice").await;
    let mut page = Page::new(server);
    page.sign_in("alice", PASSWORD).await.expect(200);
    page
}

/// A Kedge whose clock a test moves.
async fn timed() -> Server {
    let clock = Some(Clock::fixed(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()));
    Server::start_with(Options { clock, ..Options::default() }).await
}

fn later(server: &Server, by: Duration) {
    server.app.clock.set(server.app.clock.now() + by);
}

#[tokio::test]
async fn pages_let_nothing_in_from_elsewhere() {
    let server = Server::start().await;
    for path in ["/console", "/console/", "/console/keys", "/console/accounts/x/users/y", "/console/api"] {
        let answer = server.nobody().get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_and_pages_are_asked_for_again() {
    let server = Server::start().await;
    let nobody = server.nobody();
    let page = nobody.get("/console/").await;
    let tag = page.header("etag");
    let again = send(nobody.request("GET", "/console/").header("if-none-match", tag)).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let script = page.text.split('"').find(|part| part.ends_with("/app.js")).unwrap();
    let answer = nobody.get(script).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let bundle = script.replace("app.js", "vendor/swagger-ui-bundle.js");
    assert_eq!(nobody.get(&bundle).await.header("content-encoding"), "gzip");
    for path in [
        "/console/assets/0123456789abcdef/app.js".to_owned(),
        script.replace("app.js", "index.html"),
        script.replace("app.js", "..%2f..%2fCargo.toml"),
        script.replace("app.js", "vendor/LICENSE"),
    ] {
        nobody.get(&path).await.expect(404);
    }
}

#[tokio::test]
async fn session_is_in_a_cookie_that_no_script_and_no_other_site_has() {
    let server = Server::start().await;
    server.user("wonderland", "alice").await;
    let mut page = Page::new(&server);
    let answer = page.sign_in("alice", PASSWORD).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("kedge-session=kedge_rt_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{cookie}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.expect(200);
    let told = ["access_token", "allow_api_keys_for_saml_users", "expires_in", "max_api_key_age_days", "token_type"];
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), told);
    assert_eq!(body["expires_in"], 300);
    let me = server.bearer(body["access_token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!(me["username"], "alice");
    // The API looks at no cookie.
    send(page.request("GET", "/v2/user")).await.expect(401);
}

#[tokio::test]
async fn cookie_belongs_to_the_host_alone_under_tls() {
    let environment = vec![("KEDGE_SERVER__EXTERNAL_URL", "https://kedge.test")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let answer = Page::new(&server).sign_in("admin", crate::support::ADMIN_PASSWORD).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-kedge-session=") && cookie.ends_with("; Secure"), "{cookie}");
}

#[tokio::test]
async fn wrong_password_begins_nothing_and_no_browser_is_asked_to_ask() {
    let server = Server::start().await;
    server.user("wonderland", "alice").await;
    for (username, password) in [("alice", "wrong"), ("nobody", PASSWORD), ("_api_key", PASSWORD)] {
        let answer = Page::new(&server).sign_in(username, password).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, ""), "{username}");
        assert_eq!(answer.header("www-authenticate"), "", "{username}");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_here_too() {
    let environment = vec![("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "5")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    server.user("wonderland", "alice").await;
    for _ in 0..5 {
        Page::new(&server).sign_in("alice", "wrong").await.expect(401);
    }
    Page::new(&server).sign_in("alice", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn strangers_send_little_to_the_doors() {
    let server = Server::start().await;
    let page = Page::new(&server);
    for path in ["/console/session", "/console/session/token"] {
        let mut body = json!({ "username": "alice", "password": "p".repeat(16 * 1024) });
        let answer = send(page.request("POST", path).json(&body)).await;
        assert_problem(&answer, 413, "more than 16384 bytes");
        body["password"] = json!("p".repeat(16 * 1024 - 100));
        assert_eq!(send(page.request("POST", path).json(&body)).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn other_sites_are_refused() {
    let server = Server::start().await;
    let page = alice(&server).await;
    for (method, path, body) in [
        ("POST", "/console/session", json!({ "username": "alice", "password": PASSWORD })),
        ("POST", "/console/session/token", json!({})),
        ("DELETE", "/console/session", Value::Null),
    ] {
        let request = |headers: &[(&str, &str)]| {
            let mut request = server.nobody().request(method, path).header("cookie", &page.cookie);
            if body != Value::Null {
                request = request.json(&body);
            }
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        for headers in [
            vec![],
            vec![OWN, ("origin", "https://evil.test")],
            vec![OWN, ("origin", "null")],
            vec![OWN, ("sec-fetch-site", "cross-site")],
            vec![OWN, ("sec-fetch-site", "same-site")],
        ] {
            let answer = send(request(&headers)).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{method} {path} {headers:?}");
        }
        let own_origin = vec![OWN, ("origin", server.url.as_str()), ("sec-fetch-site", "same-origin")];
        assert!(send(request(&own_origin)).await.status < 300, "{method} {path}");
    }
    let form = page.request("POST", "/console/session/token").form(&[("a", "b")]);
    assert_eq!(send(form).await.status, 415);
}

#[tokio::test]
async fn pages_loaded_at_once_do_not_end_each_others_session() {
    let server = Server::start().await;
    let page = alice(&server).await;
    let answers = futures_util::future::join_all((0..8).map(|_| page.renew())).await;
    for answer in answers {
        assert_eq!(answer.header("set-cookie"), "");
        server.bearer(&access_token(answer)).get("/v2/user").await.expect(200);
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_with_its_tokens() {
    let server = Server::start().await;
    let page = alice(&server).await;
    let token = access_token(page.renew().await);
    let answer = send(page.request("DELETE", "/console/session")).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").starts_with("kedge-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    server.bearer(&token).get("/v2/user").await.expect(401);
    let gone = page.renew().await;
    assert!(gone.header("set-cookie").starts_with("kedge-session=; "), "{gone:?}");
    gone.expect(401);
    // Whoever is signed out already is told no more.
    assert_eq!(send(page.request("DELETE", "/console/session")).await.status, 204);
}

#[tokio::test]
async fn changed_password_and_disabled_account_end_the_session() {
    let server = Server::start().await;
    let page = alice(&server).await;
    let token = access_token(page.renew().await);
    server.set_state("wonderland", "disabled").await;
    page.renew().await.expect(403);
    server.bearer(&token).get("/v2/user").await.expect(403);
    server.set_state("wonderland", "enabled").await;
    page.renew().await.expect(200);
    let password = json!({ "type": "password", "value": "another-glass" });
    server.bearer(&token).post("/v2/user/credentials", password).await.expect(200);
    page.renew().await.expect(401);
    server.bearer(&token).get("/v2/user").await.expect(401);
}

#[tokio::test]
async fn session_ends_by_lying_idle() {
    let server = timed().await;
    let page = alice(&server).await;
    later(&server, Duration::from_mins(59));
    page.renew().await.expect(200);
    later(&server, Duration::from_mins(59));
    page.renew().await.expect(200);
    later(&server, Duration::from_hours(1));
    page.renew().await.expect(401);
}

#[tokio::test]
async fn session_ends_after_half_a_day_whatever_is_done() {
    let server = timed().await;
    let page = alice(&server).await;
    for _ in 0..23 {
        later(&server, Duration::from_mins(30));
        page.renew().await.expect(200);
    }
    later(&server, Duration::from_mins(28));
    // Nothing that is answered outlives the session.
    assert_eq!(page.renew().await.expect(200)["expires_in"], 120);
    later(&server, Duration::from_mins(2));
    page.renew().await.expect(401);
}

#[tokio::test]
async fn cookie_that_was_taken_to_the_token_endpoint_ends_the_session() {
    let server = Server::start().await;
    let page = alice(&server).await;
    let (_, token) = page.cookie.split_once('=').unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let stolen = access_token(send(server.nobody().request("POST", "/v2/oauth/token").form(&form)).await);
    page.renew().await.expect(401);
    server.bearer(&stolen).get("/v2/user").await.expect(401);
}

#[tokio::test]
async fn token_of_another_client_opens_no_session_of_the_console() {
    let server = Server::start().await;
    server.user("wonderland", "alice").await;
    let tokens = server.tokens("alice").await;
    let mut page = Page::new(&server);
    page.cookie = format!("kedge-session={}", tokens.refresh);
    assert_eq!(page.renew().await.status, 401);
    // It goes on where it belongs.
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    server.nobody().form("/v2/oauth/token", &form).await.expect(200);
}
