//! Who asks for tokens, as far as the headers tell.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

use crate::{
    authn::{
        basic::{self, Login},
        bearer,
    },
    error::OAuthError,
    http::{client_address::client_address, request_id::RequestId},
    state::App,
};

/// How much of a `User-Agent` is kept, in characters.
const USER_AGENT_LENGTH: usize = 256;

/// The sender of a request for tokens.
#[derive(Debug)]
pub struct Sender {
    /// The Basic header, if there is one; a Bearer header is nothing to a request for tokens.
    pub basic: Result<Option<Login>, OAuthError>,
    pub user_agent: Option<String>,
    pub address: Option<IpAddr>,
    pub request_id: Option<HeaderValue>,
}

impl FromRequestParts<App> for Sender {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, OAuthError> {
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let printable = |text: &str| text.chars().filter(|c| !c.is_control()).take(USER_AGENT_LENGTH).collect();
        Ok(Self {
            basic: basic_login(&parts.headers),
            user_agent: user_agent.map(|text| printable(&text)),
            address: client_address(app, parts),
            request_id: parts.extensions.get().map(|RequestId(id)| id.clone()),
        })
    }
}

fn basic_login(headers: &HeaderMap) -> Result<Option<Login>, OAuthError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    if given.next().is_some() {
        return Err(OAuthError::Client);
    }
    if bearer::token(value.as_bytes()).is_some() {
        return Ok(None);
    }
    basic::parse(value.as_bytes()).map(Some).map_err(|_| OAuthError::Client)
}
