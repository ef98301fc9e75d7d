//! User groups: their roles count for their members at once, and end with the membership, the grant, the group or the
//! account. Only admins manage them.

pub mod handlers;
pub mod store;
pub mod trail;
pub mod types;

use time::OffsetDateTime;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// A group as it is stored.
#[derive(Clone, Debug)]
pub struct UserGroup {
    pub id: Uuid,
    pub name: String,
    pub description: Option<String>,
    pub created_at: OffsetDateTime,
    pub last_updated: OffsetDateTime,
}

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let read = |action| Access::action(action).in_system().with_api_key();
    let change = |action| Access::action(action).in_system().not_with_api_key();
    let own = Access::signed_in().with_api_key();
    routes
        .on(own, Body::None, TimeLimit::SHORT, routes!(handlers::list_my_user_groups))
        .on(read(Action::ListUserGroups), Body::None, TimeLimit::LONG, routes!(handlers::list_user_groups))
        .on(change(Action::CreateUserGroup), Body::Json, TimeLimit::SHORT, routes!(handlers::create_user_group))
        .on(read(Action::GetUserGroup), Body::None, TimeLimit::SHORT, routes!(handlers::get_user_group))
        .on(change(Action::UpdateUserGroup), Body::Json, TimeLimit::SHORT, routes!(handlers::update_user_group))
        .on(change(Action::DeleteUserGroup), Body::None, TimeLimit::SHORT, routes!(handlers::delete_user_group))
        .on(read(Action::GetUserGroupRoles), Body::None, TimeLimit::SHORT, routes!(handlers::list_user_group_roles))
        .on(change(Action::AddUserGroupRole), Body::Json, TimeLimit::SHORT, routes!(handlers::add_user_group_roles))
        .on(
            change(Action::DeleteUserGroupRole),
            Body::None,
            TimeLimit::SHORT,
            routes!(handlers::delete_user_group_role),
        )
        .on(read(Action::GetUserGroupUsers), Body::None, TimeLimit::LONG, routes!(handlers::list_user_group_users))
        .on(change(Action::AddUserGroupUser), Body::Json, TimeLimit::SHORT, routes!(handlers::add_user_group_users))
        .on(
            change(Action::DeleteUserGroupUser),
            Body::None,
            TimeLimit::SHORT,
            routes!(handlers::delete_user_group_users),
        )
}
