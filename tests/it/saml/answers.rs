//! The way back in: which answers of the identity provider count.

use kedge::clock::Clock;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::support::{
    Answer, Options, Server, assert_error, assert_problem, claims_of,
    idp::{ACS, KEY, OTHER_KEY, Says, Signs, bring, metadata_of, signed},
    send,
};

const SSO: &str = "/v2/rbac-manager/saml/sso/wonderland";

/// What is done to a response, and how it is called.
type Edit = (&'static str, fn(String) -> String);

#[track_caller]
fn assert_not_accepted(answer: &Answer) {
    assert_error(answer, 403, "Not authorized. The response of the identity provider was not accepted.");
}

#[tokio::test]
async fn answer_to_a_request_signs_in() {
    let server = Server::start().await;
    server.idp(json!({ "default_role": "read-write" })).await;
    let says = Says::of("alice", Some(&server.asked().await));
    let answer = says.to(&server).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.expect(200);
    assert_eq!(body.as_object().unwrap().len(), 1);
    let user = server.bearer(body["token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!(user["username"], "alice");
    assert_eq!(user["account_name"], "wonderland");
    assert_eq!(user["type"], "saml");
    assert_eq!(user["idp_name"], "wonderland");
    assert_eq!(user["source"], "https://idp.wonderland.test/metadata");
    assert!(user["password_last_updated"].is_null());
    assert_eq!(user["unified_roles"][0]["role_name"], "read-write");
    assert_eq!(user["unified_roles"][0]["grant_type"], "direct");
    assert_eq!(user["unified_roles"][0]["granter"], "wonderland");
}

#[tokio::test]
async fn what_must_be_signed_is_what_the_configuration_says() {
    let server = Server::start().await;
    for (response, assertion, taken) in [
        (true, true, [true, false, false, false]),
        (true, false, [true, true, false, false]),
        (false, true, [true, false, true, false]),
        // Neither must be: one of the two has to be all the same.
        (false, false, [true, true, true, false]),
    ] {
        let name = format!("r{response}-a{assertion}");
        let changes = json!({
            "name": name,
            "require_signed_response": response,
            "require_signed_assertions": assertion,
            "allow_unsolicited": true,
        });
        server.idp(changes).await;
        let kinds = [Signs::Both, Signs::Response, Signs::Assertion, Signs::Nothing];
        for (signs, taken) in kinds.into_iter().zip(taken) {
            // Each configuration has users of its own.
            let says = Says { signs, ..Says::of(&format!("alice-{name}"), None) };
            let form = [("SAMLResponse", encoded(&says.xml()))];
            let path = SSO.replace("wonderland", &name);
            let answer = send(server.nobody().request("POST", &path).form(&form)).await;
            assert_eq!(answer.status == 200, taken, "{name}: {}", answer.text);
        }
    }
}

fn encoded(xml: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(xml)
}

#[tokio::test]
async fn request_and_assertion_count_once() {
    let server = Server::start().await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    let id = server.asked().await;
    let says = Says::of("alice", Some(&id));
    let xml = says.xml();
    bring(&server.nobody(), &xml).await.expect(200);
    assert_not_accepted(&bring(&server.nobody(), &xml).await);
    // Another assertion in answer to the same request.
    assert_not_accepted(&Says::of("alice", Some(&id)).to(&server).await);
    // The same assertion in answer to another request, or to none.
    let id = server.asked().await;
    let again = Says { in_response_to: Some(id), ..says.clone() };
    assert_not_accepted(&again.to(&server).await);
    assert_not_accepted(&Says { in_response_to: None, ..says }.to(&server).await);
}

#[tokio::test]
async fn request_waits_ten_minutes() {
    let now = Clock::System.now();
    let server = Server::start_with(Options { clock: Some(Clock::fixed(now)), ..Options::default() }).await;
    server.idp(json!({})).await;
    let (first, second) = (server.asked().await, server.asked().await);
    let at = |moment: OffsetDateTime, id: &str| Says { now: moment, ..Says::of("alice", Some(id)) };
    server.app.clock.set(now + Duration::minutes(10) - Duration::SECOND);
    at(server.app.clock.now(), &first).to(&server).await.expect(200);
    server.app.clock.set(now + Duration::minutes(10));
    assert_not_accepted(&at(server.app.clock.now(), &second).to(&server).await);
}

#[tokio::test]
async fn answer_to_nothing_counts_only_where_that_is_allowed() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    assert_not_accepted(&Says::of("alice", None).to(&server).await);
    assert_not_accepted(&Says::of("alice", Some("_unknown")).to(&server).await);
    let changes = crate::support::idp::configuration(&json!({ "allow_unsolicited": true }));
    server.admin().put("/v2/rbac-manager/saml/idps/wonderland", changes).await.expect(200);
    Says::of("alice", None).to(&server).await.expect(200);
    // One that says it answers a request must do so.
    assert_not_accepted(&Says::of("alice", Some("_unknown")).to(&server).await);
    // The request of another provider is none of this one's.
    server.idp(json!({ "name": "oz" })).await;
    let url = server.nobody().get("/v2/rbac-manager/saml/login/oz").await.expect(200);
    let id = crate::support::idp::request_id(url["token"].as_str().unwrap());
    assert_not_accepted(&Says::of("alice", Some(&id)).to(&server).await);
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute_and_no_more() {
    let now = Clock::System.now().replace_nanosecond(0).unwrap();
    let server = Server::start_with(Options { clock: Some(Clock::fixed(now)), ..Options::default() }).await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    for (seconds, taken) in [
        (60, true),
        (61, false),
        // It lives for five minutes.
        (-300 - 59, true),
        (-300 - 60, false),
    ] {
        let says = Says { now: now + Duration::seconds(seconds), ..Says::of("alice", None) };
        assert_eq!(says.to(&server).await.status == 200, taken, "{seconds}");
    }
}

/// Each is signed by the provider as it stands: what is wrong with it is what it says.
#[tokio::test]
async fn what_is_said_to_somebody_else_does_not_count() {
    let server = Server::start().await;
    server.idp(json!({ "allow_unsolicited": true, "require_signed_response": false })).await;
    let says = |signs| Says { signs, ..Says::of("alice", None) };
    for wrong in [
        Says { issuer: "https://idp.oz.test/".into(), ..says(Signs::Both) },
        Says { audience: "https://oz.test/".into(), ..says(Signs::Both) },
        Says { acs: format!("{ACS}x"), ..says(Signs::Both) },
        Says { acs: ACS.to_uppercase(), ..says(Signs::Assertion) },
    ] {
        assert_not_accepted(&wrong.to(&server).await);
    }
    // What the one signature is over: the whole response, after each edit.
    let edits: [Edit; 15] = [
        ("status", |xml| xml.replace("status:Success", "status:Responder")),
        ("version", |xml| xml.replace(" Version=\"2.0\"", " Version=\"1.1\"")),
        ("format of the issuer", |xml| xml.replacen("<Issuer>", "<Issuer Format=\"urn:x\">", 1)),
        ("sender-vouches", |xml| xml.replace("cm:bearer", "cm:sender-vouches")),
        ("no conditions", |xml| xml.replace("<Conditions", "<Advice").replace("Conditions>", "Advice>")),
        ("no audience", |xml| xml.replace("AudienceRestriction>", "OneTimeUse>")),
        ("unknown condition", |xml| xml.replace("<AudienceRestriction>", "<Unknown/><AudienceRestriction>")),
        ("two audiences", |xml| {
            let other = "<AudienceRestriction><Audience>x</Audience></AudienceRestriction>";
            xml.replace("<AudienceRestriction>", &format!("{other}<AudienceRestriction>"))
        }),
        ("not authenticated", |xml| xml.replace("<AuthnStatement", "<Other").replace("AuthnStatement>", "Other>")),
        ("two names", |xml| xml.replace("</NameID>", "</NameID><NameID>evil</NameID>")),
        ("elements in the name", |xml| xml.replace("<NameID>alice", "<NameID>alice<x/>")),
        ("no recipient", |xml| xml.replace(" Recipient=", " Other=")),
        ("no end", |xml| xml.replace(" NotOnOrAfter", " Other")),
        ("no id", |xml| xml.replace("<Assertion ID=", "<Assertion Other=")),
        ("local time", |xml| xml.replace("Z\" Destination", "+00:00\" Destination")),
    ];
    let plain = || {
        Says { signs: Signs::Nothing, ..Says::of("alice", None) }
            .xml()
            .replace("<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=", "<Assertion ID=")
    };
    // The namespace is that of the response, where the edits find it in one place.
    let plain =
        || plain().replacen("<samlp:Response", "<samlp:Response xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\"", 1);
    let changes = json!({
        "require_signed_response": true, "require_signed_assertions": false, "allow_unsolicited": true,
    });
    let changes = crate::support::idp::configuration(&changes);
    server.admin().put("/v2/rbac-manager/saml/idps/wonderland", changes).await.expect(200);
    bring(&server.nobody(), &signed(&plain(), &KEY)).await.expect(200);
    for (what, edit) in edits {
        let (whole, edited) = (plain(), edit(plain()));
        assert_ne!(whole.len(), 0);
        assert!(edited.len() != whole.len() || what == "version", "{what}: the edit found nothing");
        let answer = bring(&server.nobody(), &signed(&edited, &KEY)).await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.text);
        assert_not_accepted(&answer);
    }
}

#[tokio::test]
async fn what_is_changed_after_it_was_signed_does_not_count() {
    let server = Server::start().await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    let edits: [Edit; 21] = [
        ("the name", |xml| xml.replace(">alice<", ">admin2<")),
        ("comment in the name", |xml| xml.replace(">alice<", ">ali<!-- -->ce<")),
        ("comment at the end", |xml| format!("{xml}<!-- -->")),
        ("CDATA", |xml| xml.replace(">alice<", "><![CDATA[alice]]><")),
        ("processing instruction", |xml| xml.replace(">alice<", "><?x y?>alice<")),
        ("document type", |xml| format!("<!DOCTYPE Response>{xml}")),
        ("entity", |xml| format!("<!DOCTYPE x [<!ENTITY a \"alice\">]>{}", xml.replace(">alice<", ">&a;<"))),
        ("encoding", |xml| format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{xml}")),
        ("space before", |xml| format!(" {xml}")),
        ("byte order mark", |xml| format!("\u{feff}{xml}")),
        ("second assertion", |xml| xml.replace("</samlp:Response>", "<Assertion/></samlp:Response>")),
        ("one of another namespace", |xml| {
            xml.replace("</samlp:Response>", "<x:Assertion xmlns:x=\"urn:x\"/></samlp:Response>")
        }),
        ("ids twice", |xml| xml.replace("</samlp:Response>", "<x Id=\"_2\"/><y xml:id=\"_2\"/></samlp:Response>")),
        ("Object", |xml| xml.replacen("</ds:Signature>", "<ds:Object/></ds:Signature>", 1)),
        ("Extensions", |xml| xml.replace("<samlp:Status>", "<samlp:Extensions/><samlp:Status>")),
        ("SHA-1", |xml| xml.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1")),
        ("digest by SHA-1", |xml| xml.replace("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1")),
        ("whole document", |xml| {
            let at = xml.find("URI=\"#").unwrap();
            let end = at + 6 + xml[at + 6..].find('"').unwrap();
            format!("{}URI=\"{}", &xml[..at], &xml[end..])
        }),
        ("no signature of the response", |xml| {
            let (begin, end) = (xml.find("<ds:Signature").unwrap(), xml.find("</ds:Signature>").unwrap() + 15);
            format!("{}{}", &xml[..begin], &xml[end..])
        }),
        ("truncated", |xml| xml[..xml.len() - 1].to_owned()),
        ("nothing", |_| String::new()),
    ];
    for (what, edit) in edits {
        let xml = Says::of("alice", None).xml();
        let edited = edit(xml.clone());
        assert_ne!(edited, xml, "{what}: the edit found nothing");
        let answer = bring(&server.nobody(), &edited).await;
        assert!(matches!(answer.status, 400 | 403), "{what}: {} {}", answer.status, answer.text);
    }
    // White space at the end is none of the document's.
    bring(&server.nobody(), &format!("{}\n", Says::of("alice", None).xml())).await.expect(200);
    // A key that is not the provider's, whatever certificate stands beside it.
    let says = Says::of("alice", None);
    assert_not_accepted(&bring(&server.nobody(), &says.xml_signed_by(&OTHER_KEY)).await);
    let dressed_up = says.xml_signed_by(&OTHER_KEY).replace(&OTHER_KEY.base64(), &KEY.base64());
    assert_not_accepted(&bring(&server.nobody(), &dressed_up).await);
}

#[tokio::test]
async fn form_is_judged_first() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let nobody = server.nobody();
    assert_problem(&nobody.form(SSO, &[]).await, 400, "SAMLResponse");
    assert_problem(&nobody.form(SSO, &[("SAMLResponse", "a"), ("SAMLResponse", "b")]).await, 400, "SAMLResponse");
    assert_problem(&nobody.post(SSO, json!({ "SAMLResponse": "a" })).await, 415, "x-www-form-urlencoded");
    let huge = "A".repeat(600 * 1024);
    assert_problem(&nobody.form(SSO, &[("SAMLResponse", &huge)]).await, 413, "more than");
    for text in ["!", "AAAA", "PGE+", &"A".repeat(380 * 1024)] {
        assert_not_accepted(&nobody.form(SSO, &[("SAMLResponse", text)]).await);
    }
}

#[tokio::test]
async fn browser_must_be_the_one_that_asked() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let (id, cookie) = asked_by_browser(&server, "").await;
    let says = Says::of("alice", Some(&id));
    let bring = |cookie: Option<String>| {
        let request = server.nobody().request("POST", SSO).form(&[("SAMLResponse", encoded(&says.xml()))]);
        send(match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        })
    };
    assert_not_accepted(&bring(None).await);
    assert_not_accepted(&bring(Some(cookie.replace('=', "=x"))).await);
    assert_not_accepted(&bring(Some(format!("other{cookie}"))).await);
    let (_, others) = asked_by_browser(&server, "").await;
    assert_not_accepted(&bring(Some(others.clone())).await);
    let answer = bring(Some(format!("a=b; {others}; {cookie}"))).await;
    let gone = answer.header("set-cookie").to_owned();
    let (name, _) = cookie.split_once('=').unwrap();
    assert_eq!(gone, format!("{name}=; Max-Age=0; Path=/; HttpOnly"));
    answer.expect(200);
}

/// Asks as a browser does; answers the id of the request and the cookie.
async fn asked_by_browser(server: &Server, query: &str) -> (String, String) {
    let login = format!("/v2/rbac-manager/saml/login/wonderland{query}");
    let answer = send(server.nobody().request("GET", &login).header("accept", "text/html")).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    (crate::support::idp::request_id(answer.header("location")), cookie)
}

#[tokio::test]
async fn browser_is_brought_to_the_console_signed_in() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let (id, cookie) = asked_by_browser(&server, "?RelayState=/console/keys").await;
    let bring = |id: &str, relay_state: &str, accept: &str, cookie: &str| {
        let form =
            [("SAMLResponse", encoded(&Says::of("alice", Some(id)).xml())), ("RelayState", relay_state.to_owned())];
        let request = server.nobody().request("POST", SSO).form(&form);
        send(request.header("accept", accept.to_owned()).header("cookie", cookie.to_owned()))
    };
    let answer = bring(&id, "/console/keys?a=1&b=2", "text/html", &cookie).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.text.contains("content=\"0;url=/console/keys?a=1&amp;b=2\""), "{}", answer.text);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("kedge-session=")).unwrap();
    assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"), "{session}");
    let page = server.nobody().request("POST", "/console/session/token").header("x-requested-with", "kedge-console");
    let page = page.header("cookie", session.split(';').next().unwrap()).json(&json!({}));
    send(page).await.expect(200);
    // It is a refresh token of the user's, and not in the page.
    let token = session.strip_prefix("kedge-session=").unwrap().split(';').next().unwrap();
    assert!(!answer.text.contains(token));
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let tokens = server.nobody().form("/v2/oauth/token", &form).await.expect(200);
    let user = server.bearer(tokens["access_token"].as_str().unwrap()).get("/v2/user").await.expect(200);
    assert_eq!(user["username"], "alice");
    // Nowhere else, and nobody but a browser that asked.
    for (relay_state, accept) in
        [("https://evil.test/", "text/html"), ("//evil.test", "text/html"), ("/console", "application/json")]
    {
        let (id, cookie) = asked_by_browser(&server, "").await;
        let answer = bring(&id, relay_state, accept, &cookie).await;
        assert!(answer.expect(200)["token"].is_string());
    }
    let id = server.asked().await;
    assert!(bring(&id, "/console", "text/html", "").await.expect(200)["token"].is_string());
}

#[tokio::test]
async fn session_ends_with_that_at_the_provider() {
    let now = Clock::System.now().replace_nanosecond(0).unwrap();
    let server = Server::start_with(Options { clock: Some(Clock::fixed(now)), ..Options::default() }).await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    let says = Says { now, session_lives: Some(Duration::minutes(20)), ..Says::of("alice", None) };
    let token = says.to(&server).await.expect(200)["token"].as_str().unwrap().to_owned();
    let claims = claims_of(&token);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 20 * 60);
    let usual = Says { now, ..Says::of("alice", None) };
    let token = usual.to(&server).await.expect(200)["token"].as_str().unwrap().to_owned();
    let claims = claims_of(&token);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    let over = Says { now, session_lives: Some(Duration::minutes(-2)), ..Says::of("alice", None) };
    assert_not_accepted(&over.to(&server).await);
}

#[tokio::test]
async fn one_provider_cannot_speak_for_another() {
    let server = Server::start().await;
    server.idp(json!({ "allow_unsolicited": true })).await;
    // A second one, whose entity is another and whose users are others, at the same address.
    let oz = metadata_of("https://idp.oz.test/", &[&OTHER_KEY]);
    server.idp(json!({ "name": "oz", "idp_metadata_xml": oz, "allow_unsolicited": true })).await;
    Says::of("alice", None).to(&server).await.expect(200);
    let says = Says { issuer: "https://idp.oz.test/".into(), ..Says::of("alice", None) };
    let form = [("SAMLResponse", encoded(&says.xml_signed_by(&OTHER_KEY)))];
    let path = SSO.replace("wonderland", "oz");
    let answer = send(server.nobody().request("POST", &path).form(&form)).await;
    assert_error(&answer, 403, "Not authorized. The name belongs to another user.");
    // Its key is not the other's, whatever it says.
    assert_not_accepted(&bring(&server.nobody(), &Says::of("alice", None).xml_signed_by(&OTHER_KEY)).await);
}
