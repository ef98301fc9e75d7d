//! The way out to the identity provider, and our metadata for it.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    Options, Server, assert_error,
    idp::{ACS, ENTITY, KEY, SP, configuration, metadata, request_id, request_xml},
    send,
};

const LOGIN: &str = "/v2/rbac-manager/saml/login/wonderland";

#[tokio::test]
async fn client_of_the_api_gets_the_url() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    let answer = server.nobody().get(LOGIN).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("set-cookie"), "");
    let url = answer.expect(200)["token"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://idp.wonderland.test/sso?tenant=1&SAMLRequest="), "{url}");
    assert!(!url.contains("Signature="), "{url}");
    let xml = request_xml(&url);
    for part in [
        "Destination=\"https://idp.wonderland.test/sso?tenant=1\"",
        &format!("AssertionConsumerServiceURL=\"{ACS}\""),
        "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"",
        &format!("<saml:Issuer>{SP}</saml:Issuer>"),
        "Version=\"2.0\"",
    ] {
        assert!(xml.contains(part), "{xml} lacks {part}");
    }
    assert_ne!(server.asked().await, server.asked().await);
}

#[tokio::test]
async fn browser_is_sent_there_with_a_cookie() {
    for (external_url, name, attributes) in [
        ("http://localhost:8228", "kedge-sso-", "Max-Age=600; Path=/; HttpOnly"),
        ("https://kedge.test", "__Host-kedge-sso-", "Max-Age=600; Path=/; HttpOnly; Secure; SameSite=None"),
    ] {
        let environment = vec![("KEDGE_SERVER__EXTERNAL_URL", external_url)];
        let server = Server::start_with(Options { environment, ..Options::default() }).await;
        server.idp(json!({})).await;
        let request = server.nobody().request("GET", &format!("{LOGIN}?RelayState=/console/keys"));
        let answer = send(request.header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")).await;
        assert_eq!((answer.status, answer.text.as_str()), (303, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
        let location = answer.header("location");
        assert!(location.starts_with("https://idp.wonderland.test/sso?tenant=1&SAMLRequest="), "{location}");
        assert!(location.ends_with("&RelayState=%2Fconsole%2Fkeys"), "{location}");
        let cookie = answer.header("set-cookie");
        let (pair, rest) = cookie.split_once("; ").unwrap();
        let (found, value) = pair.split_once('=').unwrap();
        let id: String = request_id(location).chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        assert_eq!((found, rest), (format!("{name}{id}").as_str(), attributes));
        assert_eq!(value.len(), 43);
    }
}

#[tokio::test]
async fn only_pages_of_the_console_are_asked_for() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    for path in ["https://evil.test/", "//evil.test", "/v2/user", "/console/../../evil"] {
        let login = format!("{LOGIN}?RelayState={}", crate::support::segment(path));
        let url = server.nobody().get(&login).await.expect(200);
        assert!(!url["token"].as_str().unwrap().contains("RelayState"), "{url}");
    }
}

#[tokio::test]
async fn unknown_and_disabled_ones_are_not_found() {
    let server = Server::start().await;
    server.idp(json!({ "enabled": false })).await;
    for name in ["wonderland", "oz", "%20", "a%2Fb"] {
        for path in ["login", "metadata"] {
            let answer = server.nobody().get(&format!("/v2/rbac-manager/saml/{path}/{name}")).await;
            assert_error(&answer, 404, "Identity provider not found");
        }
        let sso = format!("/v2/rbac-manager/saml/sso/{name}");
        assert_error(&server.nobody().form(&sso, &[("SAMLResponse", "x")]).await, 404, "Identity provider not found");
    }
}

#[tokio::test]
async fn request_is_signed_where_the_provider_wants_that() {
    let server = Server::start().await;
    let wants = metadata().replace("<IDPSSODescriptor", "<IDPSSODescriptor WantAuthnRequestsSigned=\"true\"");
    server.idp(json!({ "idp_metadata_xml": wants })).await;
    let url = server.nobody().get(LOGIN).await.expect(200)["token"].as_str().unwrap().to_owned();
    let certificate = sp_certificate(&server).await;
    let (_, query) = url.split_once("tenant=1&").unwrap();
    let (octets, signature) = query.split_once("&Signature=").unwrap();
    let signature = percent_encoding::percent_decode_str(signature).decode_utf8().unwrap().into_owned();
    let algorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    let verify = |octets: &str, certificate: &str| {
        saml_rs::crypto::verify_message_signature(octets, &signature, certificate, algorithm).unwrap()
    };
    assert!(verify(octets, &certificate));
    assert!(!verify(octets, &KEY.certificate));
    assert!(!verify(&octets.replace("SAMLRequest=", "SAMLRequest=A"), &certificate));
}

async fn sp_certificate(server: &Server) -> String {
    let xml = server.nobody().get("/v2/rbac-manager/saml/metadata/wonderland").await.text;
    let certificate = xml.split("X509Certificate>").nth(1).unwrap();
    certificate.split("</").next().unwrap().to_owned()
}

#[tokio::test]
async fn metadata_says_who_we_are_and_every_node_says_the_same() {
    let server = Server::start().await;
    server.idp(json!({ "acs_url": "https://kedge.test/acs", "acs_https_port": 8443 })).await;
    let path = "/v2/rbac-manager/saml/metadata/wonderland";
    let answer = server.nobody().get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/samlmetadata+xml"));
    for part in [
        &format!("entityID=\"{SP}\""),
        "WantAssertionsSigned=\"true\"",
        "use=\"signing\"",
        "use=\"encryption\"",
        "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://kedge.test:8443/acs\"",
    ] {
        assert!(answer.text.contains(part), "{} lacks {part}", answer.text);
    }
    assert!(!answer.text.contains(ENTITY));
    assert!(!answer.text.contains("PRIVATE KEY"));
    let other = server.another_node().await;
    assert_eq!(other.nobody().get(path).await.text, answer.text);
}

#[tokio::test]
async fn private_key_is_sealed_where_there_is_a_key_for_that() {
    let environment = vec![("KEDGE_KEYS__SEALING_KEY", "the walrus and the carpenter, all day")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    server.admin().post("/v2/rbac-manager/saml/idps", configuration(&json!({}))).await.expect(200);
    // Made ahead: on a busy machine that alone can take longer than a request may.
    server.app.sp_key.pair(&server.app).await.unwrap();
    let path = "/v2/rbac-manager/saml/metadata/wonderland";
    let text = server.nobody().get(path).await.text;
    let stored = sqlx::query_scalar::<_, Vec<u8>>("select private_key from service_provider_key");
    let stored = stored.fetch_one(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    assert!(!stored.windows(11).any(|bytes| bytes == b"PRIVATE KEY"));
    let environment = vec![("KEDGE_KEYS__SEALING_KEY", "the walrus and the carpenter, all day")];
    let same = server.another_node_with(Options { environment, ..Options::default() }).await;
    assert_eq!(same.nobody().get(path).await.text, text);
}

#[tokio::test]
async fn flood_of_requests_is_bounded() {
    let server = Server::start().await;
    server.idp(json!({})).await;
    // The others are put there by hand: a thousand sign-ins would take seconds.
    let fill = "insert into saml_requests (id, idp_id, network, expires_at)
                select 'x' || n, i.id, r.network, r.expires_at
                from identity_providers i, saml_requests r, generate_series(1, 998) n";
    server.asked().await;
    sqlx::query(fill).execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    server.nobody().get(LOGIN).await.expect(200);
    let refused = server.nobody().get(LOGIN).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "600"));
    // By more than the clocks of nodes may differ.
    let past = sqlx::query("update saml_requests set expires_at = now() - interval '1 minute'");
    past.execute(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    tokio::time::timeout(Duration::from_mins(1), server.nobody().get(LOGIN)).await.unwrap().expect(200);
    // What has run out goes with the tokens that have.
    kedge::identity::collector::remove_tokens(&server.app).await.unwrap();
    let left = sqlx::query_as::<_, (i64, i64)>(
        "select count(*), count(*) filter (where expires_at > now()) from saml_requests",
    );
    let left = left.fetch_one(&mut *server.app.db.connection().await.unwrap()).await.unwrap();
    assert_eq!(left, (1, 1), "the last, which is alive");
}
