//! The outermost layer: every answer carries `x-request-id`, every request has a span and a line in the log, a handler
//! that panics answers 500, and HEAD is answered without a body.

use std::panic::AssertUnwindSafe;

use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
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
    let (matched, method) = (request.extensions().get::<MatchedPath>().cloned(), request.method().clone());
    let route = matched.as_ref().map_or("", MatchedPath::as_str);
    let id_text = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", id = id_text, %method, route);
    let started = std::time::Instant::now();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let _entered = span.enter();
    let mut response = answer.unwrap_or_else(|_| Error::internal("the handler panicked").into_response());
    app.metrics.answered(route, &method, response.status(), started.elapsed());
    tracing::info!(status = response.status().as_u16(), elapsed = ?started.elapsed(), "answered");
    response.headers_mut().insert(X_REQUEST_ID, id);
    if method == Method::HEAD { without_body(response) } else { response }
}

/// RFC 9110, 9.3.2. The router sees to it where it knows the path; of any other, HTTP/2 would carry the body.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = Body::empty();
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
