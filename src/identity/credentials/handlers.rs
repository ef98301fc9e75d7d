//! The operations on credentials.

use axum::extract::State;
use uuid::Uuid;

use super::{
    store,
    types::{AccessCredential, CredentialList, DeleteCredentialQuery, NewCredential},
};
use crate::{
    authn::caller::Caller,
    authz::action::Action,
    error::{Error, Result},
    http::{
        Json, NoContent,
        extract::{Path, Query},
        guard::Target,
    },
    identity::{
        accounts::Account,
        roles::{self, rules::Change},
        users::{UserType, handlers::NOT_FOUND, rules, store as users},
    },
    state::App,
    system::configurations::in_force,
    transaction,
};

/// The caller's credentials, masked
#[utoipa::path(get, path = "/v2/user/credentials", tag = "Identity", responses((status = 200, body = CredentialList)))]
pub async fn get_credentials(State(app): State<App>, caller: Caller) -> Result<Json<CredentialList>> {
    list(&app, caller.account.id, &caller.user.username).await
}

/// Sets the caller's password
///
/// The old one is refused from the moment of the answer.
#[utoipa::path(post, path = "/v2/user/credentials", tag = "Identity", request_body = NewCredential,
    responses((status = 200, body = AccessCredential)))]
pub async fn add_credential(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<NewCredential>,
) -> Result<Json<AccessCredential>> {
    set(&app, &caller, &caller.account, &caller.user.username, request).await
}

/// The credentials of a user, masked
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users/{username}/credentials", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path)),
    responses((status = 200, body = CredentialList), (status = 404)))]
pub async fn list_user_credentials(
    State(app): State<App>,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
) -> Result<Json<CredentialList>> {
    list(&app, account.id, &username).await
}

/// Sets the password of a user
///
/// The old one is refused from the moment of the answer.
#[utoipa::path(post, path = "/v2/accounts/{account_name}/users/{username}/credentials", tag = "User Management",
    request_body = NewCredential, params(("account_name" = String, Path), ("username" = String, Path)),
    responses((status = 200, body = AccessCredential), (status = 404)))]
pub async fn create_user_credential(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
    Json(request): Json<NewCredential>,
) -> Result<Json<AccessCredential>> {
    set(&app, &caller, &account, &username, request).await
}

/// Deletes the password of a user, who cannot sign in with one until another is set
#[utoipa::path(delete, path = "/v2/accounts/{account_name}/users/{username}/credentials", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path), DeleteCredentialQuery),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete_user_credential(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
    Query(_): Query<DeleteCredentialQuery>,
) -> Result<NoContent> {
    let now = app.clock.now();
    let deleted = transaction!(app.db, |db| {
        let user = users::lock_user(db, account.id, &username).await?.ok_or(NOT_FOUND)?;
        if user.id == caller.user.id {
            return Err(Error::Refused("Cannot delete credential of authenticated user".to_owned()).into());
        }
        let change = (Change::Enter, Action::UpdateUser);
        roles::rules::may_change(db, &app.roles, &caller, (&account, &user), change).await?;
        if store::delete_password(db, user.id).await? {
            users::raise_auth_epoch(db, user.id, now).await?;
        }
        Ok(())
    });
    deleted?;
    Ok(NoContent)
}

async fn list(app: &App, account_id: Uuid, username: &str) -> Result<Json<CredentialList>> {
    let user = users::find_user(&mut *app.db.connection().await?, account_id, username).await?.ok_or(NOT_FOUND)?;
    Ok(Json(CredentialList(user.password_last_updated.map(AccessCredential::password).into_iter().collect())))
}

async fn set(
    app: &App,
    caller: &Caller,
    account: &Account,
    username: &str,
    request: NewCredential,
) -> Result<Json<AccessCredential>> {
    let settings = in_force(&mut *app.db.connection().await?, &app.config).await?;
    rules::may_be_set(&request.value, &settings)?;
    let phc = app.hasher.hash(request.value.into_secret()).await?;
    let now = app.clock.now();
    let changed = transaction!(app.db, |db| {
        let user = users::lock_user(db, account.id, username).await?.ok_or(NOT_FOUND)?;
        let change = (Change::Enter, Action::UpdateUser);
        roles::rules::may_change(db, &app.roles, caller, (account, &user), change).await?;
        if user.kind == UserType::Saml {
            return Err(Error::Refused("A saml user cannot have a password".to_owned()).into());
        }
        store::upsert_password(db, user.id, &phc, now).await?;
        Ok(users::raise_auth_epoch(db, user.id, now).await?)
    });
    changed?;
    Ok(Json(AccessCredential::password(now)))
}
