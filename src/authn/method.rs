//! How somebody signs in: one vocabulary for what is decided, counted and recorded.

use axum::http::{HeaderMap, HeaderValue, header};

use super::{bearer, cache::API_KEY};

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInMethod {
    Password,
    ApiKey,
    /// An access token.
    Token,
    RefreshToken,
    /// An assertion of an identity provider.
    Saml,
}

impl SignInMethod {
    pub const ALL: [Self; 5] = [Self::Password, Self::ApiKey, Self::Token, Self::RefreshToken, Self::Saml];

    /// What the `Authorization` header looks like, if there is one; whether it is that is another question.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes)?;
        if bearer::token(value).is_some() {
            Some(Self::Token)
        } else if value.starts_with(API_KEY) {
            Some(Self::ApiKey)
        } else {
            Some(Self::Password)
        }
    }

    /// The name, as labels of metrics and records of the audit trail have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ApiKey => "api_key",
            Self::Token => "token",
            Self::RefreshToken => "refresh_token",
            Self::Saml => "saml",
        }
    }
}
