//! The check, by either method that proxies use.

use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};

use super::{rules, types::CheckQuery};
use crate::{
    authn::caller::Caller,
    authz::{action::Action, policy::Denial, policy::Domain},
    error::{Error, Result},
    http::extract::Query,
    identity::accounts::store as accounts,
    names::AnyName,
    state::App,
};

const X_KEDGE_USER: HeaderName = HeaderName::from_static("x-kedge-user");
const X_KEDGE_ACCOUNT: HeaderName = HeaderName::from_static("x-kedge-account");
const X_KEDGE_ROLES: HeaderName = HeaderName::from_static("x-kedge-roles");

/// Whether the caller may do something in another service
///
/// For proxies: a 200 names the caller in `X-Kedge-User`, `X-Kedge-Account` and `X-Kedge-Roles`, percent-encoded.
#[utoipa::path(get, path = "/v2/auth/check", tag = "Identity", extensions(("x-kedge-addition" = json!(true))),
    params(CheckQuery),
    responses((status = 200, description = "The caller is permitted", headers(
        ("X-Kedge-User" = String), ("X-Kedge-Account" = String), ("X-Kedge-Roles" = String))), (status = 404)))]
pub async fn check_auth(State(app): State<App>, caller: Caller, Query(query): Query<CheckQuery>) -> Result<Response> {
    let account = query.account.as_ref().map_or(caller.account.name.as_str(), AnyName::as_str);
    rules::permit(&caller, &app.roles, query.action.as_ref().map(AnyName::as_str), account)?;
    if account != caller.account.name {
        is_usable(&app, &caller, account).await?;
    }
    let mut response = StatusCode::OK.into_response();
    for (name, value) in [
        (X_KEDGE_USER, rules::encoded(&caller.user.username)),
        (X_KEDGE_ACCOUNT, rules::encoded(account)),
        (X_KEDGE_ROLES, rules::roles(&caller, &app.roles, account)),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_str(&value).map_err(Error::internal)?);
    }
    Ok(response)
}

/// The same, for proxies that use POST
#[utoipa::path(post, path = "/v2/auth/check", tag = "Identity", extensions(("x-kedge-addition" = json!(true))),
    params(CheckQuery),
    responses((status = 200, description = "The caller is permitted", headers(
        ("X-Kedge-User" = String), ("X-Kedge-Account" = String), ("X-Kedge-Roles" = String))), (status = 404)))]
pub async fn check_auth_by_post(app: State<App>, caller: Caller, query: Query<CheckQuery>) -> Result<Response> {
    check_auth(app, caller, query).await
}

/// Whether an account that is not the caller's is there and enabled.
async fn is_usable(app: &App, caller: &Caller, name: &str) -> Result<()> {
    match accounts::find_by_name(&mut *app.db.connection().await?, name).await? {
        Some(account) if account.is_enabled() || caller.is_admin() => Ok(()),
        Some(account) => Err(Denial::AccountNotEnabled { account: account.name }.into()),
        None if caller.is_admin() => Err(Error::NotFound { what: "Account" }),
        None => Err(Domain::Account(name).denies(Action::GetAccount).into()),
    }
}
