//! The operations on users.

use axum::extract::State;

use super::{
    UserType, rules, store,
    store::NewUser,
    types::{User, UserCreationRequest, Users},
};
use crate::{
    authn::caller::{Caller, Target},
    error::{Error, Result},
    http::{Json, NoContent, extract::Path},
    identity::{
        accounts::{self, store as account_store},
        credentials::store as credentials,
    },
    state::App,
    transaction,
};

/// What a user that is not there answers.
pub const NOT_FOUND: Error = Error::NotFound { what: "User" };

/// The caller
#[utoipa::path(get, path = "/v2/user", tag = "Identity", responses((status = 200, body = User)))]
pub async fn get_user(State(app): State<App>, caller: Caller) -> Result<Json<User>> {
    let user = store::find_user(&mut *app.db.read().await?, caller.account.id, &caller.username).await?;
    // Deleted between the guard's look and this one.
    let user = user.ok_or(Error::Unauthenticated("the user was deleted meanwhile"))?;
    Ok(Json(user.into()))
}

/// All users of all accounts
#[utoipa::path(get, path = "/v2/accounts/users", tag = "User Management", responses((status = 200, body = Users)))]
pub async fn list_all_system_users(State(app): State<App>) -> Result<Json<Users>> {
    Ok(Json(store::list_all_users(&mut *app.db.read().await?).await?.into()))
}

/// The users of an account
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users", tag = "User Management",
    params(("account_name" = String, Path)),
    responses((status = 200, body = Vec<User>), (status = 404)))]
pub async fn list_users(State(app): State<App>, Target(account): Target) -> Result<Json<Vec<User>>> {
    let users = store::list_users(&mut *app.db.read().await?, account.id).await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

/// The users of an account, with the roles they have there
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users-with-roles", tag = "User Management",
    params(("account_name" = String, Path)),
    responses((status = 200, body = Users), (status = 404)))]
pub async fn list_users_with_roles(State(app): State<App>, Target(account): Target) -> Result<Json<Users>> {
    Ok(Json(store::list_users(&mut *app.db.read().await?, account.id).await?.into()))
}

/// Makes a user
#[utoipa::path(post, path = "/v2/accounts/{account_name}/users", tag = "User Management",
    request_body = UserCreationRequest, params(("account_name" = String, Path)),
    responses((status = 200, body = User), (status = 404)))]
pub async fn create_user(
    State(app): State<App>,
    Target(account): Target,
    Json(request): Json<UserCreationRequest>,
) -> Result<Json<User>> {
    let username = request.username.as_str().to_owned();
    let password = rules::password_of_new(request, &app.config.user_authentication)?;
    let phc = app.hasher.hash(password.into_secret()).await?;
    let now = app.clock.now();
    let id = app.random.uuid();
    let made = transaction!(app.db, |db| {
        let held = account_store::hold_by_id(db, account.id).await?.ok_or(Error::NotFound { what: "Account" })?;
        accounts::rules::is_not_deleting(&held)?;
        let user = NewUser { id, account_id: account.id, username: &username, kind: UserType::Native, created_at: now };
        store::insert_user(db, &user).await?;
        credentials::upsert_password(db, id, &phc, now).await?;
        Ok(store::find_user(db, account.id, &username).await?.ok_or(NOT_FOUND)?)
    });
    Ok(Json(made?.into()))
}

/// One user of an account
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users/{username}", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path)),
    responses((status = 200, body = User), (status = 404)))]
pub async fn get_account_user(
    State(app): State<App>,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
) -> Result<Json<User>> {
    let user = store::find_user(&mut *app.db.read().await?, account.id, &username).await?;
    Ok(Json(user.ok_or(NOT_FOUND)?.into()))
}

/// Deletes a user with all its credentials
#[utoipa::path(delete, path = "/v2/accounts/{account_name}/users/{username}", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete_user(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
) -> Result<NoContent> {
    let deleted = transaction!(app.db, |db| {
        let user = store::lock_user(db, account.id, &username).await?.ok_or(NOT_FOUND)?;
        rules::may_be_deleted(&user, &caller.username)?;
        Ok(store::delete_user(db, account.id, user.id).await?)
    });
    deleted?;
    Ok(NoContent)
}
