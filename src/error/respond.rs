//! The two bodies of an error, and which one an [`Error`] gets.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Error, ErrorKind};
use crate::{authz::policy::Denial, http::json};

/// An error of the application.
#[derive(Serialize, ToSchema)]
pub struct ApiErrorResponse {
    /// The HTTP status.
    code: u16,
    /// The HTTP status again, under the name that older clients use.
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    httpcode: u16,
    /// A stable identifier; `GET /v2/system/error-codes` lists them.
    error_type: &'static str,
    message: String,
    /// Always an empty object.
    #[schema(value_type = Object)]
    detail: serde_json::Map<String, serde_json::Value>,
}

/// A request that violates the schema or matches no route (RFC 9457).
#[derive(Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`.
    r#type: &'static str,
    /// The phrase that belongs to the HTTP status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, with the name of the field or parameter.
    detail: String,
}

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
pub(super) const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Authentication required\"");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Error {
    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound { .. } | Self::NotFoundNamed { .. } => StatusCode::NOT_FOUND,
            Self::Conflict { .. } | Self::NotChangeable(_) => StatusCode::CONFLICT,
            Self::NameTaken { .. }
            | Self::Malformed { .. }
            | Self::Refused(_)
            | Self::WrongState(_)
            | Self::TooMany(_) => StatusCode::BAD_REQUEST,
            Self::Transport { status, .. } => *status,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the caller reads: never a cause that belongs to the log.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Unauthenticated(_) => "Unauthorized".to_owned(),
            Self::Internal(_) => {
                "The server failed to answer; its log has the reason under this x-request-id.".to_owned()
            }
            Self::Unavailable(_) => "The server cannot answer now; try again later.".to_owned(),
            Self::Transport { detail, .. } => detail.clone(),
            told => told.to_string(),
        }
    }

    /// The cause, where the answer does not tell it.
    pub(super) fn log(&self) {
        match self {
            Self::Unauthenticated(reason) if !reason.is_told => {
                tracing::info!(reason = reason.text, "authentication refused");
            }
            Self::Forbidden(denial) if !matches!(denial, Denial::AccountNotEnabled { .. }) => tracing::info!("{self}"),
            Self::TooManyAttempts { retry_after } => tracing::info!(retry_after, "{self}"),
            Self::Unavailable(reason) => tracing::warn!(reason, "answered 503"),
            Self::Internal(source) => {
                tracing::error!(error = source.as_ref() as &dyn std::error::Error, "answered 500");
            }
            _ => {}
        }
    }

    /// What the answer says of it besides the body, whatever the form of that: to the client by headers, to the guard,
    /// which counts what is refused, by the denial.
    pub(super) fn add_to(&self, response: &mut Response) {
        let headers = response.headers_mut();
        match self {
            Self::Forbidden(denial) => drop(response.extensions_mut().insert(denial.clone())),
            Self::Unauthenticated(_) => drop(headers.insert(header::WWW_AUTHENTICATE, CHALLENGE)),
            Self::TooManyAttempts { retry_after } => drop(headers.insert(header::RETRY_AFTER, (*retry_after).into())),
            Self::Unavailable(_) => drop(headers.insert(header::RETRY_AFTER, RETRY_AFTER)),
            Self::MethodNotAllowed { allow } => {
                headers.extend(HeaderValue::from_str(allow).ok().map(|allow| (header::ALLOW, allow)));
            }
            _ => {}
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let status = self.status();
        let mut response = match self.kind() {
            Some(kind) => application_error(status, kind, self.message()),
            None => problem(status, self.message()),
        };
        self.add_to(&mut response);
        response
    }
}

fn application_error(status: StatusCode, kind: ErrorKind, message: String) -> Response {
    let body = ApiErrorResponse {
        code: status.as_u16(),
        httpcode: status.as_u16(),
        error_type: kind.name(),
        message,
        detail: serde_json::Map::new(),
    };
    json(status, &body)
}

fn problem(status: StatusCode, detail: String) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let mut response = json(status, &Problem { r#type: "about:blank", title, status: status.as_u16(), detail });
    response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
    response
}
