//! The API of Anchore's open predecessor, under `/v1/`: the identity and system paths that its clients still ask, in
//! one place that can be deleted some day.
//!
//! Most are V2's own operations under their older path. Where V1 has another body, [`handlers`] asks V2's operation and
//! puts its answer into the words of [`types`]. Nothing is decided here: no access, no rule, no SQL; errors are V2's,
//! whose bodies hold what V1's clients read.

pub mod handlers;
pub mod types;

use utoipa_axum::routes;

use crate::{
    http::routes::Routes,
    identity::{accounts::handlers as accounts, credentials::handlers as credentials, users::handlers as users},
    system::handlers as system,
};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    routes
        .on_v1(routes!(handlers::ping))
        .on_v1(routes!(handlers::ping_bare))
        .on_v1(routes!(handlers::get_openapi_json))
        .on_v1(routes!(handlers::version_check))
        .on_v1(routes!(handlers::get_oauth_token))
        .on_v1(routes!(system::get_status))
        .on_v1(routes!(handlers::get_service_detail))
        .on_v1(routes!(system::describe_error_codes))
        .on_v1(routes!(accounts::get_users_account))
        .on_v1(routes!(accounts::list_accounts))
        .on_v1(routes!(accounts::create_account))
        .on_v1(routes!(accounts::get_account))
        .on_v1(routes!(accounts::update_account_state))
        .on_v1(routes!(handlers::delete_account))
        .on_v1(routes!(handlers::list_users))
        .on_v1(routes!(handlers::create_user))
        .on_v1(routes!(handlers::get_account_user))
        .on_v1(routes!(users::delete_user))
        .on_v1(routes!(handlers::get_user))
        .on_v1(routes!(credentials::list_user_credentials))
        .on_v1(routes!(credentials::create_user_credential))
        .on_v1(routes!(credentials::delete_user_credential))
        .on_v1(routes!(credentials::get_credentials))
        .on_v1(routes!(credentials::add_credential))
}
