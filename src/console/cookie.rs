//! The cookie of the console's session: a refresh token that scripts cannot read and other sites cannot send.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    error::{Error, Result},
    secret::Secret,
    state::App,
};

/// Its name and whether it is `Secure`. Under TLS no other host, and nothing unencrypted, can set one of this name
/// (RFC 6265bis, 4.1.3.2); without TLS a browser would not take it.
fn name(app: &App) -> (&'static str, &'static str) {
    if app.config.server.external_url().starts_with("https://") {
        ("__Host-kedge-session", "; Secure")
    } else {
        ("kedge-session", "")
    }
}

/// The header that begins the session in a browser.
///
/// # Errors
/// A token that no header can hold, of which there are none.
#[expect(clippy::disallowed_methods, reason = "the session's cookie")]
pub fn begun(app: &App, token: &Secret) -> Result<HeaderValue> {
    // The session itself knows when it ends; the cookie must only not be gone before.
    let lifetime = app.config.console.session_limit.as_secs();
    set(app, token.reveal(), lifetime)
}

/// The header that takes it away.
///
/// # Errors
/// None in fact.
pub fn ended(app: &App) -> Result<HeaderValue> {
    set(app, "", 0)
}

fn set(app: &App, value: &str, lifetime: u64) -> Result<HeaderValue> {
    let (name, secure) = name(app);
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lifetime}{secure}");
    let mut cookie = HeaderValue::from_str(&cookie).map_err(Error::internal)?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// The token that the browser brings.
#[must_use]
pub fn token(app: &App, headers: &HeaderMap) -> Option<Secret> {
    find(headers, name(app).0).filter(|value| !value.is_empty()).map(Secret::new)
}

/// The value of a cookie.
#[must_use]
pub fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}
