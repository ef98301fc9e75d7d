//! Accounts: the tenants. They live as enabled <-> disabled, and end by DELETE, from disabled only.

pub mod handlers;
pub mod rules;
pub mod store;
pub mod types;

use time::OffsetDateTime;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// An account as it is stored.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: Uuid,
    pub name: String,
    pub kind: AccountType,
    pub state: AccountState,
    pub email: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_updated: OffsetDateTime,
}

impl Account {
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.state == AccountState::Enabled
    }
}

pub use types::{AccountState, AccountType};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let read = Access::action(Action::GetAccount);
    let update = Access::action(Action::UpdateAccount).in_system().not_with_api_key();
    let list = Access::action(Action::ListAccounts).in_system().with_api_key();
    let create = Access::action(Action::CreateAccount).in_system().not_with_api_key();
    let delete = Access::action(Action::DeleteAccount).in_system().not_with_api_key();
    routes
        .on(read.in_caller_account().with_api_key(), Body::None, TimeLimit::SHORT, routes!(handlers::get_users_account))
        .on(list, Body::None, TimeLimit::LONG, routes!(handlers::list_accounts))
        .on(create, Body::Json, TimeLimit::SHORT, routes!(handlers::create_account))
        .on(read.in_path_account().with_api_key(), Body::None, TimeLimit::SHORT, routes!(handlers::get_account))
        .on(update, Body::Json, TimeLimit::SHORT, routes!(handlers::update_account))
        .on(delete, Body::None, TimeLimit::SHORT, routes!(handlers::delete_account))
        .on(update, Body::Json, TimeLimit::SHORT, routes!(handlers::update_account_state))
}
