//! The password grant, and everything that a request for tokens can get wrong.

use kedge::clock::Clock;
use serde_json::json;
use time::macros::datetime;

use super::{assert_not_stored, assert_refused};
use crate::support::{ADMIN_PASSWORD, Options, PASSWORD, Server, assert_problem, basic, claims_of, raw, send};

const PATH: &str = "/v2/oauth/token";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn password_is_exchanged_for_tokens() {
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00.7 UTC)));
    let server = Server::start_with(Options { clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let form = [("grant_type", "password"), ("client_id", "anonymous"), ("username", "alice"), ("password", PASSWORD)];
    let answer = server.nobody().form(PATH, &form).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_not_stored(&answer);
    let body = answer.expect(200);
    let mut names: Vec<_> = body.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["access_token", "expires_in", "refresh_token", "token_type"]);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let refresh = body["refresh_token"].as_str().unwrap();
    assert!(regex::Regex::new("^kedge_rt_[0-9A-Za-z]{43}$").unwrap().is_match(refresh), "{refresh}");

    let claims = claims_of(body["access_token"].as_str().unwrap());
    assert_eq!(claims["iss"], "http://localhost:8228");
    assert_eq!(claims["aud"], "http://localhost:8228");
    assert_eq!(claims["client_id"], "anonymous");
    assert_eq!(claims["auth_epoch"], 0);
    assert_eq!(claims["iat"], datetime!(2026-11-22 19:30:00 UTC).unix_timestamp());
    assert_eq!(claims["exp"], datetime!(2026-11-22 20:30:00 UTC).unix_timestamp());
    for id in ["sub", "sid", "jti"] {
        assert!(uuid::Uuid::try_parse(claims[id].as_str().unwrap()).is_ok(), "{claims}");
    }
    assert_eq!(claims.as_object().unwrap().len(), 9, "{claims}");
}

#[tokio::test]
async fn everything_but_user_and_password_has_a_default() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    for form in [
        vec![],
        vec![("grant_type", "password")],
        vec![("client_id", "anonymous")],
        vec![("grant_type", ""), ("client_id", "")],
        vec![("scope", "everything"), ("unknown", "x"), ("unknown", "y")],
    ] {
        let form = [form, vec![("username", "alice"), ("password", PASSWORD)]].concat();
        server.nobody().form(PATH, &form).await.expect(200);
    }
}

#[tokio::test]
async fn basic_header_holds_the_user_where_the_form_names_none() {
    let server = Server::start().await;
    let login = ("authorization", &*basic("admin", ADMIN_PASSWORD));
    for (headers, body) in [
        (vec![login], ""),
        (vec![login, ("content-length", "0")], ""),
        (vec![login, FORM, ("content-length", "0")], ""),
        (vec![login, FORM, ("content-length", "19")], "grant_type=password"),
    ] {
        let answer = raw(&server, "POST", PATH, &headers, body.as_bytes()).await;
        assert_not_stored(&answer);
        assert_eq!(answer.expect(200)["token_type"], "Bearer", "{headers:?}");
    }
    let wrong = basic("admin", "wrong");
    let answer = raw(&server, "POST", PATH, &[("authorization", &wrong)], b"").await;
    assert_refused(&answer, 400, "invalid_grant");
}

#[tokio::test]
async fn header_of_the_anonymous_client_is_taken_beside_a_form() {
    let server = Server::start().await;
    let form = [("username", "admin"), ("password", ADMIN_PASSWORD)];
    server.basic("anonymous", "").form(PATH, &form).await.expect(200);
    assert_refused(&server.basic("admin", ADMIN_PASSWORD).form(PATH, &form).await, 400, "invalid_client");
    // A token in the header is nothing to this operation, not even a bad one.
    server.bearer("garbage").form(PATH, &form).await.expect(200);
}

#[tokio::test]
async fn wrong_credentials_are_one_refusal() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.user("acme", "bob").await;
    server.admin().delete("/v2/accounts/acme/users/bob/credentials?credential_type=password").await.expect(204);
    server.user("gone", "carol").await;
    server.delete_account("gone").await;
    let key = server.key_of(&alice, "k").await;
    let mut texts = Vec::new();
    for (username, password) in [
        ("alice", "wrong"),
        ("alice", "Through-The-Glass"),
        ("Alice", PASSWORD),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("carol", PASSWORD),
        ("_api_key", &key),
        ("alice", &key),
        ("anchore-system", PASSWORD),
    ] {
        let answer = server.ask_for_tokens(username, password).await;
        assert_refused(&answer, 400, "invalid_grant");
        texts.push(answer.text);
    }
    // The key as a Basic header of an empty form.
    let answer = send(server.key(&key).request("POST", PATH)).await;
    assert_refused(&answer, 400, "invalid_grant");
    texts.push(answer.text);
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[tokio::test]
async fn right_password_in_a_disabled_account_is_told_so_and_a_wrong_one_is_not() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    server.set_state("acme", "disabled").await;
    let answer = server.ask_for_tokens("alice", PASSWORD).await;
    assert_refused(&answer, 403, "access_denied");
    assert_eq!(answer.body["error_description"], "Not authorized. Account acme not enabled.");
    assert_refused(&server.ask_for_tokens("alice", "wrong").await, 400, "invalid_grant");
    server.set_state("acme", "enabled").await;
    server.ask_for_tokens("alice", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn broken_percent_escape_is_no_password_and_no_failed_sign_in() {
    let strict = ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "1");
    let server = Server::start_with(Options { environment: vec![strict], ..Options::default() }).await;
    for (body, field) in [
        ("username=admin&password=x%zz", "password"),
        ("username=admin&password=%", "password"),
        ("username=admin&password=%4", "password"),
        ("username=admin&password=%25%%25", "password"),
        ("username=admin&pass%=x", "body"),
    ] {
        let length = body.len().to_string();
        let answer = raw(&server, "POST", PATH, &[FORM, ("content-length", &length)], body.as_bytes()).await;
        assert_refused(&answer, 400, "invalid_request");
        let told = format!("'{field}' holds a broken percent escape");
        assert_eq!(answer.body["error_description"], told, "{body}");
    }
    server.ask_for_tokens("admin", ADMIN_PASSWORD).await.expect(200);
    let sso = "/v2/rbac-manager/saml/sso/zzz";
    let answer = raw(&server, "POST", sso, &[FORM, ("content-length", "16")], b"SAMLResponse=%zz").await;
    assert_problem(&answer, 400, "'SAMLResponse' holds a broken percent escape");
}

#[tokio::test]
async fn what_is_missing_or_unknown_is_named() {
    let server = Server::start().await;
    let nobody = server.nobody();
    for (form, word, description) in [
        (vec![], "invalid_request", "Missing \"username\" in request."),
        (vec![("username", "admin")], "invalid_request", "Missing \"password\" in request."),
        (vec![("username", "admin"), ("password", "")], "invalid_request", "Missing \"password\" in request."),
        (vec![("username", ""), ("password", "x")], "invalid_request", "Missing \"username\" in request."),
        (vec![("grant_type", "refresh_token")], "invalid_request", "Missing \"refresh_token\" in request."),
        (vec![("client_id", "zzz")], "invalid_client", "The client is unknown"),
        (
            vec![("grant_type", "client_credentials")],
            "unsupported_grant_type",
            "Grant type 'client_credentials' is not supported",
        ),
        (vec![("username", "a"), ("username", "b")], "invalid_request", "'body' duplicate field `username`"),
        (vec![("username", "a\0b"), ("password", "x")], "invalid_request", "'username' contains U+0000"),
        // RFC 6749, 5.2, has no control characters in a description.
        (vec![("a\nb", "\0")], "invalid_request", "'ab' contains U+0000"),
    ] {
        let answer = nobody.form(PATH, &form).await;
        assert_refused(&answer, 400, word);
        assert_eq!(answer.body["error_description"], description, "{form:?}");
    }
}

#[tokio::test]
async fn form_is_decoded_once_and_strictly() {
    let server = Server::start().await;
    server.account("acme").await;
    let password = "50% + ü&=🐇 %41";
    let user = json!({ "username": "a b+c@d", "password": password });
    server.admin().post("/v2/accounts/acme/users", user).await.expect(200);
    server.ask_for_tokens("a b+c@d", password).await.expect(200);
    for (body, status) in [
        ("username=a+b%2Bc%40d&password=50%25+%2B+%C3%BC%26%3D%F0%9F%90%87+%2541", 200),
        ("username=a+b%2Bc%40d&password=50%25+%2B+%FC%26%3D%F0%9F%90%87+%2541", 400),
        ("&&username=a%20b%2Bc%40d&&password=50%25%20%2B%20%C3%BC%26=%F0%9F%90%87%20%2541&", 200),
        ("username=a b+c@d", 400),
    ] {
        let length = body.len().to_string();
        let answer = raw(&server, "POST", PATH, &[FORM, ("content-length", &length)], body.as_bytes()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn body_of_another_type_or_size_is_refused_in_the_same_form() {
    let server = Server::start().await;
    let json = json!({ "username": "admin", "password": ADMIN_PASSWORD });
    assert_refused(&server.nobody().post(PATH, json).await, 415, "invalid_request");
    let untyped = raw(&server, "POST", PATH, &[("content-length", "1")], b"x").await;
    assert_refused(&untyped, 415, "invalid_request");
    let typed = raw(&server, "POST", PATH, &[("content-type", "text/plain")], b"").await;
    assert_refused(&typed, 415, "invalid_request");
    // Room for an assertion of 256 KiB.
    let large = "x".repeat(512 * 1024 + 1);
    assert_refused(&server.nobody().form(PATH, &[("username", &large)]).await, 413, "invalid_request");
    let chunked = [FORM, ("transfer-encoding", "chunked")];
    let body = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    assert_refused(&raw(&server, "POST", PATH, &chunked, body.as_bytes()).await, 413, "invalid_request");
    // Routing comes before: that is the form of every unknown method.
    let answer = server.nobody().get(PATH).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn malformed_basic_header_is_no_client() {
    let server = Server::start().await;
    for header in ["Basic !!!!", "Basic YWxpY2U=", "Digest x", "Basic", "x"] {
        let answer = raw(&server, "POST", PATH, &[("authorization", header)], b"").await;
        assert_refused(&answer, 400, "invalid_client");
    }
    let right = basic("admin", ADMIN_PASSWORD);
    let twice = [("authorization", right.as_str()); 2];
    assert_refused(&raw(&server, "POST", PATH, &twice, b"").await, 400, "invalid_client");
}

#[tokio::test]
async fn lifetimes_are_the_configured_ones() {
    let environment = vec![
        ("KEDGE_USER_AUTHENTICATION__OAUTH__DEFAULT_TOKEN_EXPIRATION_SECONDS", "60"),
        ("KEDGE_USER_AUTHENTICATION__OAUTH__REFRESH_TOKEN_EXPIRATION_SECONDS", "300"),
        ("KEDGE_SERVER__EXTERNAL_URL", "https://kedge.example.com/auth/"),
    ];
    let clock = Some(Clock::fixed(datetime!(2026-11-22 19:30:00 UTC)));
    let server = Server::start_with(Options { environment, clock, ..Options::default() }).await;
    server.user("acme", "alice").await;
    let body = server.ask_for_tokens("alice", PASSWORD).await.expect(200);
    assert_eq!(body["expires_in"], 60);
    let access = body["access_token"].as_str().unwrap();
    let claims = claims_of(access);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    assert_eq!(claims["iss"], "https://kedge.example.com/auth");
    for (now, status) in [(datetime!(2026-11-22 19:31:29 UTC), 200), (datetime!(2026-11-22 19:31:30 UTC), 401)] {
        server.app.clock.set(now);
        assert_eq!(server.bearer(access).get("/v2/user").await.status, status, "{now}");
    }
    server.app.clock.set(datetime!(2026-11-22 19:34:59 UTC));
    let refresh = body["refresh_token"].as_str().unwrap();
    let next = server.refresh(refresh).await.expect(200);
    server.app.clock.set(datetime!(2026-11-22 19:39:59 UTC));
    assert_refused(&server.refresh(next["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant");
}
