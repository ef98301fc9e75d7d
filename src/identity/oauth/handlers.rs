//! The operations on tokens.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
};

use super::{
    FORM_LIMIT,
    grant::{self, ANONYMOUS, Grant},
    types::{IntrospectionRequest, IntrospectionResponse, RevocationRequest, TokenFacts, TokenRequest, TokenResponse},
};
use crate::{
    authn::{
        self, API_KEY_USER,
        basic::{self, Login},
        bearer,
        caller::Caller,
    },
    authz::{action::Action, policy::Where},
    error::{Error, OAuthError, Result},
    http::{Json, extract::Form},
    identity::{
        roles,
        sessions::{
            issue::{self, Client, Issued},
            store as sessions,
        },
    },
    secret::Secret,
    state::App,
    transaction,
};

/// How much of a `User-Agent` is kept, in characters.
const USER_AGENT_LENGTH: usize = 256;

/// Exchanges a user's password, or a refresh token, for tokens
///
/// The access token may do what the password may. A refresh token is used once and answers the next; one that is shown
/// again ends its whole session.
#[utoipa::path(post, path = "/v2/oauth/token", tag = "User Management",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenResponse), (status = 403)))]
pub async fn get_oauth_token(
    State(app): State<App>,
    headers: HeaderMap,
    Form(request): Form<TokenRequest, FORM_LIMIT>,
) -> Result<Json<TokenResponse>, OAuthError> {
    let issued = match grant::read(request, basic_login(&headers)?)? {
        Grant::Password { username, password } => sign_in(&app, &headers, &username, password, true).await?,
        Grant::Refresh(token) => issue::refresh(&app, &token).await?,
    };
    Ok(Json(issued.into()))
}

/// The Basic header, if there is one; a Bearer header is nothing to this operation.
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

/// Begins a session for whom the password is right; `refreshes` with a refresh token.
///
/// # Errors
/// The one refusal, or that of a disabled account.
pub async fn sign_in(
    app: &App,
    headers: &HeaderMap,
    username: &str,
    password: Secret,
    refreshes: bool,
) -> Result<Issued, OAuthError> {
    if username == API_KEY_USER {
        return Err(OAuthError::Grant("an API key cannot be exchanged for tokens"));
    }
    let user = authn::check_password(app, username, password).await?;
    let user = user.ok_or(OAuthError::Grant("unknown user, no password, or a wrong one"))?;
    let user_agent = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let user_agent = user_agent.map(|text| text.chars().filter(|c| !c.is_control()).take(USER_AGENT_LENGTH).collect());
    issue::begin(app, &user, Client { id: ANONYMOUS.to_owned(), user_agent }, refreshes).await
}

/// Ends the session of a refresh token, its access tokens with it
///
/// Holding the token is the right to end it. A token that nobody knows is as good as ended.
#[utoipa::path(post, path = "/v2/oauth/revoke", tag = "User Management",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200), (status = 401, description = "Another `token_type_hint` than `refresh_token`")))]
pub async fn revoke_oauth_token(
    State(app): State<App>,
    Form(request): Form<RevocationRequest, FORM_LIMIT>,
) -> Result<StatusCode, OAuthError> {
    grant::is_refresh_token(request.token_type_hint.as_deref())?;
    let token = request.token.ok_or(OAuthError::Missing("token"))?;
    let hash = issue::hash(&token);
    let ended: Result<()> = transaction!(app.db, |db| { Ok(sessions::delete_session_of_token(db, &hash).await?) });
    ended?;
    Ok(StatusCode::OK)
}

/// Tells what a token is worth (RFC 7662)
///
/// To its own user, and to who holds `introspectToken` in the account that its user lives in; to everyone else any
/// token is inactive.
#[utoipa::path(post, path = "/v2/oauth/introspect", tag = "User Management",
    extensions(("x-kedge-addition" = json!(true))),
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = IntrospectionResponse)))]
pub async fn introspect_oauth_token(
    State(app): State<App>,
    caller: Caller,
    Form(request): Form<IntrospectionRequest, FORM_LIMIT>,
) -> Result<Json<IntrospectionResponse>, OAuthError> {
    let Some(facts) = facts(&app, &request.token).await? else { return Ok(Json(IntrospectionResponse::default())) };
    let domain = Where::Account(&facts.account_name);
    let told = facts.sub == caller.id
        || match roles::permit(&app, &caller, Action::IntrospectToken, domain).await {
            Ok(()) => true,
            Err(Error::Forbidden(_)) => false,
            Err(other) => return Err(other.into()),
        };
    Ok(Json(IntrospectionResponse { active: told, told: told.then_some(facts) }))
}

/// What an active token says of itself and its user; `None` for any other text.
#[expect(clippy::disallowed_methods, reason = "the token is looked at")]
async fn facts(app: &App, token: &Secret) -> Result<Option<TokenFacts>, OAuthError> {
    match bearer::find(app, token.reveal()).await {
        Ok((claims, found)) if found.account.is_enabled() => {
            return Ok(Some(TokenFacts::of_access_token(claims, found.username, found.account.name)));
        }
        Ok(_) => return Ok(None),
        Err(Error::Unauthenticated(_)) => {}
        Err(other) => return Err(other.into()),
    }
    let hash = issue::hash(token);
    let found =
        sessions::find_live_token(&mut *app.db.read().await?, &hash, app.clock.now()).await.map_err(Error::from)?;
    let issuer = app.config.server.external_url();
    Ok(found.map(|found| TokenFacts {
        client_id: found.client_id,
        username: found.username,
        account_name: found.account_name,
        token_type: "refresh_token",
        exp: found.expires_at.unix_timestamp(),
        iat: found.last_used_at.unix_timestamp(),
        sub: found.user_id,
        sid: found.session_id,
        aud: issuer.to_owned(),
        iss: issuer.to_owned(),
        jti: None,
    }))
}
