//! The server about itself: health, version, status, error codes, log level, counts.

pub mod configurations;
pub mod handlers;
pub(crate) mod types;

use utoipa_axum::routes;

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// The level of Anchore's API that Kedge speaks: clients compare it (`SemVer`, at least 5.11).
pub const API_LEVEL: &str = "5.22.0";
/// Where the server's counts are.
pub const METRICS: &str = "/metrics";
/// Kedge's own version.
pub const KEDGE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let public = Access::public();
    let signed_in = Access::signed_in().with_api_key();
    let services = Access::action(Action::ListServices).in_caller_account().with_api_key();
    let logging = Access::action(Action::UpdateLoggingLevel).in_system().not_with_api_key();
    let limits = Access::action(Action::GetResourceLimits).in_system().with_api_key();
    routes
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::ping))
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::ping_bare))
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::health_check))
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::health))
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::ready))
        .on(signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::get_metrics))
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::version_check))
        .on(public, Body::None, TimeLimit::SHORT, routes!(handlers::version))
        .on(signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::get_status))
        .on(signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::get_service_detail))
        .on(signed_in, Body::None, TimeLimit::SHORT, routes!(handlers::describe_error_codes))
        .on(services, Body::None, TimeLimit::SHORT, routes!(handlers::list_services))
        .on(logging, Body::Json, TimeLimit::SHORT, routes!(handlers::set_new_log_level))
        .on(limits, Body::None, TimeLimit::SHORT, routes!(handlers::get_resource_limits))
}
