//! Who is calling: the `Authorization` header, checked.
//!
//! [`basic`] reads the header, [`password`] hashes and compares, [`api_key`] knows the shape of a key's value,
//! [`bearer`] takes access tokens, whose claims are [`jwt`] and whose keys [`signing_keys`]. [`caller`] is the answer,
//! [`store`] its one query, [`last_used`] remembers when a key was used. [`attempts`] bounds guessing.

pub mod api_key;
pub mod attempts;
pub mod basic;
pub mod bearer;
pub mod caller;
pub mod jwt;
pub mod last_used;
pub mod password;
pub mod signing_keys;
mod store;

pub use store::FoundUser;

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use crate::{
    error::{Error, Result},
    secret::Secret,
    state::App,
};
use attempts::Attempts;
use caller::{Caller, Credential};

/// The user name that says: the password is the value of an API key.
pub const API_KEY_USER: &str = "_api_key";

/// Finds out who is calling, from `address`. Every refusal is the same answer; its reason goes to the log.
///
/// # Errors
/// [`Error::Unauthenticated`], or what keeps the database from being asked.
pub async fn authenticate(app: &App, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Caller> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next().ok_or(Error::Unauthenticated("no Authorization header"))?;
    if given.next().is_some() {
        return Err(Error::Unauthenticated("more than one Authorization header"));
    }
    if let Some(token) = bearer::token(value.as_bytes()) {
        return bearer::authenticate(app, token, address).await;
    }
    let login = basic::parse(value.as_bytes()).map_err(Error::Unauthenticated)?;
    if login.username == API_KEY_USER {
        by_api_key(app, &login.password, address).await
    } else {
        by_password(app, &login.username, login.password, address).await
    }
}

/// The refusal of a key or token that nobody was ever given: it counts for its address. One that was and has ended does
/// not: a forgotten job that still uses it must not lock its neighbours out.
async fn stranger(app: &App, address: Option<IpAddr>, reason: &'static str) -> Error {
    match Attempts::note_stranger(app, address).await {
        Ok(()) => Error::Unauthenticated(reason),
        Err(other) => other,
    }
}

async fn by_password(app: &App, username: &str, password: Secret, address: Option<IpAddr>) -> Result<Caller> {
    let user = check_password(app, username, password, address).await?;
    let user = user.ok_or(Error::Unauthenticated("unknown user, no password, or a wrong one"))?;
    Ok(Caller { id: user.id, username: user.username, account: user.account, credential: Credential::Password })
}

/// The user whose name and password these are. Costs one hash, whether the user exists, has a password, or gave the
/// right one.
///
/// # Errors
/// That too many failed before, or what keeps the database from being asked.
pub async fn check_password(
    app: &App,
    username: &str,
    password: Secret,
    address: Option<IpAddr>,
) -> Result<Option<FoundUser>> {
    let attempt = Attempts::begin(app, username, address).await?;
    let found = store::find_by_username(app, username).await?;
    let phc = found.as_ref().and_then(|user| user.phc.clone());
    let known = phc.is_some();
    let verdict = app.hasher.verify(password, phc).await?;
    let Some(user) = found.filter(|_| known && verdict.is_right) else {
        attempt.failed();
        return Ok(None);
    };
    attempt.succeeded();
    if let Some(stronger) = verdict.rehashed {
        store::replace_hash(app, user.id, user.phc.as_deref().unwrap_or_default(), &stronger).await?;
    }
    Ok(Some(user))
}

async fn by_api_key(app: &App, value: &Secret, address: Option<IpAddr>) -> Result<Caller> {
    let Some(presented) = api_key::Presented::parse(value) else {
        return Err(stranger(app, address, "not the value of an API key").await);
    };
    let found = store::find_by_key_id(app, &presented.id).await?;
    let right = presented.has_hash(found.as_ref().map(|key| key.secret_hash.as_slice()));
    let now = app.clock.now();
    let Some(key) = found.filter(|_| right) else {
        return Err(stranger(app, address, "unknown API key").await);
    };
    if key.revoked_at.is_some() {
        return Err(Error::Unauthenticated("revoked API key"));
    }
    if key.expires_at <= now {
        return Err(Error::Unauthenticated("expired API key"));
    }
    if !key.narrowing.admits(address) {
        return Err(Error::Unauthenticated("API key used from an address that it is not for"));
    }
    app.last_used.note(&presented.id, now);
    let credential = Credential::ApiKey { id: presented.id, narrowing: key.narrowing };
    Ok(Caller { id: key.user_id, username: key.username, account: key.account, credential })
}
