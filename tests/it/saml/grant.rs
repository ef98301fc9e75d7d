//! Assertions exchanged for tokens (RFC 7522).

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::json;
use time::Duration;

use crate::support::{
    Answer, Options, PASSWORD, Server,
    idp::{KEY, OTHER_KEY, Says, Signs, bring, signed},
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";

async fn exchange(server: &Server, assertion: &str) -> Answer {
    exchange_encoded(server, &URL_SAFE_NO_PAD.encode(assertion)).await
}

async fn exchange_encoded(server: &Server, assertion: &str) -> Answer {
    server.nobody().form("/v2/oauth/token", &[("grant_type", GRANT), ("assertion", assertion)]).await
}

fn assertion_of(says: &Says) -> String {
    signed(&says.assertion(), &KEY)
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.body["error"], "invalid_grant");
    assert_eq!(answer.body["error_description"], "The credentials or the token are not valid");
}

#[tokio::test]
async fn assertion_is_exchanged_for_an_access_token() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true })).await;
    let answer = exchange(&server, &assertion_of(&Says::of("alice", None))).await;
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let body = answer.expect(200);
    assert_eq!((body["token_type"].as_str(), body["expires_in"].as_u64()), (Some("Bearer"), Some(3600)));
    // Who holds an assertion can get another.
    assert!(body.get("refresh_token").is_none());
    let user = server.bearer(body["access_token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!((user["username"].as_str(), user["type"].as_str()), (Some("alice"), Some("saml")));
    let metadata = server.nobody().get("/.well-known/oauth-authorization-server").await.expect(200);
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT)));
}

#[tokio::test]
async fn recipient_is_either_door() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true })).await;
    let to_endpoint = Says { acs: "http://localhost:8228/v2/oauth/token".into(), ..Says::of("alice", None) };
    exchange(&server, &assertion_of(&to_endpoint)).await.expect(200);
    let elsewhere = Says { acs: "http://localhost:8228/v2/oauth/revoke".into(), ..Says::of("alice", None) };
    assert_refused(&exchange(&server, &assertion_of(&elsewhere)).await);
}

#[tokio::test]
async fn padding_and_line_ends_are_as_the_rfc_says() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true })).await;
    let padded = URL_SAFE.encode(assertion_of(&Says::of("alice", None)) + "\n");
    exchange_encoded(&server, &padded).await.expect(200);
    for encoded in [
        STANDARD.encode(assertion_of(&Says::of("alice>>>???", None))),
        format!("{}\n", URL_SAFE.encode(assertion_of(&Says::of("alice", None)))),
        "!".to_owned(),
        URL_SAFE.encode(b"\xff\xfe"),
    ] {
        assert_refused(&exchange_encoded(&server, &encoded).await);
    }
    let missing = server.nobody().form("/v2/oauth/token", &[("grant_type", GRANT)]).await;
    assert_eq!((missing.status, missing.body["error"].as_str()), (400, Some("invalid_request")));
}

#[tokio::test]
async fn assertion_counts_once_over_both_doors() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true, "allow_unsolicited": true })).await;
    let says = Says::of("alice", None);
    exchange(&server, &assertion_of(&says)).await.expect(200);
    assert_refused(&exchange(&server, &assertion_of(&says)).await);
    bring(&server.nobody(), &says.xml()).await.expect(403);
    let says = Says::of("alice", None);
    bring(&server.nobody(), &says.xml()).await.expect(200);
    assert_refused(&exchange(&server, &assertion_of(&says)).await);
}

#[tokio::test]
async fn without_a_request_it_counts_only_where_that_is_allowed() {
    let server = Server::start().await;
    for (name, grant, unsolicited, taken) in
        [("a", false, false, false), ("b", true, false, true), ("c", false, true, true)]
    {
        let sp = format!("https://kedge.test/{name}");
        let changes = json!({
            "name": name, "sp_entity_id": sp, "allow_assertion_grant": grant, "allow_unsolicited": unsolicited,
        });
        server.idp(changes).await;
        let says = Says { audience: sp.clone(), ..Says::of(&format!("alice-{name}"), None) };
        assert_eq!(exchange(&server, &assertion_of(&says)).await.status == 200, taken, "{name}");
        // In answer to a request of a client of the API it always does, once.
        let url = server.nobody().get(&format!("/v2/rbac-manager/saml/login/{name}")).await.expect(200);
        let id = crate::support::idp::request_id(url["token"].as_str().unwrap());
        let says = |id: &str| Says { audience: sp.clone(), ..Says::of(&format!("alice-{name}"), Some(id)) };
        exchange(&server, &assertion_of(&says(&id))).await.expect(200);
        assert_refused(&exchange(&server, &assertion_of(&says(&id))).await);
        assert_refused(&exchange(&server, &assertion_of(&says("_unknown"))).await);
    }
}

#[tokio::test]
async fn what_is_wrong_with_it_is_refused() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true })).await;
    let says = || Says::of("alice", None);
    let past = says().now - Duration::minutes(10);
    for wrong in [
        Says { issuer: "https://idp.oz.test/".into(), ..says() },
        Says { audience: "https://oz.test/".into(), ..says() },
        Says { now: past, ..says() },
        Says { session_lives: Some(Duration::minutes(-5)), ..says() },
    ] {
        assert_refused(&exchange(&server, &assertion_of(&wrong)).await);
    }
    // Not signed, by another, changed, or signed as a part of a response only.
    assert_refused(&exchange(&server, &says().assertion()).await);
    assert_refused(&exchange(&server, &signed(&says().assertion(), &OTHER_KEY)).await);
    assert_refused(&exchange(&server, &assertion_of(&says()).replace(">alice<", ">alicf<")).await);
    assert_refused(&exchange(&server, &Says { signs: Signs::Both, ..says() }.xml()).await);
    let within = format!("<x>{}</x>", assertion_of(&says()));
    assert_refused(&exchange(&server, &within).await);
    exchange(&server, &assertion_of(&says())).await.expect(200);
}

#[tokio::test]
async fn of_several_configurations_of_one_provider_the_recipient_tells_which() {
    let server = Server::start().await;
    for name in ["a", "b"] {
        let changes = json!({
            "name": name, "allow_assertion_grant": true, "acs_url": format!("https://kedge.test/{name}"),
            "default_account": format!("account-{name}"),
        });
        server.idp(changes).await;
    }
    let says = Says { acs: "https://kedge.test/b".into(), ..Says::of("alice", None) };
    let token = exchange(&server, &assertion_of(&says)).await.expect(200);
    let user = server.bearer(token["access_token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!((user["account_name"].as_str(), user["idp_name"].as_str()), (Some("account-b"), Some("b")));
    let either = Says { acs: "http://localhost:8228/v2/oauth/token".into(), ..Says::of("alice", None) };
    assert_refused(&exchange(&server, &assertion_of(&either)).await);
}

#[tokio::test]
async fn disabled_account_is_told_as_to_everyone() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true })).await;
    exchange(&server, &assertion_of(&Says::of("alice", None))).await.expect(200);
    server.set_state("wonderland", "disabled").await;
    for name in ["alice", "hatter"] {
        let answer = exchange(&server, &assertion_of(&Says::of(name, None))).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (403, Some("access_denied")));
        assert_eq!(answer.message(), "Not authorized. Account wonderland not enabled.");
    }
}

#[tokio::test]
async fn request_of_a_browser_is_not_answered_here() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true })).await;
    let request = server.nobody().request("GET", "/v2/rbac-manager/saml/login/wonderland");
    let answer = crate::support::send(request.header("accept", "text/html")).await;
    let id = crate::support::idp::request_id(answer.header("location"));
    assert_refused(&exchange(&server, &assertion_of(&Says::of("alice", Some(&id)))).await);
}

/// There is nothing to guess: whoever sends old or broken assertions locks no neighbour out.
#[tokio::test]
async fn refused_assertion_does_not_count_as_a_guess_at_either_door() {
    let environment = vec![("KEDGE_LIMITS__SIGN_IN_FAILURES_PER_ADDRESS", "2")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    server.idp(json!({ "allow_assertion_grant": true, "allow_unsolicited": true })).await;
    server.user("acme", "alice").await;
    for _ in 0..3 {
        let says = Says { audience: "https://oz.test/".into(), ..Says::of("alice", None) };
        assert_refused(&exchange(&server, &assertion_of(&says)).await);
        bring(&server.nobody(), &says.xml()).await.expect(403);
    }
    server.ask_for_tokens("alice", PASSWORD).await.expect(200);
    // Passwords do count.
    for _ in 0..2 {
        server.ask_for_tokens("alice", "wrong").await.expect(400);
    }
    server.ask_for_tokens("alice", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn no_name_in_an_answer_makes_a_door_fail() {
    let server = Server::start().await;
    server.idp(json!({ "allow_assertion_grant": true, "allow_unsolicited": true })).await;
    for nothing in ["\0", "&#0;", "&#x0;", "&#xD800;", "\u{fffe}"] {
        let of = || Says { signs: Signs::Nothing, ..Says::of("alice", None) };
        for says in [
            Says { issuer: nothing.into(), ..of() },
            Says { audience: nothing.into(), ..of() },
            Says { acs: nothing.into(), ..of() },
            Says { in_response_to: Some(nothing.into()), ..of() },
        ] {
            assert_refused(&exchange(&server, &says.assertion()).await);
            says.to(&server).await.expect(403);
        }
    }
}
