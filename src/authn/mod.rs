//! Who is calling: the `Authorization` header, checked.
//!
//! [`basic`] reads the header, [`password`] hashes and compares, [`api_key`] knows the shape of a key's value,
//! [`bearer`] takes access tokens, whose claims are [`jwt`] and whose keys [`signing_keys`]. [`caller`] is the answer,
//! [`store`] its one query, [`cache`] remembers it for a while, [`last_used`] remembers when a key was used.
//! [`attempts`] bounds guessing, and [`tried`] tells of what was refused.

pub mod api_key;
pub mod attempts;
pub mod basic;
pub mod bearer;
pub mod cache;
pub mod caller;
pub mod jwt;
pub mod last_used;
pub mod method;
pub mod password;
pub mod signing_keys;
mod store;
pub mod tried;

pub use store::Principal;

use std::{net::IpAddr, ops::Range, sync::Arc};

use axum::http::{HeaderMap, HeaderValue, header};
use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::{
    audit::record::{Actor, Refusal},
    db::changes::{Subject, freshness::Moment},
    error::{Error, Result},
    identity::users::{User, UserType},
    secret::Secret,
    state::App,
};
use attempts::{Attempt, Attempts, Counts};
use cache::{Digest, Entry, Look, PASSWORD_COUNTS_FOR};
use caller::{Caller, Credential};
use method::SignInMethod;
use tried::Tried;

/// The user name that says: the password is the value of an API key.
pub const API_KEY_USER: &str = "_api_key";

/// Finds out who is calling, from `address`. Every refusal is the same answer; that of a credential is told here.
///
/// # Errors
/// [`Error::Unauthenticated`], or what keeps the database from being asked.
pub async fn authenticate(
    app: &App,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    request_id: Option<&HeaderValue>,
) -> Result<Caller> {
    let value = headers.get(header::AUTHORIZATION).ok_or(Error::unauthenticated("no Authorization header"))?.as_bytes();
    let tried = || Tried::of(headers, address, request_id.cloned());
    if headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        return Err(Error::Unauthenticated(tried().refused(app, "more than one Authorization header")));
    }
    // Before the cache: a blocked guesser must not learn by the time it takes that a password is right.
    app.attempts.refuse_blocked(app, value, address)?;
    let digest = app.cache.digest(value, address);
    let entry = match app.cache.recall(&digest, &app.changes, app.clock.now()) {
        // From elsewhere, a key is looked for as if nobody had it: the time that it takes would tell that it is one.
        Some(entry) if entry.caller.credential.admits(address) => entry,
        // Boxed: the future of a warm request, which is moved about, is not to be as large as that of a cold one.
        _ => Box::pin(learn(app, digest, value, tried())).await?,
    };
    if let Credential::ApiKey { id, .. } = &entry.caller.credential {
        let now = app.clock.now();
        if entry.is_news(now) {
            app.last_used.note(id, now);
        }
    }
    Ok(entry.caller.clone())
}

/// Finds out who a caller is that is not remembered, and remembers it.
async fn learn(app: &App, digest: Digest, value: &[u8], tried: Tried) -> Result<Arc<Entry>> {
    let flight = match app.cache.look(&digest, &app.changes, &app.clock).await? {
        Look::Hit(entry) if entry.caller.credential.admits(tried.address) => return Ok(entry),
        Look::Hit(_) => None,
        Look::Miss(flight) => Some(flight),
    };
    let entry = match verify(app, value, &tried).await {
        Ok(entry) => Arc::new(entry),
        Err(Error::Unauthenticated(reason)) if !reason.is_told => {
            return Err(Error::Unauthenticated(tried.refused(app, reason.text)));
        }
        Err(told) => return Err(told),
    };
    app.cache.insert(digest, Arc::clone(&entry));
    drop(flight);
    Ok(entry)
}

/// Checks a credential that is not remembered.
async fn verify(app: &App, value: &[u8], tried: &Tried) -> Result<Entry> {
    if let Some(token) = bearer::token(value) {
        return bearer::verify(app, token, tried).await;
    }
    let login = basic::parse(value).map_err(Error::unauthenticated)?;
    if login.username == API_KEY_USER {
        by_api_key(app, &login.password, tried).await
    } else {
        by_password(app, &login.username, login.password, tried).await
    }
}

/// What was found out of a caller.
struct Facts<'a> {
    principal: Principal,
    credential: Credential,
    /// The key that signed the token.
    kid: Option<&'a str>,
}

/// What is to be remembered of a caller whose credential was right. The moment is the one before the database was
/// asked.
fn entry(
    app: &App,
    moment: Moment,
    Facts { principal, credential, kid }: Facts<'_>,
    counts: Range<OffsetDateTime>,
) -> Entry {
    let changes = &app.changes;
    let subjects = [Subject::User(principal.user.id), Subject::Account(principal.account.id)].into_iter();
    let subjects = subjects
        .chain(principal.groups.iter().map(|group| Subject::Group(*group)))
        .chain(principal.depends_on.iter().map(|account| Subject::Account(*account)))
        .chain(match &credential {
            Credential::Password => None,
            Credential::Token { session } => Some(Subject::Session(*session)),
            Credential::ApiKey { id, .. } => Some(Subject::ApiKey(id)),
        })
        .chain(kid.map(Subject::SigningKey));
    let mut stripes: Vec<_> = subjects.map(|thing| changes.stripe(thing)).collect();
    stripes.sort_unstable();
    stripes.dedup();
    let caller = Caller::new(&app.roles, principal, credential);
    Entry::new(caller, moment, stripes.into(), counts)
}

/// Why the configuration does not let the user sign in by this, if so. Asked at each sign-in: what it turned off later
/// stops.
#[must_use]
pub fn bars(app: &App, user: &User, method: SignInMethod) -> Option<&'static str> {
    let settings = &app.config.user_authentication;
    match user.kind {
        UserType::Native if !settings.lets_native(&user.username) => Some("native users are not allowed"),
        UserType::Saml if method == SignInMethod::ApiKey && !settings.allow_api_keys_for_saml_users => {
            Some("API keys of saml users are not allowed")
        }
        UserType::Native | UserType::Saml => None,
    }
}

/// The refusal of a key or token that nobody was ever given: it counts for its address.
pub async fn stranger(app: &App, tried: &Tried, reason: &'static str) -> Error {
    refused_key(app, tried, Counts::Yes, reason).await
}

/// The refusal of a key that has ended, or whose user may not sign in by it. It does not count: a forgotten job that
/// still uses it must not lock its neighbours out. All else is as for a stranger's, so that neither the answer nor its
/// time tells that the key once was one.
async fn ended(app: &App, tried: &Tried, reason: &'static str) -> Error {
    refused_key(app, tried, Counts::No, reason).await
}

async fn refused_key(app: &App, tried: &Tried, counts: Counts, reason: &'static str) -> Error {
    Attempts::note_stranger(app, tried, counts, reason).await.map_or_else(|other| other, Error::Unauthenticated)
}

async fn by_password(app: &App, username: &str, password: Secret, tried: &Tried) -> Result<Entry> {
    let moment = app.changes.freshness().moment();
    let principal = check_password(app, username, password, tried.clone()).await?;
    let counts = OffsetDateTime::UNIX_EPOCH..app.clock.now() + PASSWORD_COUNTS_FOR;
    Ok(entry(app, moment, Facts { principal, credential: Credential::Password, kid: None }, counts))
}

/// The user whose name and password these are. Costs one hash, whether the user exists, has a password, or gave the
/// right one.
///
/// # Errors
/// [`Error::Unauthenticated`], told already; that too many failed before, or what keeps the database from being asked.
pub async fn check_password(app: &App, username: &str, password: Secret, tried: Tried) -> Result<Principal> {
    let attempt = Attempts::begin(app, username, tried.address).await?;
    // In a task of its own: whoever hangs up while the password is checked is counted and told of all the same.
    let checked = tokio::spawn(check(App::clone(app), username.to_owned(), password, tried, attempt).in_current_span());
    checked.await.map_err(Error::internal)?
}

async fn check(app: App, username: String, password: Secret, tried: Tried, attempt: Attempt) -> Result<Principal> {
    let (user, phc) = store::find_by_username(&app, &username).await?.unzip();
    let phc = phc.flatten();
    let verdict = app.hasher.verify(password, phc.clone()).await?;
    // After the password: whether there is such a user must not be told by the time it takes.
    let user = user.filter(|user| verdict.is_right && bars(&app, &user.user, SignInMethod::Password).is_none());
    let (Some(user), Some(phc)) = (user, phc) else {
        let reason = tried.refused(&app, "unknown user, no password, or a wrong one");
        attempt.failed();
        return Err(Error::Unauthenticated(reason));
    };
    attempt.succeeded();
    if let Some(stronger) = verdict.rehashed {
        store::replace_hash(&app, user.user.id, &phc, &stronger).await?;
    }
    Ok(user)
}

async fn by_api_key(app: &App, value: &Secret, tried: &Tried) -> Result<Entry> {
    let Some(presented) = api_key::Presented::parse(value) else {
        return Err(stranger(app, tried, "not the value of an API key").await);
    };
    let moment = app.changes.freshness().moment();
    let found = store::find_by_key_id(app, &presented.id).await?;
    let right = presented.has_hash(found.as_ref().map(|key| key.secret_hash.as_slice()));
    let Some(key) = found.filter(|_| right) else {
        return Err(stranger(app, tried, "unknown API key").await);
    };
    if let Some(why) = bars(app, &key.principal.user, SignInMethod::ApiKey) {
        return Err(ended(app, tried, why).await);
    }
    if key.revoked_at.is_some() {
        const REVOKED: &str = "revoked API key";
        let actor = Actor {
            user: Some(key.principal.user.username),
            account: Some(key.principal.account.name),
            method: Some(SignInMethod::ApiKey),
            key_hint: Some(api_key::hint(&presented.id).to_owned()),
        };
        // Whatever it is answered.
        let tried = Tried { actor, is_recorded: true, ..tried.clone() };
        tried.record(app, Refusal::RevokedKey, REVOKED);
        return Err(ended(app, &tried, REVOKED).await);
    }
    if key.expires_at <= app.clock.now() {
        return Err(ended(app, tried, "expired API key").await);
    }
    if !key.narrowing.admits(tried.address) {
        return Err(ended(app, tried, "API key used from an address outside its networks").await);
    }
    let mut principal = key.principal;
    // An account that is made anew under the name of one that the key was narrowed to is not meant.
    principal.depends_on.extend(key.narrowed_to);
    let credential = Credential::ApiKey { id: presented.id, narrowing: key.narrowing };
    let counts = OffsetDateTime::UNIX_EPOCH..key.expires_at;
    Ok(entry(app, moment, Facts { principal, credential, kid: None }, counts))
}
