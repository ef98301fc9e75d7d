//! The operations that V1 answers with another body than V2: each asks V2's of the same name.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use super::types::{DeletedAccount, ServiceVersion, SystemStatusResponse, TokenRequest, TokenResponse, User};
use crate::{
    authn::caller::Caller,
    error::{OAuthError, Result},
    http::{
        Json,
        extract::{Path, Query},
        form::Form,
        guard::Target,
        paging::Paging,
    },
    identity::{
        accounts::handlers as accounts,
        oauth::{self, sender::Sender},
        users::{handlers as users, types::UserCreationRequest},
    },
    state::App,
    system::handlers as system,
};

/// Which API this is
#[utoipa::path(get, path = "/v1/", tag = "System", responses((status = 200, body = String, content_type = "application/json")))]
pub async fn ping() -> Json<&'static str> {
    Json("v1")
}

/// Which API this is
///
/// The same without the slash: clients ask their base URL first, and nothing is redirected.
#[utoipa::path(get, path = "/v1", tag = "System", responses((status = 200, body = String, content_type = "application/json")))]
pub async fn ping_bare() -> Json<&'static str> {
    ping().await
}

/// This document
#[utoipa::path(get, path = "/v1/openapi.json", tag = "System",
    responses((status = 200, description = "The document", body = Object, content_type = "application/json")))]
pub async fn get_openapi_json(State(app): State<App>) -> Result<Response> {
    let document = app.documents.get(&app.config.server)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document.v1_json.clone()).into_response())
}

/// The versions of service and schema
#[utoipa::path(get, path = "/v1/version", tag = "System", responses((status = 200, body = ServiceVersion)))]
pub async fn version_check(app: State<App>) -> Json<ServiceVersion> {
    let Json(version) = system::version_check(app).await;
    Json(version.into())
}

/// The services of the deployment and their status
#[utoipa::path(get, path = "/v1/system", tag = "System", responses((status = 200, body = SystemStatusResponse)))]
pub async fn get_service_detail(app: State<App>) -> Json<SystemStatusResponse> {
    let Json(status) = system::get_service_detail(app).await;
    Json(status.into())
}

/// Exchanges a user's password for an access token
///
/// V1 has no refresh tokens: it returns none and takes none.
#[utoipa::path(post, path = "/v1/oauth/token", tag = "User Management",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenResponse), (status = 403), (status = 429)))]
pub async fn get_oauth_token(
    State(app): State<App>,
    sender: Sender,
    Form(request): Form<TokenRequest>,
) -> Result<Json<TokenResponse>, OAuthError> {
    let request = oauth::types::TokenRequest::from(request);
    request.is_password_grant()?;
    let issued = oauth::handlers::exchange(&app, sender, request, false).await?;
    Ok(Json(oauth::types::TokenResponse::from(issued).into()))
}

/// Deletes a disabled account
///
/// Its users and all their credentials are gone from the moment of the answer. Their names stay taken until the rows
/// are removed, which happens in the background.
#[utoipa::path(delete, path = "/v1/accounts/{account_name}", tag = "User Management",
    params(("account_name" = String, Path)),
    responses((status = 200, body = DeletedAccount), (status = 400), (status = 404)))]
pub async fn delete_account(app: State<App>, name: Path<String>) -> Result<Json<DeletedAccount>> {
    accounts::delete_account(app, name).await?;
    Ok(Json(DeletedAccount::DELETING))
}

/// The users of an account
#[utoipa::path(get, path = "/v1/accounts/{account_name}/users", tag = "User Management",
    params(("account_name" = String, Path)),
    responses((status = 200, body = Vec<User>), (status = 404)))]
pub async fn list_users(app: State<App>, account: Target) -> Result<Json<Vec<User>>> {
    let Json(users) = users::list_users(app, account, Query(Paging::default())).await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

/// Creates a user
#[utoipa::path(post, path = "/v1/accounts/{account_name}/users", tag = "User Management",
    request_body = UserCreationRequest, params(("account_name" = String, Path)),
    responses((status = 200, body = User), (status = 404)))]
pub async fn create_user(
    app: State<App>,
    caller: Caller,
    account: Target,
    request: Json<UserCreationRequest>,
) -> Result<Json<User>> {
    let Json(user) = users::create_user(app, caller, account, request).await?;
    Ok(Json(user.into()))
}

/// One user of an account
#[utoipa::path(get, path = "/v1/accounts/{account_name}/users/{username}", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path)),
    responses((status = 200, body = User), (status = 404)))]
pub async fn get_account_user(app: State<App>, account: Target, names: Path<(String, String)>) -> Result<Json<User>> {
    let Json(user) = users::get_account_user(app, account, names).await?;
    Ok(Json(user.into()))
}

/// The caller
#[utoipa::path(get, path = "/v1/user", tag = "Identity", responses((status = 200, body = User)))]
pub async fn get_user(caller: Caller) -> Json<User> {
    let Json(user) = users::get_user(caller).await;
    Json(user.into())
}
