//! The configuration on the wire: every key is shown, the limits of identity can be changed while the server runs.
//!
//! A change stands in the database, and whatever applies a limit reads it there ([`in_force`]): all nodes go by it from
//! the next request on, and nothing can be stale. What the operator set, in the file or the environment, wins over it
//! and is shown as read-only.

pub mod handlers;
pub mod rules;
pub mod store;
pub mod types;

use sqlx::PgConnection;
use utoipa_axum::routes;

use crate::{
    authz::{access::Access, action::Action},
    config::{Config, UserAuthentication},
    http::routes::{Body, Routes, TimeLimit},
};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let read = Access::action(Action::GetSystemConfig).in_system().with_api_key();
    let write = Access::action(Action::UpdateSystemConfig).in_system().not_with_api_key();
    let unset = Access::action(Action::UnsetSystemConfig).in_system().not_with_api_key();
    routes
        .on(read, Body::None, TimeLimit::SHORT, routes!(handlers::list_configurations))
        .on(write, Body::Json, TimeLimit::SHORT, routes!(handlers::patch_configuration))
        .on(read, Body::None, TimeLimit::SHORT, routes!(handlers::get_configuration_schema))
        .on(read, Body::None, TimeLimit::SHORT, routes!(handlers::get_configuration))
        .on(write, Body::Json, TimeLimit::SHORT, routes!(handlers::put_configuration))
        .on(unset, Body::None, TimeLimit::SHORT, routes!(handlers::delete_configuration))
}

/// How users may sign in and what they may have, with what administrators changed of it.
///
/// # Errors
/// What the database says.
pub async fn in_force(db: &mut PgConnection, config: &Config) -> sqlx::Result<UserAuthentication> {
    let mut settings = config.user_authentication.clone();
    for stored in store::list(db).await? {
        rules::apply(&mut settings, config, &stored);
    }
    Ok(settings)
}
