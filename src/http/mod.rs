//! HTTP: from a request to a handler, and from a value to an answer.
//!
//! [`routes`] is the one door by which an operation is mounted, [`guard`] the one middleware that stands in it,
//! [`extract`] and [`form`] turn what a request carries into types, [`openapi`] is the document, [`request_id`] goes
//! around the guard, [`paging`] a page of a list, [`prefer`] the wish to wait for all nodes, [`listener`] the loop that
//! accepts connections, [`client_address`] who is at the other end. Nothing about a resource belongs here.

pub mod client_address;
pub mod extract;
pub mod form;
pub mod guard;
pub mod listener;
pub mod openapi;
pub mod paging;
pub mod prefer;
pub mod request_id;
pub mod routes;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// How many bytes most answers have at most.
const TYPICAL: usize = 512;
const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with a JSON body.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let mut body = Vec::with_capacity(TYPICAL);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, APPLICATION_JSON);
            response
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be serialised");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A JSON body with the status that the contract names for success.
#[derive(Debug)]
pub struct Json<T, const STATUS: u16 = 200>(pub T);

/// 201 with a JSON body.
pub type Created<T> = Json<T, 201>;

impl<T: Serialize, const STATUS: u16> IntoResponse for Json<T, STATUS> {
    fn into_response(self) -> Response {
        json(StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK), &self.0)
    }
}

/// 204: done, nothing to say.
#[derive(Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
