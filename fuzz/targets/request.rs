//! A request of a signed-in admin: its method, its path and query, and a body after the first line.

#![no_main]

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, Uri, header},
};
use kedge_fuzz::{ADMIN, answer};
use libfuzzer_sys::{Corpus, fuzz_target};

const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
const BODIES: [&str; 2] = ["application/json", "application/x-www-form-urlencoded"];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((kind, rest)) = data.split_first() else { return Corpus::Reject };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (target, body) = rest.split_at(end);
    // hyper answers the others itself.
    let Ok(uri) = Uri::try_from(target) else { return Corpus::Reject };
    if uri.path().is_empty() {
        return Corpus::Reject;
    }
    let body = body.get(1..).unwrap_or_default().to_vec();
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = METHODS[usize::from(*kind) % METHODS.len()].clone();
    *request.uri_mut() = uri;
    let media_type = BODIES[usize::from(*kind) / METHODS.len() % BODIES.len()];
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("kedge"));
    request.headers_mut().insert(header::AUTHORIZATION, ADMIN);
    request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    let response = answer(request);
    assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("x-request-id"));
    Corpus::Keep
});
