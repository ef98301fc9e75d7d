//! The outermost layer: every answer carries `x-request-id`, every request has a span and a line in the log, and a
//! handler that panics answers 500.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::{error::Error, state::App};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps the whole way of a request.
pub async fn identify(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = given(&request).unwrap_or_else(|| made(&app));
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let id_text = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", id = id_text, method = %request.method(), route);
    let started = std::time::Instant::now();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let _entered = span.enter();
    let mut response = answer.unwrap_or_else(|_| Error::internal("the handler panicked").into_response());
    tracing::info!(status = response.status().as_u16(), elapsed = ?started.elapsed(), "answered");
    response.headers_mut().insert(X_REQUEST_ID, id);
    response
}

/// The id that the client gives, if it is one that can stand in a log: 1 to 128 of `0-9A-Za-z._-`.
fn given(request: &Request) -> Option<HeaderValue> {
    let id = request.headers().get(X_REQUEST_ID)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    ((1..=128).contains(&id.len()) && id.as_bytes().iter().all(plain)).then(|| id.clone())
}

fn made(app: &App) -> HeaderValue {
    let id = app.random.uuid().to_string();
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("none"))
}
