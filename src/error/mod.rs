//! The one place where an error becomes HTTP.
//!
//! Application errors answer [`ApiErrorResponse`] (`application/json`, `detail` an object); a request that breaks the
//! schema, an unknown route or method answers [`Problem`] (RFC 9457, `detail` a string): clients tell the two apart by
//! that. Operations under `/oauth/` answer [`OAuthErrorResponse`]. Texts are made from the fields of [`Error`] alone,
//! so no SQL, path or secret can get into one.

mod database;
mod kind;
mod oauth;
mod respond;

pub use kind::ErrorKind;
pub use oauth::{OAuthError, OAuthErrorResponse};
pub use respond::{ApiErrorResponse, Problem};

use axum::http::StatusCode;

use crate::authz::policy::Denial;

/// What a handler or store function answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, named by its meaning.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The one 401, whatever the cause.
    #[error("unauthenticated: {0}")]
    Unauthenticated(Reason),
    #[error("{0}")]
    Forbidden(#[from] Denial),
    #[error("{what} not found")]
    NotFound { what: &'static str },
    /// One of several things that a request names. Clients match the text of `User account`.
    #[error("{what} not found. Name={name}")]
    NotFoundNamed { what: &'static str, name: String },
    /// 409: a name that is unique in the whole deployment is taken, of an account, a group or an identity provider.
    #[error("{what} already exists")]
    Conflict { what: &'static str },
    /// 400: the name of a user or of an API key is taken.
    #[error("{what} already exists")]
    NameTaken { what: &'static str },
    /// A body, parameter or path that breaks the schema.
    #[error("'{field}' {why}")]
    Malformed { field: String, why: String },
    /// A well-formed request that the rules refuse.
    #[error("{0}")]
    Refused(String),
    /// 400: the state of a thing does not allow the change.
    #[error("{0}")]
    WrongState(String),
    /// 409: the configuration file, the environment or the need of a restart does not allow a change of this key.
    #[error("{0}")]
    NotChangeable(String),
    /// 400: there are as many as there may be.
    #[error("{0}")]
    TooMany(String),
    /// Too many sign-ins failed; `retry_after` is in seconds.
    #[error("Too many sign-ins failed; try again later.")]
    TooManyAttempts { retry_after: u64 },
    /// A request that failed before its content was judged: media type, size, method, path.
    #[error("{status}: {detail}")]
    Transport { status: StatusCode, detail: String },
    #[error("Method Not Allowed")]
    MethodNotAllowed { allow: String },
    #[error("unavailable: {0}")]
    Unavailable(&'static str),
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why somebody is not signed in: never for who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    pub text: &'static str,
    /// Whether log, metrics and audit trail know of it already, by [`crate::authn::tried::Tried`].
    pub is_told: bool,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl Error {
    /// The refusal of a sign-in that nobody was told of yet.
    #[must_use]
    pub const fn unauthenticated(text: &'static str) -> Self {
        Self::Unauthenticated(Reason { text, is_told: false })
    }

    /// A field, parameter or body that breaks the schema.
    pub fn malformed(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Malformed { field: field.into(), why: why.into() }
    }

    /// A failure nobody expected: logged whole, answered in one fixed sentence.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}
