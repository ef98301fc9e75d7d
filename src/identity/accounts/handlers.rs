//! The operations on accounts.

use axum::extract::State;

use super::{
    Account as StoredAccount, AccountState, AccountType, rules, store,
    types::{Account, AccountCreationRequest, AccountInfo, AccountList, AccountStatus, ListAccountsQuery},
};
use crate::{
    audit,
    error::{Error, Result},
    http::{
        Json, NoContent,
        extract::{Path, Query},
        guard::Target,
        paging::Paging,
    },
    identity::roles::store as roles,
    state::App,
    transaction,
};

const NOT_FOUND: Error = Error::NotFound { what: "Account" };

/// The caller's account, or the one that `x-anchore-account` names
#[utoipa::path(get, path = "/v2/account", tag = "Identity",
    responses((status = 200, body = Account)))]
pub async fn get_users_account(Target(account): Target) -> Json<Account> {
    Json(Account::from(&*account))
}

/// All accounts
#[utoipa::path(get, path = "/v2/accounts", tag = "User Management", params(ListAccountsQuery, Paging),
    responses((status = 200, body = AccountList)))]
pub async fn list_accounts(
    State(app): State<App>,
    Query(query): Query<ListAccountsQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<AccountList>> {
    let accounts = store::list_accounts(&mut *app.db.connection().await?, query.state, &paging.page()?).await?;
    Ok(Json(AccountList(accounts.iter().map(Account::from).collect())))
}

/// Creates an account
#[utoipa::path(post, path = "/v2/accounts", tag = "User Management", request_body = AccountCreationRequest,
    responses((status = 200, body = Account), (status = 409)))]
pub async fn create_account(
    State(app): State<App>,
    Json(request): Json<AccountCreationRequest>,
) -> Result<Json<Account>> {
    rules::may_be_created(request.name.as_str(), request.kind.as_deref())?;
    audit::about(request.name.as_str());
    audit::concerns(request.name.as_str());
    let now = app.clock.now();
    let account = StoredAccount {
        id: app.random.uuid(),
        name: request.name.as_str().to_owned(),
        kind: AccountType::User,
        state: AccountState::Enabled,
        email: request.email.map(|email| email.as_str().to_owned()),
        created_at: now,
        last_updated: now,
    };
    transaction!(app.db, |db| { Ok(store::insert_account(db, &account).await?) })?;
    Ok(Json(Account::from(&account)))
}

/// One account
#[utoipa::path(get, path = "/v2/accounts/{account_name}", tag = "User Management",
    params(("account_name" = String, Path)),
    responses((status = 200, body = Account), (status = 404)))]
pub async fn get_account(Target(account): Target) -> Json<Account> {
    Json(Account::from(&*account))
}

/// Changes the email address of an account
#[utoipa::path(put, path = "/v2/accounts/{account_name}", tag = "User Management", request_body = AccountInfo,
    params(("account_name" = String, Path), ("x-anchore-account" = Option<String>, Header, description = "Has no effect: the path names the account")),
    responses((status = 200, body = Account), (status = 404)))]
pub async fn update_account(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(request): Json<AccountInfo>,
) -> Result<Json<Account>> {
    let now = app.clock.now();
    let changed = transaction!(app.db, |db| {
        let account = store::lock_by_name(db, &name).await?.ok_or(NOT_FOUND)?;
        rules::is_not_deleting(&account)?;
        let Some(email) = &request.email else { return Ok(account) };
        let email = email.as_ref().map(|email| email.as_str().to_owned());
        store::update_email(db, account.id, email.as_deref(), now).await?;
        let changed = StoredAccount { email, last_updated: now, ..account.clone() };
        audit::changed(&Account::from(&account), &Account::from(&changed));
        Ok(changed)
    });
    Ok(Json(Account::from(&changed?)))
}

/// Enables or disables an account
///
/// The users of a disabled account are refused with 403 from the moment of the answer, whatever their credential.
#[utoipa::path(put, path = "/v2/accounts/{account_name}/state", tag = "User Management", request_body = AccountStatus,
    params(("account_name" = String, Path)),
    responses((status = 200, body = AccountStatus), (status = 404)))]
pub async fn update_account_state(
    State(app): State<App>,
    Path(name): Path<String>,
    Json(request): Json<AccountStatus>,
) -> Result<Json<AccountStatus>> {
    let state = AccountState::from(request.state);
    change_state(&app, &name, state).await?;
    Ok(Json(request))
}

/// Deletes a disabled account
///
/// Its users and all their credentials are gone from the moment of the answer. Their names stay taken until the rows
/// are removed, which happens in the background.
#[utoipa::path(delete, path = "/v2/accounts/{account_name}", tag = "User Management",
    params(("account_name" = String, Path)),
    responses((status = 204), (status = 400), (status = 404)))]
pub async fn delete_account(State(app): State<App>, Path(name): Path<String>) -> Result<NoContent> {
    change_state(&app, &name, AccountState::Deleting).await?;
    app.collector.wake();
    Ok(NoContent)
}

async fn change_state(app: &App, name: &str, state: AccountState) -> Result<()> {
    let now = app.clock.now();
    transaction!(app.db, |db| {
        let account = store::lock_by_name(db, name).await?.ok_or(NOT_FOUND)?;
        rules::may_become(&account, state)?;
        if state == AccountState::Deleting {
            let users = store::list_user_ids(db, account.id).await?;
            audit::concerns_also(roles::list_accounts_of_users(db, &users).await?);
        } else if account.state == state {
            return Ok(());
        } else {
            audit::change("state", state.to_string());
        }
        Ok(store::update_state(db, account.id, state, now).await?)
    })
}
