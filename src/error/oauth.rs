//! The errors of operations under `/oauth/`: the words of RFC 6749, 5.2, with a sentence for people.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Error, Reason, respond::CHALLENGE};
use crate::{authz::policy::Denial, http::json};

/// An error of an operation under `/oauth/` (RFC 6749, 5.2).
#[derive(Serialize, ToSchema)]
pub struct OAuthErrorResponse {
    /// An error code of the RFC.
    error: &'static str,
    /// The reason, for people.
    error_description: String,
}

/// Why an OAuth2 request was refused.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    #[error("Missing \"{0}\" in request.")]
    Missing(&'static str),
    #[error("The client is unknown")]
    Client,
    /// The one answer to wrong credentials, whatever the cause.
    #[error("The credentials or the token are not valid")]
    Grant(Reason),
    #[error("Grant type '{0}' is not supported")]
    GrantType(String),
    /// A token of a type that cannot be revoked: known to be a 401 without a body.
    #[error("The token type is not supported")]
    TokenType,
    /// Any other error, in the form of this one.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<Denial> for OAuthError {
    fn from(denial: Denial) -> Self {
        Self::Other(denial.into())
    }
}

impl OAuthError {
    /// The refusal of credentials or of a token that nobody was told of yet.
    #[must_use]
    pub const fn grant(text: &'static str) -> Self {
        Self::Grant(Reason { text, is_told: false })
    }

    /// A sign-in that failed where credentials are exchanged for tokens: the grant is refused.
    #[must_use]
    pub fn of_sign_in(error: Error) -> Self {
        match error {
            Error::Unauthenticated(reason) => Self::Grant(reason),
            other => other.into(),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Missing(_) => "invalid_request",
            Self::Client => "invalid_client",
            Self::Grant(_) => "invalid_grant",
            Self::GrantType(_) => "unsupported_grant_type",
            Self::TokenType => "unsupported_token_type",
            Self::Other(error) => match error.status() {
                StatusCode::UNAUTHORIZED => "invalid_client",
                StatusCode::FORBIDDEN => "access_denied",
                // RFC 8628, 3.5: the one registered word for it.
                StatusCode::TOO_MANY_REQUESTS => "slow_down",
                StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
                StatusCode::INTERNAL_SERVER_ERROR => "server_error",
                _ => "invalid_request",
            },
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let (status, error_description) = match &self {
            Self::TokenType => {
                return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, CHALLENGE)]).into_response();
            }
            Self::Other(error) => {
                error.log();
                (error.status(), error.message())
            }
            Self::Grant(reason) => {
                if !reason.is_told {
                    tracing::info!(reason = reason.text, "grant refused");
                }
                (StatusCode::BAD_REQUEST, self.to_string())
            }
            told => (StatusCode::BAD_REQUEST, told.to_string()),
        };
        let mut response = json(status, &OAuthErrorResponse { error: self.word(), error_description });
        if let Self::Other(error) = &self {
            error.add_to(&mut response);
        }
        response
    }
}
