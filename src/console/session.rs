//! Signing in, going on, signing out. The refresh token never reaches a script: it goes from the answer into the cookie
//! and back.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};

use super::{cookie, same_site::OwnPage};
use crate::{
    authn::{method::SignInMethod, tried::Tried},
    error::{Error, OAuthError, Result},
    http::{Json, NoContent},
    identity::{
        oauth::{grant::ANONYMOUS, handlers::by_password, sender::Sender, types::TokenResponse},
        sessions::issue::{self, Client, Issued, Life},
    },
    names::AnyName,
    secret::Secret,
    state::App,
    system::configurations::in_force,
};

/// What `POST /console/session` takes.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub struct SignIn {
    username: AnyName,
    password: Secret,
}

/// What `POST /console/session/token` takes: an object, whatever is in it.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub struct Nothing {}

/// What a page needs besides the API: a token for it, and what users may have that no operation tells them.
#[derive(Debug, Serialize)]
pub struct Session {
    #[serde(flatten)]
    token: TokenResponse,
    max_api_key_age_days: u32,
    allow_api_keys_for_saml_users: bool,
}

/// Begins a session with a user and password, as the password grant does.
pub async fn begin(
    State(app): State<App>,
    sender: Sender,
    _: OwnPage,
    Json(request): Json<SignIn>,
) -> Result<Response> {
    let client = Client { id: ANONYMOUS.to_owned(), user_agent: sender.user_agent };
    let life = Life::of_console(&app, app.clock.now(), None);
    let login = (request.username.as_str(), request.password);
    let tried = Tried::new(SignInMethod::Password, Some(login.0), sender.address, sender.request_id);
    let issued = by_password(&app, login, tried, client, life).await.map_err(refused)?;
    let cookie = issued.refresh_token.as_ref().map(|token| cookie::begun(&app, token)).transpose()?;
    answer(&app, issued, cookie).await
}

/// Answers an access token for the session in the cookie. Takes the cookie away where its session is no more.
pub async fn token(
    State(app): State<App>,
    sender: Sender,
    _: OwnPage,
    headers: HeaderMap,
    Json(_): Json<Nothing>,
) -> Result<Response> {
    let presented = cookie::token(&app, &headers).ok_or(Error::unauthenticated("no session of the console"))?;
    let tried = Tried::new(SignInMethod::RefreshToken, None, sender.address, sender.request_id);
    let renewed = issue::renew(&app, &presented, &tried);
    let renewed = renewed.inspect(|issued| app.metrics.signed_in(Some(SignInMethod::RefreshToken), issued)).await;
    match renewed.map_err(refused) {
        Ok(issued) => answer(&app, issued, None).await,
        Err(error @ Error::Unauthenticated(_)) => Ok(with_cookie(error.into_response(), Some(cookie::ended(&app)?))),
        Err(error) => Err(error),
    }
}

/// Ends the session in the cookie with all its tokens, if there is one.
pub async fn end(State(app): State<App>, _: OwnPage, headers: HeaderMap) -> Result<Response> {
    if let Some(token) = cookie::token(&app, &headers) {
        issue::end(&app, &token).await?;
    }
    Ok(with_cookie(NoContent.into_response(), Some(cookie::ended(&app)?)))
}

/// A grant that is refused is a sign-in that failed.
fn refused(error: OAuthError) -> Error {
    match error {
        OAuthError::Grant(reason) => Error::Unauthenticated(reason),
        OAuthError::Other(error) => error,
        other => Error::internal(other),
    }
}

async fn answer(app: &App, issued: Issued, cookie: Option<HeaderValue>) -> Result<Response> {
    let settings = in_force(&mut *app.db.connection().await?, &app.config).await?;
    let session = Session {
        token: TokenResponse::from(Issued { refresh_token: None, ..issued }),
        max_api_key_age_days: settings.max_api_key_age_days,
        allow_api_keys_for_saml_users: app.config.user_authentication.allow_api_keys_for_saml_users,
    };
    Ok(with_cookie(Json::<_, 200>(session).into_response(), cookie))
}

fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}
