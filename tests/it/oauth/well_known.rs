//! What clients of tokens find out by themselves (RFC 8414, RFC 7517).

use serde_json::json;

use crate::support::{Options, Server, send};

#[tokio::test]
async fn metadata_names_where_everything_is_whatever_the_host_header_says() {
    let environment = vec![("KEDGE_SERVER__EXTERNAL_URL", "https://kedge.example.com/auth")];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let request = server.nobody().request("GET", "/.well-known/oauth-authorization-server");
    let metadata = send(request.header("host", "evil.example.com")).await.expect(200);
    assert_eq!(
        metadata,
        json!({
            "issuer": "https://kedge.example.com/auth",
            "token_endpoint": "https://kedge.example.com/auth/v2/oauth/token",
            "revocation_endpoint": "https://kedge.example.com/auth/v2/oauth/revoke",
            "introspection_endpoint": "https://kedge.example.com/auth/v2/oauth/introspect",
            "jwks_uri": "https://kedge.example.com/auth/.well-known/jwks.json",
            "grant_types_supported":
                ["password", "refresh_token", "urn:ietf:params:oauth:grant-type:saml2-bearer"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
        })
    );
}

#[tokio::test]
async fn key_set_shows_public_halves_only() {
    let server = Server::start().await;
    let set = server.nobody().get("/.well-known/jwks.json").await.expect(200);
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let mut names: Vec<_> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
}
