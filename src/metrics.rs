//! What the server counts of itself, for `GET /metrics`. Labels are routes, methods, statuses and a few words: no name
//! of a user, an account or a key is ever one, and nothing that a client makes up.

use std::{sync::OnceLock, time::Duration};

use axum::http::StatusCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{
    authn::method::SignInMethod,
    error::{Error, OAuthError},
    http::routes::RouteTable,
    state::State,
};

/// The media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// In seconds: from a warm answer to one that took all its time.
const BUCKETS: [f64; 14] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 15.0];

/// The statuses that are counted by themselves; any other counts as 0.
const STATUSES: [u16; 20] =
    [0, 200, 201, 204, 302, 303, 304, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 431, 500, 503];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    method: String,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignIn {
    method: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Run {
    of: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Rows {
    of: &'static str,
}

/// What came of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    Refused,
    MadeToWait,
    /// The check could not be made.
    NotChecked,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Accepted, Self::Refused, Self::MadeToWait, Self::NotChecked];

    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::MadeToWait => "made_to_wait",
            Self::NotChecked => "not_checked",
        }
    }
}

/// What is to be counted; `None` where it was counted as it was decided.
impl From<&Error> for Option<Outcome> {
    fn from(error: &Error) -> Self {
        match error {
            Error::Unauthenticated(reason) => (!reason.is_told).then_some(Outcome::Refused),
            Error::Forbidden(_) => Some(Outcome::Refused),
            Error::TooManyAttempts { .. } => Some(Outcome::MadeToWait),
            _ => Some(Outcome::NotChecked),
        }
    }
}

impl From<&OAuthError> for Option<Outcome> {
    fn from(error: &OAuthError) -> Self {
        match error {
            OAuthError::Grant(reason) => (!reason.is_told).then_some(Outcome::Refused),
            OAuthError::Other(error) => error.into(),
            _ => Some(Outcome::NotChecked),
        }
    }
}

/// The counters of one operation, found once.
struct Counted {
    operation: Operation,
    took: Histogram,
    answers: [OnceLock<Counter>; STATUSES.len()],
}

/// The counters.
pub struct Metrics {
    requests: Family<Answered, Counter>,
    durations: Family<Operation, Histogram>,
    sign_ins: Family<SignIn, Counter>,
    /// By method, none of them last, and outcome: found once.
    sign_in_counters: [[Counter; Outcome::ALL.len()]; SignInMethod::ALL.len() + 1],
    removals: Family<Run, Counter>,
    removed: Family<Rows, Counter>,
    accepted: Counter,
    handshakes_failed: Counter,
    open: Gauge,
    /// By number.
    operations: OnceLock<Box<[Counted]>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let sign_ins: Family<SignIn, Counter> = Family::default();
        let counters = |method: &'static str| {
            Outcome::ALL.map(|outcome| sign_ins.get_or_create_owned(&SignIn { method, outcome: outcome.name() }))
        };
        let sign_in_counters =
            std::array::from_fn(|place| counters(SignInMethod::ALL.get(place).map_or("none", |method| method.name())));
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            sign_ins,
            sign_in_counters,
            removals: Family::default(),
            removed: Family::default(),
            accepted: Counter::default(),
            handshakes_failed: Counter::default(),
            open: Gauge::default(),
            operations: OnceLock::new(),
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Makes the counters of every operation that is served: those of its failures at once, since an alert on how fast
    /// a counter grows does not see the one that begins with the first.
    pub fn know(&self, table: &RouteTable) {
        let mut rows = table.rows();
        rows.sort_by_key(|(_, _, row)| row.number);
        let counted = rows.into_iter().map(|(path, method, _)| {
            let operation = Operation { method: method.to_string(), route: path.to_owned() };
            let took = self.durations.get_or_create_owned(&operation);
            let counted = Counted { operation, took, answers: [const { OnceLock::new() }; STATUSES.len()] };
            for (status, answers) in STATUSES.iter().zip(&counted.answers).filter(|(status, _)| **status >= 500) {
                answers.get_or_init(|| self.counter(&counted.operation, *status));
            }
            counted
        });
        // Known already where the same state serves twice.
        drop(self.operations.set(counted.collect()));
    }

    /// An answer of the operation of that number. One of none (404, 405) counts under the route `-`.
    pub fn answered(&self, operation: Option<usize>, status: StatusCode, took: Duration) {
        let at = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or_default();
        let status = STATUSES.get(at).copied().unwrap_or_default();
        let Some(counted) = operation.and_then(|number| self.operations.get()?.get(number)) else {
            self.counter(&Operation { method: "-".to_owned(), route: "-".to_owned() }, status).inc();
            return;
        };
        counted.took.observe(took.as_secs_f64());
        if let Some(answers) = counted.answers.get(at) {
            answers.get_or_init(|| self.counter(&counted.operation, status)).inc();
        }
    }

    fn counter(&self, Operation { method, route }: &Operation, status: u16) -> Counter {
        self.requests.get_or_create_owned(&Answered { method: method.clone(), route: route.clone(), status })
    }

    /// What came of a sign-in, or of a request that shows no credential. Each is told here once, by the guard or by the
    /// door that answers tokens for it.
    pub fn signed_in<T, E>(&self, method: Option<SignInMethod>, result: &Result<T, E>)
    where
        Option<Outcome>: for<'a> From<&'a E>,
    {
        if let Some(outcome) = result.as_ref().map_or_else(Option::from, |_| Some(Outcome::Accepted)) {
            self.count(method, outcome);
        }
    }

    /// Counts a sign-in as this.
    pub fn count(&self, method: Option<SignInMethod>, outcome: Outcome) {
        let place = method.map_or(SignInMethod::ALL.len(), |method| method as usize);
        let counters = self.sign_in_counters.get(place);
        if let Some(counter) = counters.and_then(|counters| counters.get(outcome as usize)) {
            counter.inc();
        }
    }

    /// A run of the collector.
    pub fn collected(&self, of: &'static str, rows: Option<u64>) {
        let [done, failed] = ["done", "failed"].map(|outcome| self.removals.get_or_create_owned(&Run { of, outcome }));
        let _ = if rows.is_some() { done.inc() } else { failed.inc() };
        self.removed.get_or_create(&Rows { of }).inc_by(rows.unwrap_or_default());
    }

    /// A connection is open until the guard is dropped.
    #[must_use]
    pub fn connected(&self) -> Connected {
        self.accepted.inc();
        self.open.inc();
        Connected(self.open.clone())
    }

    pub fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// All that is counted, as text (`OpenMetrics` 1.0).
///
/// # Errors
/// None that is known: text takes all that is written to it.
pub fn text(state: &State) -> Result<String, std::fmt::Error> {
    let (metrics, mut registry) = (&state.metrics, Registry::with_prefix("kedge"));
    registry.register("http_requests", "Answered requests", metrics.requests.clone());
    registry.register_with_unit(
        "http_request_duration",
        "Time taken to answer requests",
        Unit::Seconds,
        metrics.durations.clone(),
    );
    registry.register("authentications", "Sign-ins, including remembered credentials", metrics.sign_ins.clone());
    registry.register("collector_runs", "Runs of the collector", metrics.removals.clone());
    registry.register("collector_rows", "Rows removed by the collector", metrics.removed.clone());
    registry.register("connections_accepted", "Accepted connections", metrics.accepted.clone());
    registry.register(
        "tls_handshakes_failed",
        "Connections whose TLS handshake failed",
        metrics.handshakes_failed.clone(),
    );
    registry.register("connections_open", "Open connections", metrics.open.clone());
    let uses = state.cache.uses();
    register_count(&mut registry, "cache_hits", "Callers that were remembered", uses.hits);
    register_count(&mut registry, "cache_misses", "Callers that were not remembered", uses.misses);
    register_level(&mut registry, "cache_entries", "Remembered callers", state.cache.len());
    register_level(&mut registry, "hashes_waiting", "Passwords waiting to be hashed", state.hasher.waiting());
    let (idle, open) = state.db.connections();
    register_level(&mut registry, "database_connections_open", "Connections of the pool", open);
    register_level(&mut registry, "database_connections_idle", "Idle connections of the pool", idle);
    let leased = usize::from(state.changes.is_leased());
    register_level(&mut registry, "changes_leased", "Whether the node receives changes (1) or not (0)", leased);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn register_count(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter: Counter = Counter::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn register_level(registry: &mut Registry, name: &str, help: &str, value: usize) {
    let gauge: Gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}
