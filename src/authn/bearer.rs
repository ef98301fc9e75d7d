//! The Bearer scheme (RFC 6750): an access token of ours, whose user and session still are.

use std::ops::Range;

use crate::{
    authn::{
        Facts, bars,
        cache::Entry,
        caller::Credential,
        entry,
        jwt::Claims,
        method::SignInMethod,
        signing_keys::Verified,
        store::{self, Principal},
        stranger,
        tried::Tried,
    },
    error::{Error, Result},
    state::App,
};

/// The longest token that is looked at; ours have some 600 bytes.
const LONGEST: usize = 8 * 1024;

/// The token of an `Authorization` header of this scheme; `None` where it is of another. Older clients say `jwt`.
#[must_use]
pub fn token(header: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(header).ok()?.trim().split_once(' ')?;
    let ours = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("jwt");
    ours.then(|| token.trim())
}

/// The user whose token it is.
///
/// # Errors
/// [`Error::Unauthenticated`], or what keeps the database from being asked.
pub async fn verify(app: &App, token: &str, tried: &Tried) -> Result<Entry> {
    let moment = app.changes.freshness().moment();
    let Verified { claims, kid, until } = match read(app, token).await {
        Ok(verified) => verified,
        Err(Error::Unauthenticated(reason)) => return Err(stranger(app, tried, reason.text).await),
        Err(other) => return Err(other),
    };
    let principal = live(app, &claims).await?;
    let Range { start, end } = claims.counts();
    let counts = start..until.map_or(end, |until| until.min(end));
    let facts = Facts { principal, credential: Credential::Token { session: claims.sid }, kid: Some(&kid) };
    Ok(entry(app, moment, facts, counts))
}

/// What the token says, and whose it is.
///
/// # Errors
/// As of [`verify`].
pub async fn find(app: &App, token: &str) -> Result<(Claims, Principal)> {
    let claims = read(app, token).await?.claims;
    let principal = live(app, &claims).await?;
    Ok((claims, principal))
}

/// What a token of ours says, whether it still counts or not.
async fn read(app: &App, token: &str) -> Result<Verified> {
    if token.len() > LONGEST {
        return Err(Error::unauthenticated("access token of impossible length"));
    }
    app.signing_keys.verify(&app.db, &app.clock, token).await
}

/// Whose token it is, if it still counts.
async fn live(app: &App, claims: &Claims) -> Result<Principal> {
    let audience = app.config.server.external_url();
    claims.admit(audience, app.clock.now().unix_timestamp()).map_err(Error::unauthenticated)?;
    let found = store::find_by_session(app, claims.sid).await?;
    let is_same = |found: &Principal| found.user.id == claims.sub && found.auth_epoch == claims.auth_epoch;
    let found = found.filter(is_same).ok_or(Error::unauthenticated("access token of a sign-in that was ended"))?;
    match bars(app, &found.user, SignInMethod::Token) {
        Some(why) => Err(Error::unauthenticated(why)),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn scheme_is_case_insensitive_and_has_a_synonym() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", "jwt a.b.c", "JWT a.b.c"] {
            assert_eq!(token(header.as_bytes()), Some("a.b.c"), "{header}");
        }
        for header in ["", "Bearer", "Bearera.b.c", "Basic a.b.c", "a.b.c", "Token a.b.c"] {
            assert_eq!(token(header.as_bytes()), None, "{header}");
        }
    }
}
