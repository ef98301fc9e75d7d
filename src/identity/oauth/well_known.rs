//! What clients of tokens find out about the deployment by themselves.

use axum::extract::State;
use jsonwebtoken::jwk::JwkSet;
use serde::Serialize;
use utoipa::ToSchema;

use super::grant::GRANT_TYPES;
use crate::{error::Result, http::Json, state::App};

/// The public keys that verify access tokens (RFC 7517)
///
/// A shared secret (`keys.secret`) is not among them.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "System", extensions(("x-kedge-addition" = json!(true))),
    responses((status = 200, body = Object)))]
pub async fn get_jwks(State(app): State<App>) -> Result<Json<JwkSet>> {
    let keys = app.signing_keys.published(&app.db, &app.clock).await?;
    Ok(Json(JwkSet { keys }))
}

/// Authorization server metadata (RFC 8414, 2). There is no authorization endpoint, hence no response type; a claim
/// without elements is left out (3.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorizationServer {
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    grant_types_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: [&'static str; 1],
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
}

/// Authorization server metadata (RFC 8414)
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "System",
    extensions(("x-kedge-addition" = json!(true))), responses((status = 200, body = AuthorizationServer)))]
pub async fn get_authorization_server(State(app): State<App>) -> Json<AuthorizationServer> {
    let issuer = app.config.server.external_url();
    Json(AuthorizationServer {
        issuer: issuer.to_owned(),
        token_endpoint: format!("{issuer}/v2/oauth/token"),
        revocation_endpoint: format!("{issuer}/v2/oauth/revoke"),
        introspection_endpoint: format!("{issuer}/v2/oauth/introspect"),
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        grant_types_supported: GRANT_TYPES,
        token_endpoint_auth_methods_supported: ["none"],
        revocation_endpoint_auth_methods_supported: ["none"],
    })
}
