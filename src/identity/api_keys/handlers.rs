//! The operations on API keys: the caller's own, and those of a user of an account. Both are the same work on an
//! [`Owner`].

use axum::extract::State;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    ApiKey, rules, store,
    types::{ApiKeyChange, ApiKeyList, ListApiKeysQuery, NewApiKey, UserApiKey},
};
use crate::{
    audit::{self, Beside, recording::Resource},
    authn::{api_key::NewKey, caller::Caller},
    authz::action::Action,
    db::WriteError,
    error::{Error, Result},
    http::{
        Created, Json, NoContent,
        extract::{Path, Query},
        guard::Target,
        paging::Paging,
    },
    identity::{
        accounts::{Account, store as account_store},
        roles::{
            self,
            rights::{self, Holder},
            rules::Change,
        },
        users::{User, handlers::NOT_FOUND as USER_NOT_FOUND, store as users},
    },
    state::App,
    system::configurations::in_force,
    transaction,
};

const NOT_FOUND: Error = Error::NotFound { what: "API key" };

/// Whose keys: a user of an account.
struct Owner<'a> {
    account: &'a Account,
    username: &'a str,
}

impl<'a> From<&'a Caller> for Owner<'a> {
    fn from(caller: &'a Caller) -> Self {
        Self { account: &caller.account, username: &caller.user.username }
    }
}

impl Owner<'_> {
    async fn find(&self, db: &mut PgConnection) -> Result<User> {
        users::find_user(db, self.account.id, self.username).await?.ok_or(USER_NOT_FOUND)
    }

    async fn lock(&self, db: &mut PgConnection) -> Result<User, WriteError> {
        audit::belongs_to(self.username);
        Ok(users::lock_user(db, self.account.id, self.username).await?.ok_or(USER_NOT_FOUND)?)
    }
}

/// The caller's API keys
#[utoipa::path(get, path = "/v2/user/api-keys", tag = "Identity", params(ListApiKeysQuery, Paging),
    responses((status = 200, body = ApiKeyList)))]
pub async fn list_api_keys(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListApiKeysQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<ApiKeyList>> {
    list(&app, Owner::from(&caller), &query, paging).await
}

/// Creates an API key for the caller
///
/// The answer holds the key's value, which is never shown again.
#[utoipa::path(post, path = "/v2/user/api-keys", tag = "Identity", request_body = NewApiKey,
    responses((status = 201, body = UserApiKey)))]
pub async fn create_api_key(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<NewApiKey>,
) -> Result<Created<UserApiKey>> {
    create(&app, &caller, Owner::from(&caller), request).await
}

/// One of the caller's API keys
#[utoipa::path(get, path = "/v2/user/api-keys/{key_name}", tag = "Identity",
    params(("key_name" = String, Path)),
    responses((status = 200, body = UserApiKey), (status = 404)))]
pub async fn get_api_key(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<Json<UserApiKey>> {
    get(&app, Owner::from(&caller), &name).await
}

/// Renames, describes, narrows, brings forward the expiry of, or revokes one of the caller's API keys
///
/// A revoked key is refused for good, from the moment of the answer; its record stays.
#[utoipa::path(patch, path = "/v2/user/api-keys/{key_name}", tag = "Identity", request_body = ApiKeyChange,
    params(("key_name" = String, Path)),
    responses((status = 200, body = UserApiKey), (status = 404)))]
pub async fn patch_api_key(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Json(request): Json<ApiKeyChange>,
) -> Result<Json<UserApiKey>> {
    patch(&app, Owner::from(&caller), &name, &request).await
}

/// Deletes one of the caller's API keys
///
/// It is refused from the moment of the answer, and its name is free again.
#[utoipa::path(delete, path = "/v2/user/api-keys/{key_name}", tag = "Identity",
    params(("key_name" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete_api_key(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Result<NoContent> {
    delete(&app, Owner::from(&caller), &name).await
}

/// The API keys of a user
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users/{username}/api-keys", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path), ListApiKeysQuery, Paging),
    responses((status = 200, body = ApiKeyList), (status = 404)))]
pub async fn list_user_api_keys(
    State(app): State<App>,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
    Query(query): Query<ListApiKeysQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<ApiKeyList>> {
    list(&app, Owner { account: &account, username: &username }, &query, paging).await
}

/// Creates an API key for a user
///
/// The answer holds the key's value, which is never shown again.
#[utoipa::path(post, path = "/v2/accounts/{account_name}/users/{username}/api-keys", tag = "User Management",
    request_body = NewApiKey, params(("account_name" = String, Path), ("username" = String, Path)),
    responses((status = 201, body = UserApiKey), (status = 404)))]
pub async fn create_user_api_key(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    Path((_, username)): Path<(String, String)>,
    Json(request): Json<NewApiKey>,
) -> Result<Created<UserApiKey>> {
    create(&app, &caller, Owner { account: &account, username: &username }, request).await
}

/// One API key of a user
#[utoipa::path(get, path = "/v2/accounts/{account_name}/users/{username}/api-keys/{key_name}", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path), ("key_name" = String, Path)),
    responses((status = 200, body = UserApiKey), (status = 404)))]
pub async fn get_user_api_key(
    State(app): State<App>,
    Target(account): Target,
    Path((_, username, name)): Path<(String, String, String)>,
) -> Result<Json<UserApiKey>> {
    get(&app, Owner { account: &account, username: &username }, &name).await
}

/// Renames, describes, narrows, brings forward the expiry of, or revokes an API key of a user
///
/// A revoked key is refused for good, from the moment of the answer; its record stays.
#[utoipa::path(patch, path = "/v2/accounts/{account_name}/users/{username}/api-keys/{key_name}", tag = "User Management",
    request_body = ApiKeyChange,
    params(("account_name" = String, Path), ("username" = String, Path), ("key_name" = String, Path)),
    responses((status = 200, body = UserApiKey), (status = 404)))]
pub async fn patch_user_api_key(
    State(app): State<App>,
    Target(account): Target,
    Path((_, username, name)): Path<(String, String, String)>,
    Json(request): Json<ApiKeyChange>,
) -> Result<Json<UserApiKey>> {
    patch(&app, Owner { account: &account, username: &username }, &name, &request).await
}

/// Deletes an API key of a user
///
/// It is refused from the moment of the answer, and its name is free again.
#[utoipa::path(delete, path = "/v2/accounts/{account_name}/users/{username}/api-keys/{key_name}", tag = "User Management",
    params(("account_name" = String, Path), ("username" = String, Path), ("key_name" = String, Path)),
    responses((status = 204), (status = 404)))]
pub async fn delete_user_api_key(
    State(app): State<App>,
    Target(account): Target,
    Path((_, username, name)): Path<(String, String, String)>,
) -> Result<NoContent> {
    delete(&app, Owner { account: &account, username: &username }, &name).await
}

async fn list(app: &App, owner: Owner<'_>, query: &ListApiKeysQuery, paging: Paging) -> Result<Json<ApiKeyList>> {
    let page = paging.page()?;
    let mut db = app.db.connection().await?;
    let user = owner.find(&mut db).await?;
    let now = app.clock.now();
    let keys = store::list_keys(&mut db, user.id, query.status, &page, now).await?;
    Ok(Json(ApiKeyList { items: keys.into_iter().map(|key| UserApiKey::new(key, now)).collect() }))
}

async fn create(app: &App, caller: &Caller, owner: Owner<'_>, request: NewApiKey) -> Result<Created<UserApiKey>> {
    let settings = in_force(&mut *app.db.connection().await?, &app.config).await?;
    let now = app.clock.now();
    audit::about(request.name.as_str());
    let made = NewKey::generate(&app.random);
    let key = ApiKey {
        id: made.id,
        name: request.name.as_str().to_owned(),
        description: request.description.map(|text| text.as_str().to_owned()),
        created_at: now,
        updated_at: now,
        expires_at: rules::expiry(request.expires_at, now, &settings)?,
        revoked_at: None,
        last_used_at: None,
        actions: rules::distinct(request.actions.as_deref()),
        accounts: rules::distinct(request.accounts.as_deref()),
        cidrs: rules::networks(request.cidrs.as_deref()),
    };
    let inserted = transaction!(app.db, |db| {
        let user = owner.lock(db).await?;
        let change = (Change::Enter, Action::CreateApiKey);
        roles::rules::may_change(db, &app.roles, caller, (owner.account, &user), change).await?;
        rules::may_have_keys(&user, &app.config.user_authentication)?;
        check_narrowing(db, app, &owner, &user, rules::first_lists(None, &key)).await?;
        rules::one_more(store::count_keys(db, user.id).await?, &settings)?;
        Ok(store::insert_key(db, user.id, &key, &made.secret_hash).await?)
    });
    inserted?;
    Ok(Json(UserApiKey::new(key, now).showing(made.value)))
}

async fn get(app: &App, owner: Owner<'_>, name: &str) -> Result<Json<UserApiKey>> {
    let mut db = app.db.connection().await?;
    let user = owner.find(&mut db).await?;
    let key = store::find_key(&mut db, user.id, name).await?.ok_or(NOT_FOUND)?;
    Ok(Json(UserApiKey::new(key, app.clock.now())))
}

async fn patch(app: &App, owner: Owner<'_>, name: &str, change: &ApiKeyChange) -> Result<Json<UserApiKey>> {
    let now = app.clock.now();
    let changed = transaction!(app.db, |db| {
        let user = owner.lock(db).await?;
        let key = store::find_key(db, user.id, name).await?.ok_or(NOT_FOUND)?;
        let after = rules::changed(&key, change, now)?;
        check_narrowing(db, app, &owner, &user, rules::first_lists(Some(&key), &after)).await?;
        if after != key {
            store::update_key(db, user.id, &after).await?;
        }
        tell_change(&owner, &key, &after, now);
        Ok(after)
    });
    Ok(Json(UserApiKey::new(changed?, now)))
}

/// Tells the audit trail. A key that gets another name is found by both: what follows has the new one.
fn tell_change(owner: &Owner<'_>, before: &ApiKey, after: &ApiKey, now: OffsetDateTime) {
    audit::changed(&UserApiKey::new(before.clone(), now), &UserApiKey::new(after.clone(), now));
    if after.name != before.name {
        let (account, kind) = (Some(owner.account.name.clone()), Some("api_key"));
        let resource = Resource { account, kind, id: Some(after.name.clone()) };
        audit::beside(vec![Beside { operation: None, resource, names: vec![before.name.clone()] }]);
    }
}

async fn delete(app: &App, owner: Owner<'_>, name: &str) -> Result<NoContent> {
    let now = app.clock.now();
    transaction!(app.db, |db| {
        let user = owner.lock(db).await?;
        if store::delete_key(db, user.id, name, now).await? { Ok(NoContent) } else { Err(NOT_FOUND.into()) }
    })
}

/// Whether the user of a key holds what the key is narrowed to, and the accounts are there: an account that is not the
/// user's must not tell by the answer whether it exists.
async fn check_narrowing(
    db: &mut PgConnection,
    app: &App,
    owner: &Owner<'_>,
    user: &User,
    (actions, accounts): (&[String], &[String]),
) -> Result<(), WriteError> {
    if actions.is_empty() && accounts.is_empty() {
        return Ok(());
    }
    let rights = rights::of(db, &app.roles, Holder::living_in(owner.account, user.id)).await?;
    rules::may_be_narrowed_to((actions, accounts), &rights, &app.roles)?;
    for account in accounts {
        // An admin reaches every account there is.
        account_store::find_by_name(db, account).await?.ok_or_else(|| rules::does_not_hold_account(account))?;
    }
    Ok(())
}
