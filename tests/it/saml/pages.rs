//! What a browser is shown of a refusal.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::{Answer, Server, assert_error, idp::Says, segment, send};

const LOGIN: &str = "/v2/rbac-manager/saml/login/wonderland";
const SSO: &str = "/v2/rbac-manager/saml/sso/wonderland";
const HTML: &str = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
const BACK: &str = "<a href=\"/console/\">Back to sign-in</a>";

async fn bring(server: &Server, path: &str, xml: &str, relay_state: &str, accept: &str) -> Answer {
    let form = [("SAMLResponse", STANDARD.encode(xml)), ("RelayState", relay_state.to_owned())];
    send(server.nobody().request("POST", path).form(&form).header("accept", accept)).await
}

async fn login(server: &Server, path: &str, accept: &str) -> Answer {
    send(server.nobody().request("GET", path).header("accept", accept)).await
}

#[track_caller]
fn assert_page(answer: &Answer, status: u16, words: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"), "{}", answer.text);
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert_eq!((answer.header("cache-control"), answer.header("x-content-type-options")), ("no-store", "nosniff"));
    assert!(answer.text.contains(&format!("<p>{words}<p>{BACK}")), "{}", answer.text);
}

#[tokio::test]
async fn browser_on_its_way_to_the_console_is_shown_why_it_is_not_let_in() {
    let server = Server::start().await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    let not_accepted = "Not authorized. The response of the identity provider was not accepted.";
    assert_page(&bring(&server, SSO, "<x/>", "/console/keys", HTML).await, 403, not_accepted);
    let named = Says::of("&lt;b&gt;\"'&amp;", None).xml();
    let words = "Not authorized. The identity provider names the user &lt;b&gt;&quot;&#39;&amp;, which is not allowed.";
    assert_page(&bring(&server, SSO, &named, "/console", HTML).await, 403, words);
    let unknown = SSO.replace("wonderland", "oz");
    assert_page(&bring(&server, &unknown, "<x/>", "/console", HTML).await, 404, "Identity provider not found");
}

#[tokio::test]
async fn whoever_else_brings_an_answer_is_told_as_before() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let not_accepted = "Not authorized. The response of the identity provider was not accepted.";
    for (relay_state, accept) in [
        ("/console", "application/json"),
        ("/console", "*/*"),
        ("", HTML),
        ("https://evil.test/console", HTML),
        ("/console/../v2", HTML),
    ] {
        assert_error(&bring(&server, SSO, "<x/>", relay_state, accept).await, 403, not_accepted);
    }
}

#[tokio::test]
async fn browser_that_cannot_begin_is_shown_why() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let unknown = LOGIN.replace("wonderland", &segment("<b>"));
    assert_page(&login(&server, &unknown, HTML).await, 404, "Identity provider not found");
    assert_error(&login(&server, &unknown, "application/json").await, 404, "Identity provider not found");
    // The others are put there by hand: a thousand sign-ins would take seconds.
    let fill = "insert into saml_requests (id, idp_id, network, expires_at)
                select 'x' || n, i.id, r.network, r.expires_at
                from identity_providers i, saml_requests r, generate_series(1, 999) n";
    server.asked().await;
    sqlx::query(fill).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    let refused = login(&server, LOGIN, HTML).await;
    assert_page(&refused, 429, "Too many sign-ins failed; try again later.");
    assert_eq!((refused.header("retry-after"), refused.header("set-cookie")), ("600", ""));
    let refused = login(&server, LOGIN, "application/json").await;
    assert_eq!((refused.status, refused.header("content-type")), (429, "application/json"));
}
