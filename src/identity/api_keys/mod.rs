//! API keys: credentials for machines. A key acts as its user, never makes or manages keys, ends by its expiry, by
//! being revoked (its record stays) or by being deleted (its name is free again).

pub mod handlers;
pub mod rules;
pub mod store;
pub mod types;

use time::OffsetDateTime;
use utoipa_axum::routes;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// An API key as it is stored, its secret apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// 16 characters of base62; part of the value, so shown as a hint only.
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked_at: Option<OffsetDateTime>,
    pub last_used_at: Option<OffsetDateTime>,
    /// What the key was narrowed to: names of actions, names of accounts, networks.
    pub actions: Option<Vec<String>>,
    pub accounts: Option<Vec<String>>,
    pub cidrs: Option<Vec<String>>,
}

/// The operations of this module: each once for the caller's own keys, once for those of a user of an account.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let own = |action| Access::action(action).in_caller_home().not_with_api_key();
    let of = |action, twin| Access::action(action).in_path_account().or_self(twin).not_with_api_key();
    let list = of(Action::ListApiKeys, Action::SelfListApiKeys);
    let create = of(Action::CreateApiKey, Action::SelfCreateApiKey);
    let get = of(Action::GetApiKey, Action::SelfGetApiKey);
    let update = of(Action::UpdateApiKey, Action::SelfUpdateApiKey);
    let delete = of(Action::DeleteApiKey, Action::SelfDeleteApiKey);
    routes
        .on(own(Action::SelfListApiKeys), Body::None, TimeLimit::SHORT, routes!(handlers::list_api_keys))
        .on(own(Action::SelfCreateApiKey), Body::Json, TimeLimit::SHORT, routes!(handlers::create_api_key))
        .on(own(Action::SelfGetApiKey), Body::None, TimeLimit::SHORT, routes!(handlers::get_api_key))
        .on(own(Action::SelfUpdateApiKey), Body::Json, TimeLimit::SHORT, routes!(handlers::patch_api_key))
        .on(own(Action::SelfDeleteApiKey), Body::None, TimeLimit::SHORT, routes!(handlers::delete_api_key))
        .on(list, Body::None, TimeLimit::SHORT, routes!(handlers::list_user_api_keys))
        .on(create, Body::Json, TimeLimit::SHORT, routes!(handlers::create_user_api_key))
        .on(get, Body::None, TimeLimit::SHORT, routes!(handlers::get_user_api_key))
        .on(update, Body::Json, TimeLimit::SHORT, routes!(handlers::patch_user_api_key))
        .on(delete, Body::None, TimeLimit::SHORT, routes!(handlers::delete_user_api_key))
}
