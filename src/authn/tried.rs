//! A sign-in that is tried, and what is told of one that is refused: to the log, the metrics and the audit trail. It is
//! told where it is decided, not where it is answered: whoever hangs up before the answer has tried all the same.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, header};

use super::{API_KEY_USER, basic, method::SignInMethod};
use crate::{
    audit::{
        record::{Actor, Refusal},
        tally::{self, Refused},
    },
    error::Reason,
    metrics::Outcome,
    names,
    state::App,
};

/// A sign-in that is tried.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Who it is said to be, and by what.
    pub actor: Actor,
    pub address: Option<IpAddr>,
    pub request_id: Option<HeaderValue>,
    /// Whether the audit trail knows of its refusal already, as something else than a sign-in that failed.
    pub is_recorded: bool,
}

impl Tried {
    #[must_use]
    pub fn new(
        method: SignInMethod,
        username: Option<&str>,
        address: Option<IpAddr>,
        request_id: Option<HeaderValue>,
    ) -> Self {
        let actor = Actor { user: username.map(names::tried), method: Some(method), ..Actor::default() };
        Self { actor, address, request_id, is_recorded: false }
    }

    /// That of a request that shows a credential in its `Authorization` header.
    pub(super) fn of(headers: &HeaderMap, address: Option<IpAddr>, request_id: Option<HeaderValue>) -> Self {
        let method = SignInMethod::of(headers);
        let login = headers.get(header::AUTHORIZATION).and_then(|value| basic::parse(value.as_bytes()).ok());
        let user = login.filter(|login| login.username != API_KEY_USER).map(|login| names::tried(&login.username));
        Self { actor: Actor { user, method, ..Actor::default() }, address, request_id, is_recorded: false }
    }

    /// Tells that it was refused, and why.
    pub fn refused(&self, app: &App, text: &'static str) -> Reason {
        tracing::info!(reason = text, "authentication refused");
        if !self.is_recorded {
            self.record(app, Refusal::SignIn, text);
        }
        app.metrics.count(self.actor.method, Outcome::Refused);
        Reason { text, is_told: true }
    }

    /// Counts it in the audit trail.
    pub(super) fn record(&self, app: &App, refusal: Refusal, why: &str) {
        let request_id = self.request_id.as_ref().and_then(|id| id.to_str().ok());
        let refused = Refused::sign_in(self.actor.clone(), self.address, why);
        tally::note(app, Refused { refusal, request_id, ..refused });
    }
}
