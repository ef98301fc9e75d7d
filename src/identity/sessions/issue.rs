//! Begins a session and goes on with it. All is decided with the user's row locked: a password that changes meanwhile
//! leaves no token behind, and of several uses of one refresh token exactly one wins.

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Session, store};
use crate::{
    audit,
    authn::{Principal, jwt::Claims, signing_keys::SigningKey},
    authz::policy::Denial,
    clock::Random,
    config::{OAuth, UserAuthentication},
    db::WriteError,
    error::{Error, OAuthError, Result},
    identity::{accounts::AccountState, users::UserType},
    secret::Secret,
    state::App,
    system::configurations::in_force,
    transaction,
};

/// What every refresh token begins with, so that a scanner can tell one.
const PREFIX: &str = "kedge_rt_";
/// How many characters of base62 follow: 256 bits.
const LENGTH: usize = 43;

/// Tokens, on their way to the client.
#[derive(Debug)]
pub struct Issued {
    pub access_token: Secret,
    /// In seconds.
    pub expires_in: u64,
    pub refresh_token: Option<Secret>,
}

/// Who signs in from where.
#[derive(Debug)]
pub struct Client {
    pub id: String,
    pub user_agent: Option<String>,
}

/// A user whose credentials were checked.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn {
    pub user_id: Uuid,
    /// The user's, when they were.
    pub auth_epoch: i64,
}

impl From<&Principal> for SignedIn {
    fn from(principal: &Principal) -> Self {
        Self { user_id: principal.user.id, auth_epoch: principal.auth_epoch }
    }
}

/// How a session that begins goes on.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Whether it has a refresh token.
    pub refreshes: bool,
    /// When it ends whatever happens.
    pub until: Option<OffsetDateTime>,
}

/// A refresh token that is being made.
struct NewToken {
    value: Secret,
    hash: [u8; 32],
}

impl NewToken {
    fn generate(random: &Random) -> Self {
        let value = Secret::new(PREFIX.to_owned() + &random.alphanumeric(LENGTH));
        Self { hash: hash(&value), value }
    }
}

/// What a refresh token is found by.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the token is hashed")]
pub fn hash(token: &Secret) -> [u8; 32] {
    Sha256::digest(token.reveal().as_bytes()).into()
}

/// Begins a session of a user whose credentials were right at the epoch that comes with it. Where there are too many, the
/// oldest ends.
///
/// # Errors
/// The refusal of a user who is gone, disabled, or whose password changed meanwhile.
pub async fn begin(app: &App, user: SignedIn, client: Client, life: Life) -> Result<Issued, OAuthError> {
    let settings = &app.config.user_authentication.oauth;
    let key = app.signing_keys.signing(&app.db, &app.clock).await?;
    let now = app.clock.now();
    let token = life.refreshes.then(|| NewToken::generate(&app.random));
    let bound = |end: OffsetDateTime| life.until.map_or(end, |until| end.min(until));
    let session = Session {
        id: app.random.uuid(),
        user_id: user.user_id,
        auth_epoch: user.auth_epoch,
        client_id: client.id,
        user_agent: client.user_agent,
        created_at: now,
        last_used_at: now,
        expires_at: bound(end(settings, now, life.refreshes)),
        access_expires_at: bound(now + settings.token_lifetime),
        ends_at: life.until,
    };
    let begun: Result<Result<(), OAuthError>> = transaction!(app.db, |db| {
        let users = in_force(db, &app.config).await?;
        if let Err(refusal) = still_signs_in(db, &users, session.user_id, session.auth_epoch).await? {
            audit::nothing_happened();
            return Ok(Err(refusal));
        }
        store::delete_oldest_sessions(db, session.user_id, i64::from(users.oauth.max_sessions_per_user) - 1).await?;
        store::insert_session(db, &session).await?;
        if let Some(token) = &token {
            store::insert_token(db, session.id, &token.hash, session.expires_at).await?;
        }
        Ok(Ok(()))
    });
    begun??;
    issued(app, &key, &session, token)
}

/// What came of the use of a refresh token.
enum Use {
    GoesOn(Session),
    /// The token was used before: its session is no more.
    Reused(Session),
    Refused(OAuthError),
}

/// Goes on with the session of a refresh token: ends the token and answers another. One that was used before ends the
/// session.
///
/// # Errors
/// The refusal of a token that does not count, or of a user as in [`begin`].
pub async fn refresh(app: &App, presented: &Secret) -> Result<Issued, OAuthError> {
    let settings = &app.config.user_authentication;
    // Before the token is used up: without a key to sign with, there would be nothing to answer for it.
    let key = app.signing_keys.signing(&app.db, &app.clock).await?;
    let now = app.clock.now();
    let (hash, token) = (hash(presented), NewToken::generate(&app.random));
    let used = transaction!(app.db, |db| { use_token(db, settings, &hash, &token.hash, now).await })?;
    match used {
        Use::GoesOn(session) => issued(app, &key, &session, Some(token)),
        Use::Reused(session) => {
            tracing::warn!(user = %session.user_id, session = %session.id, "a refresh token was used twice: its session was ended");
            Err(OAuthError::Grant("refresh token that was used before"))
        }
        Use::Refused(refusal) => Err(refusal),
    }
}

async fn use_token(
    db: &mut PgConnection,
    settings: &UserAuthentication,
    hash: &[u8; 32],
    successor: &[u8; 32],
    now: OffsetDateTime,
) -> Result<Use, WriteError> {
    const UNKNOWN: Use = Use::Refused(OAuthError::Grant("unknown refresh token"));
    let Some(session) = store::find_by_token(db, hash).await? else { return Ok(UNKNOWN) };
    if let Err(refusal) = still_signs_in(db, settings, session.user_id, session.auth_epoch).await? {
        return Ok(Use::Refused(refusal));
    }
    // Looked at only now: until the lock was had, another use of the same token may have gone first.
    let Some(token) = store::lock_token(db, hash).await? else { return Ok(UNKNOWN) };
    if token.expires_at <= now {
        return Ok(Use::Refused(OAuthError::Grant("refresh token that has run out")));
    }
    if let Some(used_at) = token.used_at {
        let grace = settings.oauth.refresh_token_reuse_grace;
        if grace.is_zero() || now > used_at + grace || !token.has_unused_successor {
            store::delete_session(db, session.user_id, session.id).await?;
            return Ok(Use::Reused(session));
        }
        // The successor may never have arrived; another takes its place.
        store::delete_token(db, token.successor.as_deref().unwrap_or_default()).await?;
    }
    let bound = |end: OffsetDateTime| session.ends_at.map_or(end, |until| end.min(until));
    let refreshes_until = bound(now + settings.oauth.refresh_token_lifetime);
    let session = Session {
        last_used_at: now,
        expires_at: bound(end(&settings.oauth, now, true)),
        access_expires_at: bound(now + settings.oauth.token_lifetime),
        ..session
    };
    store::insert_token(db, session.id, successor, refreshes_until).await?;
    store::update_token(db, hash, successor, now).await?;
    store::update_session(db, &session).await?;
    Ok(Use::GoesOn(session))
}

/// When the last token that is answered now runs out.
fn end(settings: &OAuth, now: OffsetDateTime, refreshes: bool) -> OffsetDateTime {
    let refresh = if refreshes { settings.refresh_token_lifetime } else { settings.token_lifetime };
    now + refresh.max(settings.token_lifetime)
}

/// Locks the user and looks whether it is still the one whose credentials were checked.
async fn still_signs_in(
    db: &mut PgConnection,
    settings: &UserAuthentication,
    id: Uuid,
    auth_epoch: i64,
) -> sqlx::Result<Result<(), OAuthError>> {
    let user = store::lock_user(db, id).await?;
    let Some(user) = user.filter(|user| user.account_state != AccountState::Deleting) else {
        return Ok(Err(OAuthError::Grant("user or account that was deleted meanwhile")));
    };
    if user.auth_epoch != auth_epoch {
        return Ok(Err(OAuthError::Grant("user whose password changed meanwhile")));
    }
    if user.kind == UserType::Native && !settings.lets_native(&user.username) {
        return Ok(Err(OAuthError::Grant("native user, who is not allowed")));
    }
    if user.account_state == AccountState::Disabled {
        return Ok(Err(Denial::AccountNotEnabled { account: user.account_name }.into()));
    }
    Ok(Ok(()))
}

/// Signs the access token of a session.
fn issued(app: &App, key: &SigningKey, session: &Session, refresh: Option<NewToken>) -> Result<Issued, OAuthError> {
    let issuer = app.config.server.external_url();
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: session.user_id,
        client_id: session.client_id.clone(),
        sid: session.id,
        auth_epoch: session.auth_epoch,
        iat: session.last_used_at.unix_timestamp(),
        exp: session.access_expires_at.unix_timestamp(),
        nbf: None,
        jti: app.random.uuid(),
    };
    Ok(Issued {
        access_token: key.sign(&claims).map_err(Error::internal)?,
        expires_in: u64::try_from(claims.exp - claims.iat).unwrap_or_default(),
        refresh_token: refresh.map(|token| token.value),
    })
}
