//! Users: people and machines that sign in. Each lives in one account; names are unique over all of them.

pub mod handlers;
pub mod rules;
pub mod store;
pub mod types;

use time::OffsetDateTime;
use utoipa_axum::routes;
use uuid::Uuid;

pub use types::UserType;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// A user as it is stored.
#[derive(Clone, Debug)]
pub struct User {
    pub id: Uuid,
    pub username: String,
    pub account_name: String,
    pub kind: UserType,
    /// Who vouches for the user, where that is not Kedge.
    pub source: Option<String>,
    pub idp_name: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_updated: OffsetDateTime,
    pub password_last_updated: Option<OffsetDateTime>,
}

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let list_all = Access::action(Action::ListAllUsers).in_system().with_api_key();
    let with_roles = Access::action(Action::ListAccountUsersWithRoles).in_path_account().with_api_key();
    let list = Access::action(Action::ListUsers).in_path_account().with_api_key();
    let create = Access::action(Action::CreateUser).in_path_account().not_with_api_key();
    let get = Access::action(Action::GetUser).in_path_account().with_api_key();
    let delete = Access::action(Action::DeleteUser).in_path_account().not_with_api_key();
    let own = Access::signed_in().with_api_key();
    routes
        .on(list_all, Body::None, TimeLimit::LONG, routes!(handlers::list_all_system_users))
        .on(with_roles, Body::None, TimeLimit::LONG, routes!(handlers::list_users_with_roles))
        .on(list, Body::None, TimeLimit::LONG, routes!(handlers::list_users))
        .on(create, Body::Json, TimeLimit::SHORT, routes!(handlers::create_user))
        .on(get, Body::None, TimeLimit::SHORT, routes!(handlers::get_account_user))
        .on(delete, Body::None, TimeLimit::SHORT, routes!(handlers::delete_user))
        .on(own, Body::None, TimeLimit::SHORT, routes!(handlers::get_user))
}
