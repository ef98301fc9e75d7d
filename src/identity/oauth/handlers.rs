//! The operations on tokens.

use std::net::IpAddr;

use axum::{extract::State, http::StatusCode};
use futures_util::FutureExt as _;

use super::{
    grant::{self, ANONYMOUS, Grant},
    sender::Sender,
    types::{IntrospectionRequest, IntrospectionResponse, RevocationRequest, TokenFacts, TokenRequest, TokenResponse},
};
use crate::{
    audit::{self, record::Actor},
    authn::{self, API_KEY_USER, Principal, bearer, caller::Caller, method::SignInMethod, tried::Tried},
    authz::{action::Action, policy::Domain},
    error::{Error, OAuthError, Result},
    http::{Json, form::Form},
    identity::{
        roles,
        saml::sign_in,
        sessions::{
            issue::{self, Client, Issued, Life, SignedIn},
            store as sessions,
        },
        users::UserType,
    },
    secret::Secret,
    state::App,
};

/// Exchanges a password, a refresh token or a SAML assertion for tokens
///
/// The access token may do what the password may. A refresh token can be used once, and its answer holds the next one;
/// using it again ends its whole session. An assertion is exchanged for an access token alone.
#[utoipa::path(post, path = "/v2/oauth/token", tag = "User Management",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenResponse), (status = 403), (status = 429)))]
pub async fn get_oauth_token(
    State(app): State<App>,
    sender: Sender,
    Form(request): Form<TokenRequest>,
) -> Result<Json<TokenResponse>, OAuthError> {
    Ok(Json(exchange(&app, sender, request, true).await?.into()))
}

/// Exchanges what the request holds for tokens; for a password with a refresh token only if the session `refreshes`.
///
/// # Errors
/// The refusal of a request that is not whole, of credentials, or of a disabled account.
pub async fn exchange(app: &App, sender: Sender, request: TokenRequest, refreshes: bool) -> Result<Issued, OAuthError> {
    let Sender { basic, user_agent, address, request_id } = sender;
    let client = Client { id: ANONYMOUS.to_owned(), user_agent };
    let settings = &app.config.user_authentication.oauth;
    match grant::read(request, basic?)? {
        Grant::Password { username, password } => {
            let life = Life::of_client(settings, refreshes, None);
            let tried = Tried::new(SignInMethod::Password, Some(&username), address, request_id);
            by_password(app, (&username, password), tried, client, life).await
        }
        Grant::Refresh(token) => {
            let tried = Tried::new(SignInMethod::RefreshToken, None, address, request_id);
            let issued = issue::refresh(app, &token, &tried);
            issued.inspect(|issued| app.metrics.signed_in(Some(SignInMethod::RefreshToken), issued)).await
        }
        Grant::Assertion(assertion) => {
            let issued = by_assertion(app, &assertion, address, client);
            issued.inspect(|issued| app.metrics.signed_in(Some(SignInMethod::Saml), issued)).await
        }
    }
}

async fn by_assertion(
    app: &App,
    assertion: &Secret,
    address: Option<IpAddr>,
    client: Client,
) -> Result<Issued, OAuthError> {
    let done = sign_in::by_assertion(app, assertion).await.map_err(|why| {
        let refusal = OAuthError::grant("an assertion that does not count");
        why.told(app, None, address, refusal)
    })?;
    // Who holds an assertion can get another (RFC 7522, 4.1): nothing refreshes.
    let life = Life::of_client(&app.config.user_authentication.oauth, false, done.session_until);
    issue::begin(app, done.user, client, life).await
}

/// Exchanges a user's password for the tokens of a session that begins.
///
/// # Errors
/// The refusal of the credentials, or of a disabled account.
pub async fn by_password(
    app: &App,
    (username, password): (&str, Secret),
    tried: Tried,
    client: Client,
    life: Life,
) -> Result<Issued, OAuthError> {
    let issued = async {
        if username == API_KEY_USER {
            return Err(OAuthError::grant("an API key cannot be exchanged for tokens"));
        }
        let user = authn::check_password(app, username, password, tried).await.map_err(OAuthError::of_sign_in)?;
        audit::done_by(actor_of(&user), &user.user.username);
        issue::begin(app, SignedIn::from(&user), client, life).await
    };
    issued.inspect(|issued| app.metrics.signed_in(Some(SignInMethod::Password), issued)).await
}

fn actor_of(user: &Principal) -> Actor {
    let (name, account) = (user.user.username.clone(), user.account.name.clone());
    Actor { user: Some(name), account: Some(account), method: Some(SignInMethod::Password), key_hint: None }
}

/// Ends the session of a refresh token, including its access tokens
///
/// Holding the token is the right to end it. An unknown token counts as ended already: 200.
#[utoipa::path(post, path = "/v2/oauth/revoke", tag = "User Management",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200), (status = 401, description = "The `token_type_hint` is not `refresh_token`")))]
pub async fn revoke_oauth_token(
    State(app): State<App>,
    Form(request): Form<RevocationRequest>,
) -> Result<StatusCode, OAuthError> {
    grant::is_refresh_token(request.token_type_hint.as_deref())?;
    let token = request.token.ok_or(OAuthError::Missing("token"))?;
    issue::end(&app, &token).await?;
    Ok(StatusCode::OK)
}

/// Tells whether a token is active, and whose it is (RFC 7662)
///
/// Answered to the token's own user, and to those who hold `introspectToken` in that user's account; for everyone else
/// every token is inactive.
#[utoipa::path(post, path = "/v2/oauth/introspect", tag = "User Management",
    extensions(("x-kedge-addition" = json!(true))),
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = IntrospectionResponse)))]
pub async fn introspect_oauth_token(
    State(app): State<App>,
    caller: Caller,
    Form(request): Form<IntrospectionRequest>,
) -> Result<Json<IntrospectionResponse>, OAuthError> {
    let Some(facts) = facts(&app, &request.token).await? else { return Ok(Json(IntrospectionResponse::default())) };
    let domain = Domain::Account(&facts.account_name);
    let told = facts.sub == caller.user.id || roles::permit(&caller, Action::IntrospectToken, domain).is_ok();
    Ok(Json(IntrospectionResponse { active: told, told: told.then_some(facts) }))
}

/// What an active token says of itself and its user; `None` for any other text.
#[expect(clippy::disallowed_methods, reason = "the token is looked at")]
async fn facts(app: &App, token: &Secret) -> Result<Option<TokenFacts>, OAuthError> {
    match bearer::find(app, token.reveal()).await {
        Ok((claims, found)) if found.account.is_enabled() => {
            return Ok(Some(TokenFacts::of_access_token(claims, found.user.username, found.account.name)));
        }
        Ok(_) => return Ok(None),
        Err(Error::Unauthenticated(_)) => {}
        Err(other) => return Err(other.into()),
    }
    let hash = issue::hash(token);
    let found = sessions::find_live_token(&mut *app.db.connection().await?, &hash, app.clock.now())
        .await
        .map_err(Error::from)?;
    // What the token endpoint refuses is not active.
    let settings = &app.config.user_authentication;
    let found = found.filter(|found| found.kind != UserType::Native || settings.lets_native(&found.username));
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
