//! Roles and who holds them in which account. The roles themselves are data (`authz::roles`) and cannot be changed
//! through the API.

pub mod handlers;
pub mod rights;
pub mod rules;
pub mod store;
pub mod types;

pub use rights::permit;
pub use types::GrantType;

use utoipa_axum::routes;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let list = Access::action(Action::ListRoles).in_caller_account().with_api_key();
    let get = Access::action(Action::GetRole).in_caller_account().with_api_key();
    let members = Access::action(Action::ListRoleMembers).in_request_account().with_api_key();
    let add = Access::action(Action::CreateRoleMember).in_request_account().not_with_api_key();
    let remove = Access::action(Action::DeleteRoleMember).in_request_account().not_with_api_key();
    let signed_in = Access::signed_in().with_api_key();
    routes
        .on(list, Body::None, TimeLimit::SHORT, routes!(handlers::list_roles))
        .on(get, Body::None, TimeLimit::SHORT, routes!(handlers::get_role))
        .on(members, Body::None, TimeLimit::LONG, routes!(handlers::list_role_members))
        .on(add, Body::Json, TimeLimit::SHORT, routes!(handlers::add_role_user))
        .on(remove, Body::None, TimeLimit::SHORT, routes!(handlers::delete_role_user))
        .on(signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::my_roles))
        .on(signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::list_user_roles))
}
