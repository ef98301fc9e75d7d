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
    config::Config,
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

/// What administrators can change while the server runs, as it is in force.
#[derive(Clone, Copy, Debug)]
pub struct InForce {
    pub max_api_key_age_days: u32,
    pub max_api_keys_per_user: u32,
    /// `None`: never removed.
    pub remove_deleted_user_api_keys_older_than_days: Option<u32>,
    pub refuse_common_passwords: bool,
    pub sso_require_existing_users: bool,
    pub max_sessions_per_user: u32,
}

impl From<&Config> for InForce {
    /// Where nothing has been changed.
    fn from(config: &Config) -> Self {
        let users = &config.user_authentication;
        Self {
            max_api_key_age_days: users.max_api_key_age_days.configured(),
            max_api_keys_per_user: users.max_api_keys_per_user.configured(),
            remove_deleted_user_api_keys_older_than_days: users
                .remove_deleted_user_api_keys_older_than_days
                .configured(),
            refuse_common_passwords: users.refuse_common_passwords.configured(),
            sso_require_existing_users: users.sso_require_existing_users.configured(),
            max_sessions_per_user: users.oauth.max_sessions_per_user.configured(),
        }
    }
}

/// What administrators can change, with what they changed.
///
/// # Errors
/// What the database says.
pub async fn in_force(db: &mut PgConnection, config: &Config) -> sqlx::Result<InForce> {
    let mut settings = InForce::from(config);
    for stored in store::list(db).await? {
        rules::apply(&mut settings, config, &stored);
    }
    Ok(settings)
}
