//! OAuth2 on the wire.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{authn::jwt::Claims, http::extract::given, identity::sessions::issue::Issued, secret::Secret};

/// The form that requests tokens. Without any field, the user and password are taken from the Basic header.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `password` (the default), `refresh_token`, or `urn:ietf:params:oauth:grant-type:saml2-bearer` for a SAML
    /// assertion.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, default = "password")]
    pub grant_type: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub username: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub password: Option<Secret>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, default = "anonymous")]
    pub client_id: Option<String>,
    /// Can be used once: the answer holds the next one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub refresh_token: Option<Secret>,
    /// A signed SAML 2.0 assertion, in base64url (RFC 7522). Can be used once.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, extensions(("x-kedge-addition" = json!(true))))]
    pub assertion: Option<Secret>,
}

/// The tokens of a session. The access token is sent as `Authorization: Bearer`.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenResponse {
    #[schema(value_type = String)]
    pub access_token: ShownOnce,
    /// How long the access token is valid, in seconds.
    #[schema(value_type = f64)]
    pub expires_in: u64,
    pub token_type: &'static str,
    #[schema(value_type = String, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<ShownOnce>,
}

/// A token, on its only way out.
#[derive(Debug)]
pub struct ShownOnce(Secret);

impl Serialize for ShownOnce {
    #[expect(clippy::disallowed_methods, reason = "the one answer that shows a token: the one that issues it")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.reveal())
    }
}

impl From<Issued> for TokenResponse {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: ShownOnce(issued.access_token),
            expires_in: issued.expires_in,
            token_type: "Bearer",
            refresh_token: issued.refresh_token.map(ShownOnce),
        }
    }
}

/// The form that ends a session by its refresh token.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct RevocationRequest {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub token: Option<Secret>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = RefreshTokenHint, required = false, inline)]
    pub token_type_hint: Option<String>,
}

/// The type of the token to revoke.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum RefreshTokenHint {
    RefreshToken,
}

/// The form that inquires about a token.
#[derive(Debug, Deserialize, ToSchema)]
pub struct IntrospectionRequest {
    #[schema(value_type = String)]
    pub token: Secret,
    /// Not needed: the type is recognized from the token.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub token_type_hint: Option<String>,
}

/// Whether a token is active (RFC 7662, 2.2). For one that is not, or that the caller may not inquire about, `active`
/// is the only property.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct IntrospectionResponse {
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    #[schema(inline)]
    pub told: Option<TokenFacts>,
}

/// The properties of an active token. No other token has them, so none is required.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenFacts {
    #[schema(required = false)]
    pub client_id: String,
    #[schema(required = false)]
    pub username: String,
    /// The account that the user lives in.
    #[schema(required = false)]
    pub account_name: String,
    /// `Bearer` for an access token, `refresh_token` for a refresh token.
    #[schema(required = false)]
    pub token_type: &'static str,
    /// When the token expires, in seconds since 1970.
    #[schema(required = false)]
    pub exp: i64,
    /// When the token was issued, in seconds since 1970.
    #[schema(required = false)]
    pub iat: i64,
    /// The id of the user.
    #[schema(required = false)]
    pub sub: Uuid,
    /// The id of the session that the token belongs to.
    #[schema(required = false)]
    pub sid: Uuid,
    #[schema(required = false)]
    pub aud: String,
    #[schema(required = false)]
    pub iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Uuid, required = false)]
    pub jti: Option<Uuid>,
}

impl TokenFacts {
    /// The facts of an access token.
    #[must_use]
    pub fn of_access_token(claims: Claims, username: String, account_name: String) -> Self {
        Self {
            client_id: claims.client_id,
            username,
            account_name,
            token_type: "Bearer",
            exp: claims.exp,
            iat: claims.iat,
            sub: claims.sub,
            sid: claims.sid,
            aud: claims.aud,
            iss: claims.iss,
            jti: Some(claims.jti),
        }
    }
}
