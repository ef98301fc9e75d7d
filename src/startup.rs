//! From a configuration to the state that handlers share. `kedge serve`, the tests and the benchmarks come by here, so
//! that a new part of the state is put in at one place.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    audit::{seal::Sealer, tally::Tally},
    authn::{
        attempts::{self, Attempts},
        cache::Cache,
        last_used::LastUsed,
        password::Hasher,
        signing_keys::{KeyError, Sealing, SigningKey, SigningKeys},
    },
    authz::roles::RoleTable,
    clock::{Clock, Random},
    config::Config,
    db::{
        Db,
        changes::{Changes, Reader},
    },
    error::Result,
    http::openapi,
    identity::{bootstrap, collector::Collector, saml::sp_key::SpKey},
    logging::LogLevel,
    metrics::Metrics,
    state::{App, State},
};

/// What was made of the configuration, or beside it, before the state is.
#[derive(Debug)]
pub struct Parts {
    pub clock: Clock,
    pub random: Arc<Random>,
    pub db: Db,
    pub changes: Arc<Changes>,
    pub hasher: Hasher,
    pub roles: RoleTable,
    /// The key that signs access tokens, where one is configured.
    pub signing_key: Option<SigningKey>,
    pub log_level: LogLevel,
}

/// What the database has kept since the first start.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The version of its schema.
    pub schema_version: i64,
    pub installed_at: OffsetDateTime,
    /// What all nodes count attempts to sign in with.
    pub attempts: [u8; 32],
}

impl Kept {
    /// Reads it; the secret is made where there is none.
    ///
    /// # Errors
    /// What the database says, or that there was no first start.
    pub async fn load(db: &Db, random: &Random, schema_version: i64) -> Result<Self> {
        let installed_at = bootstrap::installed_at(db).await?;
        let attempts = bootstrap::shared_secret(db, random, attempts::SECRET).await?;
        Ok(Self { schema_version, installed_at, attempts })
    }
}

/// Puts the state together. Secrets of the configuration move to what uses them.
///
/// # Errors
/// A key that cannot be read, or what the database says.
pub async fn state(mut config: Config, parts: Parts, kept: Kept) -> Result<App, KeyError> {
    let Parts { clock, random, db, changes, hasher, roles, signing_key, log_level } = parts;
    let sealing = config.keys.sealing_key.take().map(|secret| Sealing::new(&secret)).transpose()?;
    let sp_key = SpKey::new(sealing.clone());
    Ok(Arc::new(State {
        schema_version: kept.schema_version,
        installed_at: kept.installed_at,
        signing_keys: SigningKeys::load(&db, (&clock, &random), Arc::clone(&changes), signing_key, sealing).await?,
        sp_key,
        tally: Tally::default(),
        sealer: Sealer::load(config.audit.seal_key.take().as_ref(), &config.data_dir, &random)?,
        attempts: Attempts::new(kept.attempts, &config.limits),
        cache: Cache::new(&random, u64::from(config.cache.size_mib) << 20),
        last_used: LastUsed::default(),
        collector: Collector::default(),
        metrics: Arc::new(Metrics::default()),
        documents: openapi::Served::default(),
        db: db.obeying(Arc::clone(&changes)),
        clock,
        random,
        changes,
        hasher,
        roles,
        log_level,
        config,
    }))
}

/// Lets what reads the log of changes tell the state of them, and of a database that was away.
#[must_use]
pub fn tie(reader: Reader, app: &App) -> Reader {
    let (state, db, blocks) = (Arc::clone(app), app.db.clone(), app.attempts.blocks());
    reader.followed_by(move |change| blocks.follow(change, state.clock.now())).telling(move || db.renew())
}
