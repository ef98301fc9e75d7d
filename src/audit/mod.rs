//! The audit trail: who did what, to what, from where and when, and how it ended.
//!
//! A change has its record in the transaction that makes it: while a request runs that changes something, its
//! [`recording`] is at hand, and whoever commits writes it ([`crate::db::Db::settle`]); no handler can forget it. What
//! is refused, fails or comes too late is no change: [`tally`] counts it, a row for each caller, kind and minute, so
//! that no flood can write a row a request. [`handlers`] show both by the surface that Anchore has for events, [`seal`]
//! makes them tamper-evident, [`retention`] ends them.

mod changes;
pub mod handlers;
mod months;
pub mod record;
pub mod recording;
pub mod retention;
pub mod seal;
pub mod store;
pub mod tally;
pub mod types;

use utoipa_axum::routes;

pub use recording::{
    Beside, about, belongs_to, beside, change, changed, concerns, concerns_also, concerns_each, done_by,
    nothing_happened,
};

use crate::{
    authz::{access::Access, action::Action},
    http::routes::{Body, Routes, TimeLimit},
};

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let list = Access::action(Action::ListEvents).in_caller_account().with_api_key();
    let get = Access::action(Action::GetEvent).in_caller_account().with_api_key();
    routes
        .on(list, Body::None, TimeLimit::LONG, routes!(handlers::list_events))
        .on(list, Body::None, TimeLimit::SHORT, routes!(handlers::list_event_types))
        .on(get, Body::None, TimeLimit::SHORT, routes!(handlers::get_event))
}
