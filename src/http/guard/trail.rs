//! What the guard tells the audit trail.

use std::sync::Arc;

use axum::{http::request::Parts, response::Response};

use super::{Asked, Target, matched_path};
use crate::{
    audit::{
        record::Actor,
        recording::{Origin, Recording},
        tally,
    },
    authn::caller::Caller,
    authz::policy::Denial,
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
        address: asked.address,
        request_id: Some(asked.id().to_owned()),
    };
    Some(Arc::new(Recording::new(asked.app(), asked.operation(), origin, caller.map(Actor::from), account)))
}

/// The answer, with what it refuses to the caller counted. What a change was refused is counted already, with its
/// record: that does not hang on whether anybody waits for the answer.
pub(super) fn denied(asked: &Asked<'_>, caller: Option<&Caller>, mut answer: Response) -> Response {
    if let (Some(denial), Some(caller)) = (answer.extensions_mut().remove::<Denial>(), caller) {
        let (actor, operation) = (Actor::from(caller), asked.operation());
        tally::note_denial(asked.app(), &denial, actor, asked.address, operation, Some(asked.id()));
    }
    answer
}
