//! The operations on users.

use std::collections::HashMap;

use axum::extract::State;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    User as StoredUser, UserType,
    rules::{self, SignsIn},
    store,
    store::{NewUser, Vouched},
    types::{User, UserCreationRequest, Users},
};
use crate::{
    audit,
    authn::caller::Caller,
    authz::action::Action,
    error::{Error, Result},
    http::{
        Json, NoContent,
        extract::{Path, Query},
        guard::Target,
        paging::Paging,
    },
    identity::{
        accounts::{self, store as account_store},
        credentials::store as credentials,
        roles::{self, rules::Change, store::UnifiedRole},
    },
    state::App,
    system::configurations::in_force,
    transaction,
};

/// What a user that is not there answers.
pub const NOT_FOUND: Error = Error::NotFound { what: "User" };

/// The caller
#[utoipa::path(get, path = "/v2/user", tag = "Identity", responses((status = 200, body = User)))]
pub async fn get_user(caller: Caller) -> Json<User> {
    Json(User::new(caller.user.clone(), caller.roles.clone()))
}

/// All users of all accounts
#[utoipa::path(get, path = "/v2/accounts/users", tag = "User Management", params(Paging),
    responses((status = 200, body = Users)))]
pub async fn list_all_system_users(State(app): State<App>, Query(paging): Query<Paging>) -> Result<Json<Users>> {
    let page = paging.page()?;
    let mut db = app.db.connection().await?;
    let users = store::list_all_users(&mut db, &page).await?;
    let total_rows = store::count_users(&mut db, page.search.as_deref()).await?;
    Ok(Json(Users { items: all_with_roles(&mut db, users, None).await?, total_rows }))
}

/// The users of an account
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users", tag = "User Management",
    params(("account_name" = String, Path), Paging),
    responses((status = 200, body = Vec<User>), (status = 404)))]
pub async fn list_users(
    State(app): State<App>,
    Target(account): Target,
    Query(paging): Query<Paging>,
) -> Result<Json<Vec<User>>> {
    let page = paging.page()?;
    let mut db = app.db.connection().await?;
    let users = store::list_users(&mut db, account.id, &page).await?;
    Ok(Json(all_with_roles(&mut db, users, None).await?))
}

/// The users who live in an account or hold a role there, with the roles they have there
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users-with-roles", tag = "User Management",
    params(("account_name" = String, Path), Paging),
    responses((status = 200, body = Users), (status = 404)))]
pub async fn list_users_with_roles(
    State(app): State<App>,
    Target(account): Target,
    Query(paging): Query<Paging>,
) -> Result<Json<Users>> {
    let page = paging.page()?;
    let mut db = app.db.connection().await?;
    let users = store::list_users_and_members(&mut db, account.id, &page).await?;
    let total_rows = store::count_users_and_members(&mut db, account.id, page.search.as_deref()).await?;
    Ok(Json(Users { items: all_with_roles(&mut db, users, Some(account.id)).await?, total_rows }))
}

/// Creates a user
#[utoipa::path(post, path = "/v2/accounts/{account_name}/users", tag = "User Management",
    request_body = UserCreationRequest, params(("account_name" = String, Path)),
    responses((status = 200, body = User), (status = 404)))]
pub async fn create_user(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    Json(request): Json<UserCreationRequest>,
) -> Result<Json<User>> {
    roles::rules::may_add_to(&caller, &account, Action::CreateUser)?;
    let username = request.username.as_str().to_owned();
    audit::about(&username);
    let settings = in_force(&mut *app.db.connection().await?, &app.config).await?;
    let (phc, idp_name) = match rules::signs_in(request, &settings)? {
        SignsIn::ByPassword(password) => (Some(app.hasher.hash(password.into_secret()).await?), None),
        SignsIn::By(idp) => (None, Some(idp)),
    };
    let now = app.clock.now();
    let id = app.random.uuid();
    let made = transaction!(app.db, |db| {
        let held = account_store::hold_by_id(db, account.id).await?.ok_or(Error::NotFound { what: "Account" })?;
        accounts::rules::is_not_deleting(&held)?;
        let idp = match &idp_name {
            Some(name) => Some(rules::voucher(db, &app.roles, &caller, &account, name).await?),
            None => None,
        };
        let user = NewUser {
            id,
            account_id: account.id,
            username: &username,
            kind: if idp.is_some() { UserType::Saml } else { UserType::Native },
            by: idp.as_ref().map(Vouched::from),
            created_at: now,
        };
        store::insert_user(db, &user).await?;
        if let Some(phc) = &phc {
            credentials::upsert_password(db, id, phc, now).await?;
        }
        Ok(store::find_user(db, account.id, &username).await?.ok_or(NOT_FOUND)?)
    });
    // A user that was just made has no role.
    Ok(Json(User::new(made?, Vec::new())))
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
    let mut db = app.db.connection().await?;
    let user = store::find_user(&mut db, account.id, &username).await?.ok_or(NOT_FOUND)?;
    Ok(Json(with_roles(&mut db, user).await?))
}

/// Deletes a user and all their credentials
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
        rules::may_be_deleted(&user, &caller.user.username)?;
        let change = (Change::Delete, Action::DeleteUser);
        roles::rules::may_change(db, &app.roles, &caller, (&account, &user), change).await?;
        audit::concerns_also(roles::store::list_accounts_of_users(db, &[user.id]).await?);
        Ok(store::delete_user(db, account.id, user.id).await?)
    });
    deleted?;
    Ok(NoContent)
}

async fn with_roles(db: &mut PgConnection, user: StoredUser) -> Result<User> {
    let roles = roles::store::list_unified_roles(db, &[user.id], None).await?;
    Ok(User::new(user, roles))
}

/// The users with their roles, in one account only if one is given.
async fn all_with_roles(db: &mut PgConnection, users: Vec<StoredUser>, account: Option<Uuid>) -> Result<Vec<User>> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.id).collect();
    let mut held: HashMap<Uuid, Vec<UnifiedRole>> = HashMap::new();
    for role in roles::store::list_unified_roles(db, &ids, account).await? {
        held.entry(role.user_id).or_default().push(role);
    }
    let user = |user: StoredUser| {
        let roles = held.remove(&user.id).unwrap_or_default();
        User::new(user, roles)
    };
    Ok(users.into_iter().map(user).collect())
}
