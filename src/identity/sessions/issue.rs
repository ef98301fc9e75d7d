//! Begins a session and goes on with it. All is decided with the user's row locked: a password that changes meanwhile
//! leaves no token behind, and of several uses of one refresh token exactly one wins.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Session,
    store::{self, LockedUser},
};
use crate::{
    audit::{
        self,
        record::{Actor, Record, SecurityEvent},
        recording,
    },
    authn::{Principal, jwt::Claims, method::SignInMethod, signing_keys::SigningKey, stranger, tried::Tried},
    authz::policy::Denial,
    clock::Random,
    config::{Console, OAuth, UserAuthentication},
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
    /// How long an access token is good.
    access: Duration,
    /// How long a refresh token is; without it, there is none.
    refresh: Option<Duration>,
    /// When it ends whatever happens.
    until: Option<OffsetDateTime>,
}

/// How long an access token of the console is good: a page asks for the next one by itself.
const ACCESS_OF_CONSOLE: Duration = Duration::from_mins(5);

impl Life {
    /// That of a client, which keeps its tokens itself.
    #[must_use]
    pub fn of_client(settings: &OAuth, refreshes: bool, until: Option<OffsetDateTime>) -> Self {
        let refresh = refreshes.then_some(settings.refresh_token_lifetime);
        Self { access: settings.token_lifetime, refresh, until }
    }

    /// That of the console, which a browser keeps in a cookie: it ends by lying idle, and after the console's limit.
    #[must_use]
    pub fn of_console(app: &App, begun: OffsetDateTime, until: Option<OffsetDateTime>) -> Self {
        let Console { idle_timeout, session_limit } = app.config.console;
        let limit = begun + session_limit;
        Self {
            access: ACCESS_OF_CONSOLE.min(app.config.user_authentication.oauth.token_lifetime),
            refresh: Some(idle_timeout),
            until: Some(until.map_or(limit, |until| limit.min(until))),
        }
    }

    fn bound(&self, end: OffsetDateTime) -> OffsetDateTime {
        self.until.map_or(end, |until| end.min(until))
    }

    /// When a refresh token that is answered now runs out.
    fn refreshes_until(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.bound(now + self.refresh.unwrap_or_default())
    }

    fn access_until(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.bound(now + self.access)
    }

    /// When the last token that is answered now runs out.
    fn end(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.refreshes_until(now).max(self.access_until(now))
    }
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

/// Begins a session of a user whose credentials were right at the epoch that comes with it. Where there are too many,
/// the oldest ends.
///
/// # Errors
/// The refusal of a user who is gone, disabled, or whose password changed meanwhile.
pub async fn begin(app: &App, user: SignedIn, client: Client, life: Life) -> Result<Issued, OAuthError> {
    let key = app.signing_keys.signing(&app.db, &app.clock).await?;
    let now = app.clock.now();
    let token = life.refresh.map(|_| NewToken::generate(&app.random));
    let session = Session {
        id: app.random.uuid(),
        user_id: user.user_id,
        auth_epoch: user.auth_epoch,
        client_id: client.id,
        user_agent: client.user_agent,
        created_at: now,
        last_used_at: now,
        expires_at: life.end(now),
        access_expires_at: life.access_until(now),
        ends_at: life.until,
    };
    let begun: Result<Result<(), OAuthError>> = transaction!(app.db, |db| {
        let most = in_force(db, &app.config).await?.max_sessions_per_user;
        if let Err(refusal) =
            still_signs_in(db, &app.config.user_authentication, session.user_id, session.auth_epoch).await?
        {
            audit::nothing_happened();
            return Ok(Err(refusal));
        }
        store::delete_oldest_sessions(db, session.user_id, i64::from(most) - 1).await?;
        store::insert_session(db, &session).await?;
        if let Some(token) = &token {
            store::insert_token(db, session.id, &token.hash, life.refreshes_until(now)).await?;
        }
        Ok(Ok(()))
    });
    begun??;
    issued(app, &key, &session, token)
}

/// Ends the session of a refresh token, its access tokens with it. Whoever makes up tokens ends nothing, and has no
/// record.
///
/// # Errors
/// What the database says.
pub async fn end(app: &App, presented: &Secret) -> Result<()> {
    let hash = hash(presented);
    transaction!(app.db, |db| {
        if let Some(ended) = store::delete_session_of_token(db, &hash).await? {
            let (user, account) = (Some(ended.username), Some(ended.account_name));
            let actor = Actor { user, account, method: Some(SignInMethod::RefreshToken), key_hint: None };
            audit::done_by(actor, &ended.id.to_string());
        }
        Ok(())
    })
}

/// What came of the use of a refresh token.
enum Use {
    GoesOn(Session),
    /// No token is that: it was made up, or its session is no more.
    Unknown,
    /// The token was used before: its session is no more.
    Reused(Box<Reused>),
    Refused(OAuthError),
}

/// A session that ended since its token was used twice.
struct Reused {
    session: Session,
    /// `None` where no trail is kept.
    record: Option<Record>,
}

/// Goes on with the session of a refresh token: ends the token and answers another. One that was used before ends the
/// session.
///
/// # Errors
/// The refusal of a token that does not count, or of a user as in [`begin`].
pub async fn refresh(app: &App, presented: &Secret, tried: &Tried) -> Result<Issued, OAuthError> {
    // Before the token is used up: without a key to sign with, there would be nothing to answer for it.
    let key = app.signing_keys.signing(&app.db, &app.clock).await?;
    let now = app.clock.now();
    let (hash, token) = (hash(presented), NewToken::generate(&app.random));
    let used = transaction!(app.db, |db| { use_token(app, db, &hash, &token.hash, now).await })?;
    match used {
        Use::GoesOn(session) => issued(app, &key, &session, Some(token)),
        Use::Unknown => Err(OAuthError::of_sign_in(stranger(app, tried, "unknown refresh token").await)),
        Use::Reused(reused) => Err(told_reused(&reused)),
        Use::Refused(refusal) => Err(told(app, tried, refusal)),
    }
}

async fn use_token(
    app: &App,
    db: &mut PgConnection,
    hash: &[u8; 32],
    successor: &[u8; 32],
    now: OffsetDateTime,
) -> Result<Use, WriteError> {
    let settings = &app.config.user_authentication;
    let Some(session) = store::find_by_token(db, hash).await? else { return Ok(Use::Unknown) };
    let user = match still_signs_in(db, settings, session.user_id, session.auth_epoch).await? {
        Ok(user) => user,
        Err(refusal) => return Ok(Use::Refused(refusal)),
    };
    // Looked at only now: until the lock was had, another use of the same token may have gone first.
    let Some(token) = store::lock_token(db, hash).await? else {
        return Ok(Use::Refused(OAuthError::grant("refresh token of a session that ended meanwhile")));
    };
    if token.expires_at <= now {
        return Ok(Use::Refused(OAuthError::grant("refresh token that has run out")));
    }
    if let Some(used_at) = token.used_at {
        let grace = settings.oauth.refresh_token_reuse_grace;
        if grace.is_zero() || now > used_at + grace || !token.has_unused_successor {
            return Ok(end_reused(app, db, user, session).await?);
        }
        // The successor may never have arrived; another takes its place.
        store::delete_token(db, token.successor.as_deref().unwrap_or_default()).await?;
    }
    let life = Life::of_client(&settings.oauth, true, session.ends_at);
    let session = continued(session, &life, now);
    store::insert_token(db, session.id, successor, life.refreshes_until(now)).await?;
    store::update_token(db, hash, successor, now).await?;
    store::update_session(db, &session).await?;
    Ok(Use::GoesOn(session))
}

/// Ends a session whose token was used twice, with its record.
async fn end_reused(app: &App, db: &mut PgConnection, user: LockedUser, session: Session) -> sqlx::Result<Use> {
    store::delete_session(db, session.user_id, session.id).await?;
    let mut record = None;
    if app.config.audit.enabled {
        let mut reused = SecurityEvent::TokenReused.record(&app.clock, &app.random, &session.id.to_string());
        reused.account = Some(user.account_name.clone());
        let (username, account) = (Some(user.username), Some(user.account_name));
        Actor { user: username, account, method: Some(SignInMethod::RefreshToken), key_hint: None }.tell(&mut reused);
        reused.detail("outcome", Some("refused"));
        recording::tell_origin(&mut reused);
        audit::store::insert(db, &reused).await?;
        record = Some(reused);
    }
    Ok(Use::Reused(Box::new(Reused { session, record })))
}

/// The session with tokens answered now.
fn continued(session: Session, life: &Life, now: OffsetDateTime) -> Session {
    Session { last_used_at: now, expires_at: life.end(now), access_expires_at: life.access_until(now), ..session }
}

/// Goes on with the session of the console: answers an access token, and the refresh token in the cookie stays, good
/// for as long again as the session may lie idle. It is not exchanged for another: pages that are loaded at once, or
/// left before the answer came, would show it twice.
///
/// # Errors
/// As [`refresh`].
pub async fn renew(app: &App, presented: &Secret, tried: &Tried) -> Result<Issued, OAuthError> {
    let key = app.signing_keys.signing(&app.db, &app.clock).await?;
    let now = app.clock.now();
    let hash = hash(presented);
    let used = transaction!(app.db, |db| { use_cookie(app, db, &hash, now).await })?;
    match used {
        Use::GoesOn(session) => issued(app, &key, &session, None),
        // It does not count for its address: a browser shows the cookie of an ended session by itself.
        Use::Unknown => Err(OAuthError::Grant(tried.refused(app, "unknown session of the console"))),
        Use::Reused(reused) => Err(told_reused(&reused)),
        Use::Refused(refusal) => Err(told(app, tried, refusal)),
    }
}

async fn use_cookie(app: &App, db: &mut PgConnection, hash: &[u8; 32], now: OffsetDateTime) -> Result<Use, WriteError> {
    let Some(session) = store::find_by_token(db, hash).await? else { return Ok(Use::Unknown) };
    // The console's alone has an end: another's token would be used here without being used up.
    if session.ends_at.is_none() {
        return Ok(Use::Unknown);
    }
    let users = &app.config.user_authentication;
    let user = match still_signs_in(db, users, session.user_id, session.auth_epoch).await? {
        Ok(user) => user,
        Err(refusal) => return Ok(Use::Refused(refusal)),
    };
    let Some(token) = store::lock_token(db, hash).await? else { return Ok(Use::Unknown) };
    let life = Life::of_console(app, session.created_at, session.ends_at);
    if token.expires_at <= now || life.until.is_some_and(|until| until <= now) {
        return Ok(Use::Refused(OAuthError::grant("session of the console that has run out")));
    }
    // Somebody took it to the token endpoint: no page does.
    if token.used_at.is_some() {
        return Ok(end_reused(app, db, user, session).await?);
    }
    let session = continued(session, &life, now);
    store::extend_token(db, hash, life.refreshes_until(now)).await?;
    store::update_session(db, &session).await?;
    Ok(Use::GoesOn(session))
}

/// A refusal that log, metrics and audit trail know of.
fn told(app: &App, tried: &Tried, refusal: OAuthError) -> OAuthError {
    match refusal {
        OAuthError::Grant(reason) => OAuthError::Grant(tried.refused(app, reason.text)),
        other => other,
    }
}

fn told_reused(Reused { session, record }: &Reused) -> OAuthError {
    if let Some(record) = record {
        tracing::info!(target: "kedge::audit", "{}", record.line());
    }
    tracing::warn!(user = %session.user_id, session = %session.id, "a refresh token was used twice: its session was ended");
    OAuthError::grant("refresh token that was used before")
}

/// Locks the user and looks whether it is still the one whose credentials were checked.
async fn still_signs_in(
    db: &mut PgConnection,
    settings: &UserAuthentication,
    id: Uuid,
    auth_epoch: i64,
) -> sqlx::Result<Result<LockedUser, OAuthError>> {
    let user = store::lock_user(db, id).await?;
    let Some(user) = user.filter(|user| user.account_state != AccountState::Deleting) else {
        return Ok(Err(OAuthError::grant("user or account that was deleted meanwhile")));
    };
    if user.auth_epoch != auth_epoch {
        return Ok(Err(OAuthError::grant("user whose password changed meanwhile")));
    }
    if user.kind == UserType::Native && !settings.lets_native(&user.username) {
        return Ok(Err(OAuthError::grant("native user, who is not allowed")));
    }
    if user.account_state == AccountState::Disabled {
        return Ok(Err(Denial::AccountNotEnabled { account: user.account_name }.into()));
    }
    Ok(Ok(user))
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
