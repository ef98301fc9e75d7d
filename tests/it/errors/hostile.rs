//! Every route, taken from the table that serves, against what an attacker tries first.

use base64::{Engine, prelude::BASE64_STANDARD};
use kedge::{authz::access::Access, http::routes::Body};
use reqwest::Method;

use crate::support::{ADMIN_PASSWORD, Answer, Options, Server, basic, raw};

/// What a body must never tell of the machine.
const TOLD_NOWHERE: [&str; 12] = [
    "select ",
    "insert ",
    "update users",
    "sqlx",
    "postgres",
    "src/",
    ".rs:",
    "/nowhere",
    "/tmp",
    "panicked",
    "argon2",
    "constraint",
];

#[track_caller]
fn assert_harmless(answer: &Answer, request: &str) {
    assert!(!(300..400).contains(&answer.status), "{request}: {answer:?}");
    assert!(answer.status < 500, "{request}: {answer:?}");
    assert_ne!(answer.header("x-request-id"), "", "{request}");
    if answer.status >= 400 {
        let text = answer.text.to_lowercase();
        let told = TOLD_NOWHERE.iter().find(|word| text.contains(**word));
        assert!(told.is_none(), "{request}: {answer:?}");
        assert!(answer.body.is_object(), "{request}: {answer:?}");
    }
}

/// The path of a route with its parameters filled in.
fn fill(route: &str, account: &str, user: &str, other: &str) -> String {
    let path = route.replace("{account_name}", account).replace("{username}", user);
    let mut filled = String::new();
    let mut rest = path.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        filled.push_str(other);
        rest = after.split_once('}').expect("a parameter ends").1;
    }
    filled + rest
}

#[tokio::test]
async fn no_segment_makes_a_route_fail() {
    let server = Server::start().await;
    server.user("acme", "alice").await;
    let (_, table, _) = kedge::routes().finish();
    let authorization = basic("_api_key", &server.key_of(&server.admin(), "k").await);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let long = "x".repeat(5_000);
    let segments =
        ["%00", "%FF", "..", "%2e%2e%2f", "'%20or%20''='", "%22", "%F0%9F%90%87", "{x}", "%25", ";", "*", &long];
    for (route, method, _) in table.rows() {
        for segment in segments {
            let paths = [
                fill(route, segment, "alice", "k"),
                fill(route, "acme", segment, "k"),
                fill(route, "acme", "alice", segment),
                format!("{route}?{segment}"),
            ];
            for path in paths {
                // Where no answer can be refused for its key, nothing is asked for that would be done.
                if *method != Method::GET && !route.contains('{') {
                    continue;
                }
                let answer = raw(&server, method.as_str(), &path.replace(['{', '}'], "%7B"), &headers, b"").await;
                assert_harmless(&answer, &format!("{method} {path}"));
            }
        }
    }
}

#[tokio::test]
async fn no_body_makes_a_route_fail() {
    let server = Server::start().await;
    let alice = server.user("acme", "alice").await;
    server.key_of(&alice, "k").await;
    server.key_of(&server.admin(), "k").await;
    let (_, table, _) = kedge::routes().finish();
    let authorization = basic("admin", ADMIN_PASSWORD);
    let bodies: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"[null, null, null, null, null, null, null, null]",
        b"\"\\ud800\"",
        b"{\"name\": \"\xff\"}",
        br#"{"name": {}, "username": {}, "type": {}, "state": {}, "value": {}, "email": {}, "status": {}, "service_name": {}}"#,
        br#"{"name": "\u0000", "username": "\u0000", "type": "\u0000", "state": "\u0000", "email": "\u0000", "status": "\u0000", "service_name": "\u0000", "password": "mad as a hatter"}"#,
        br#"{"name": -1e400, "username": -1e400, "type": -1e400, "state": -1e400, "email": -1e400, "status": -1e400, "service_name": -1e400}"#,
    ];
    for (route, method, row) in table.rows() {
        if !matches!(row.body, Body::Json | Body::SmallJson) {
            continue;
        }
        for body in bodies {
            let length = body.len().to_string();
            let headers = [
                ("authorization", authorization.as_str()),
                ("content-type", "application/json"),
                ("content-length", &length),
                // The console's doors are for its own pages.
                ("x-requested-with", "kedge-console"),
            ];
            let answer = raw(&server, method.as_str(), &fill(route, "acme", "alice", "k"), &headers, body).await;
            let request = format!("{method} {route} {}", String::from_utf8_lossy(body));
            assert_harmless(&answer, &request);
            // Whatever is in an object, this door looks at its cookie alone.
            if route != "/console/session/token" || answer.status != 401 {
                assert_eq!(answer.status, 400, "{request}: {answer:?}");
                assert_eq!(answer.header("content-type"), "application/problem+json", "{request}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_text_of_a_stranger_makes_a_door_fail() {
    // Whoever is made to wait is not asked what else is in the text.
    let environment = vec![
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS", "0"),
        ("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "0"),
    ];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let (_, table, _) = kedge::routes().finish();
    let doors: Vec<_> = table.rows().into_iter().filter(|(_, _, row)| row.access == Access::Public).collect();
    let (long, longer) = ("x".repeat(15_000), "x".repeat(1024 * 1024));
    // U+0000, half of a pair of surrogates, no UTF-8 at all, much, and too much.
    for text in ["%00", "%ED%A0%80", "%FF", &long, &longer] {
        let forms = [
            format!("username={text}&password=x"),
            format!("grant_type=password&username=a&password={text}&client_id={text}&scope={text}"),
            format!("grant_type=refresh_token&refresh_token={text}&client_id={text}"),
            format!("grant_type=urn:ietf:params:oauth:grant-type:saml2-bearer&assertion={text}"),
            format!("grant_type={text}"),
            format!("token={text}&token_type_hint=refresh_token"),
            format!("token=x&token_type_hint={text}"),
            format!("SAMLResponse={text}&RelayState={text}"),
            format!("{text}={text}"),
        ];
        for (route, method, row) in &doors {
            let paths =
                [fill(route, "a", "a", text), format!("{}?RelayState={text}&{text}", fill(route, "a", "a", "a"))];
            for path in paths {
                let answer = raw(&server, method.as_str(), &path, &[], b"").await;
                assert!(answer.status < 500, "{method} {path}: {answer:?}");
            }
            for form in forms.iter().filter(|_| matches!(row.body, Body::Form(_))) {
                let length = form.len().to_string();
                let headers = [("content-type", "application/x-www-form-urlencoded"), ("content-length", &length)];
                let answer =
                    raw(&server, method.as_str(), &fill(route, "a", "a", "a"), &headers, form.as_bytes()).await;
                assert!(answer.status < 500, "{method} {route} {form}: {answer:?}");
            }
        }
    }
    let logins = [b"\0:x".as_slice(), b"a:\0", b"\xed\xa0\x80:x", b"\xff:x", b"_api_key:\0", long.as_bytes()];
    for login in logins {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(login));
        let headers = [("authorization", basic.as_str()), ("cookie", "kedge-session=%00")];
        for (method, path) in [
            ("GET", "/v2/user"),
            ("GET", "/v2/auth/check"),
            ("GET", "/v2/rbac-manager/saml/idps"),
            ("POST", "/v2/oauth/token"),
            ("DELETE", "/console/session"),
        ] {
            let answer = raw(&server, method, path, &headers, b"").await;
            assert!(answer.status < 500, "{method} {path} {basic}: {answer:?}");
        }
    }
}
