//! What the guard tells the audit trail.

use std::sync::Arc;

use axum::http::request::Parts;

use super::{Asked, Target, matched_path};
use crate::{
    audit::{
        record::{Actor, Refusal},
        recording::{Origin, Recording},
        tally::{self, Refused},
    },
    authn::caller::Caller,
    error::Error,
    http::client_address::client_address,
};

/// The record of a request that changes something; `None` where none is kept.
pub(super) fn recording(asked: &Asked<'_>, parts: &Parts) -> Option<Arc<Recording>> {
    if !asked.row.recorded || !asked.app().config.audit.enabled {
        return None;
    }
    let caller = parts.extensions.get::<Caller>();
    let target = parts.extensions.get::<Target>();
    let account = target.map(|Target(account)| account.name.clone());
    let account = account.or_else(|| caller.map(|caller| caller.account.name.clone()));
    let origin = Origin {
        method: &parts.method,
        uri: &parts.uri,
        route: matched_path(&parts.extensions),
        address: client_address(asked.app(), parts),
        request_id: Some(asked.id().to_owned()),
    };
    Some(Arc::new(Recording::new(asked.app(), asked.operation(), origin, caller.map(Actor::from), account)))
}

/// Counts a permission that was missing.
pub(super) fn denied(asked: &Asked<'_>, parts: &Parts, caller: &Caller, error: &Error) {
    let Error::Forbidden(denial) = error else { return };
    let refused = Refused {
        refusal: Refusal::Permission,
        actor: Actor::from(caller),
        address: client_address(asked.app(), parts),
        operation: Some(asked.operation()),
        request_id: Some(asked.id()),
        why: &denial.to_string(),
    };
    tally::note(asked.app(), refused);
}
