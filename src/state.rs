//! What every handler can reach: the parts of the process that outlive a request.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    audit::{seal::Sealer, tally::Tally},
    authn::{attempts::Attempts, cache::Cache, last_used::LastUsed, password::Hasher, signing_keys::SigningKeys},
    authz::roles::RoleTable,
    clock::{Clock, Random},
    config::Config,
    db::{Db, changes::Changes},
    http::openapi,
    identity::{collector::Collector, saml::sp_key::SpKey},
    logging::LogLevel,
    metrics::Metrics,
};

/// The state, shared.
pub type App = Arc<State>;

/// The state.
#[derive(Debug)]
pub struct State {
    pub config: Config,
    pub db: Db,
    /// The version of the database's schema, as it was at start.
    pub schema_version: i64,
    /// When the deployment was started for the first time.
    pub installed_at: OffsetDateTime,
    pub clock: Clock,
    pub random: Arc<Random>,
    pub hasher: Hasher,
    pub signing_keys: SigningKeys,
    pub sp_key: SpKey,
    /// What is refused, until it is written.
    pub tally: Tally,
    /// What signs the seals of the audit trail.
    pub sealer: Sealer,
    pub attempts: Attempts,
    pub cache: Cache,
    pub changes: Arc<Changes>,
    pub roles: RoleTable,
    pub last_used: LastUsed,
    pub collector: Collector,
    pub log_level: LogLevel,
    pub metrics: Arc<Metrics>,
    pub documents: openapi::Served,
}
