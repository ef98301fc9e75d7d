//! Credentials: the one password that a native user may have. Its value is never shown, not even masked by length.

pub mod handlers;
pub mod store;
pub mod types;

use utoipa_axum::routes;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let list = Access::action(Action::GetUser).in_path_account().with_api_key();
    let change = Access::action(Action::UpdateUser).in_path_account().not_with_api_key();
    let own = Access::signed_in();
    routes
        .on(list, Body::None, TimeLimit::SHORT, routes!(handlers::list_user_credentials))
        .on(change, Body::Json, TimeLimit::SHORT, routes!(handlers::create_user_credential))
        .on(change, Body::None, TimeLimit::SHORT, routes!(handlers::delete_user_credential))
        .on(own.with_api_key(), Body::None, TimeLimit::SHORT, routes!(handlers::get_credentials))
        .on(own.not_with_api_key(), Body::Json, TimeLimit::SHORT, routes!(handlers::add_credential))
}
