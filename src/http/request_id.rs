//! What goes around the guard: every answer carries `x-request-id`, but for those that hyper gives to what is no
//! request; every request has a span and a line in the log, a handler that panics answers 500, and HEAD is answered
//! without a body.

use std::{panic::AssertUnwindSafe, pin::Pin, time::Instant};

use axum::{
    body::{Body, HttpBody},
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::{extract::single, routes::Row};
use crate::{error::Error, state::App};

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id, in what a public operation is handed of its request: it may refuse a sign-in itself.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

/// What a request is known by in the log and to its client.
#[derive(Debug)]
pub struct Identity {
    id: HeaderValue,
    span: Span,
    is_head: bool,
    started: Instant,
}

impl Identity {
    #[must_use]
    pub fn of(app: &App, request: &Request) -> Self {
        let id = given(request).unwrap_or_else(|| made(app));
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let method = request.method();
        let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default(), %method, route);
        Self { id, span, is_head: method == Method::HEAD, started: Instant::now() }
    }

    /// The request's id.
    #[must_use]
    pub const fn id(&self) -> &HeaderValue {
        &self.id
    }

    /// Wraps the whole way of the request. The answer comes by reference: what takes a future by value has a copy of
    /// it.
    pub async fn wrap<A>(&self, app: &App, row: Option<&Row>, answer: Pin<&mut A>) -> Response
    where
        A: Future<Output = Response>,
    {
        let answer = AssertUnwindSafe(answer).catch_unwind().instrument(self.span.clone()).await;
        let _entered = self.span.enter();
        let mut response = answer.unwrap_or_else(|_| Error::internal("the handler panicked").into_response());
        let elapsed = self.started.elapsed();
        app.metrics.answered(row.map(|row| row.number), response.status(), elapsed);
        tracing::info!(status = response.status().as_u16(), ?elapsed, "answered");
        response.headers_mut().insert(X_REQUEST_ID, self.id.clone());
        if self.is_head { without_body(response) } else { response }
    }
}

/// RFC 9110, 9.3.2. The router sees to it where it knows the path; of any other, HTTP/2 would carry the body.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = Body::empty();
    response
}

/// The id that the client gives, if it is one, and one that can stand in a log: 1 to 128 of `0-9A-Za-z._-`.
fn given(request: &Request) -> Option<HeaderValue> {
    let id = single(request.headers(), &X_REQUEST_ID).ok()??;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    ((1..=128).contains(&id.len()) && id.as_bytes().iter().all(plain)).then(|| id.clone())
}

fn made(app: &App) -> HeaderValue {
    let mut text = Uuid::encode_buffer();
    let id = app.random.uuid().hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("none"))
}
