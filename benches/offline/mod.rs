//! A Kedge without a database, for fuzzing and for measuring: the user `admin` is remembered as signed in, and the node is
//! leased for ever. What needs the database answers 503. No part of what is shipped.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use axum::http::HeaderValue;
use sqlx::postgres::PgConnectOptions;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use kedge::{
    audit::{seal::Sealer, tally::Tally},
    authn::{
        Principal,
        attempts::Attempts,
        cache::{Cache, Entry},
        caller::{Caller, Credential},
        last_used::LastUsed,
        password::{Cost, Hasher, Places},
        signing_keys::{SigningKeys, configured},
    },
    authz::roles::RoleTable,
    clock::{Clock, Random},
    config::Config,
    db::{
        Db,
        changes::{Changes, Thing},
    },
    identity::{
        accounts::{Account, AccountState, AccountType},
        collector::Collector,
        saml::sp_key::SpKey,
        users::{User, UserType},
    },
    logging,
    metrics::Metrics,
    state::{App, State},
};

/// What the user `admin` signs in with, from no address or this machine's.
pub const ADMIN: HeaderValue = HeaderValue::from_static("Basic YWRtaW46cGFzc3dvcmQ=");

/// Makes it. The configuration must name a key to sign with: others are in the database.
///
/// # Errors
/// What is wrong with the configuration, or keeps a thread or the log from being made.
pub async fn app(config: Config) -> Result<App, Box<dyn std::error::Error>> {
    let (clock, random) = (Clock::System, Arc::new(Random::System));
    let (changes, _) = Changes::new(random.uuid(), config.cache.lease);
    changes.freshness().lease(u64::MAX);
    let db = Db::new(PgConnectOptions::new_without_pgpass().socket(Path::new("/nowhere")), 1);
    let cheap = Cost { memory_kib: 64, passes: 1 };
    let app = Arc::new(State {
        schema_version: 0,
        installed_at: OffsetDateTime::UNIX_EPOCH,
        signing_keys: SigningKeys::load(&db, (&clock, &random), configured(&config.keys)?, None).await?,
        sp_key: SpKey::default(),
        tally: Tally::default(),
        sealer: Sealer::load(None, Path::new("/nowhere"), &random)?,
        hasher: Hasher::new(Arc::clone(&random), cheap, Places::from(&config.limits))?,
        attempts: Attempts::new(random.bytes(), &config.limits),
        cache: Cache::new(&random, u64::from(config.cache.size_mib) << 20),
        roles: RoleTable::load(config.roles.file.as_deref())?,
        last_used: LastUsed::default(),
        collector: Collector::default(),
        log_level: logging::init(&config.logging, std::io::sink)?,
        metrics: Arc::new(Metrics::default()),
        clock,
        random,
        db,
        changes,
        config,
    });
    let entry = Arc::new(admin(&app));
    for address in [None, Some(IpAddr::V4(Ipv4Addr::LOCALHOST))] {
        app.cache.insert(app.cache.digest(ADMIN.as_bytes(), address), Arc::clone(&entry));
    }
    Ok(app)
}

fn admin(app: &App) -> Entry {
    let (now, id) = (app.clock.now(), Uuid::nil());
    let user = User {
        id,
        username: "admin".to_owned(),
        account_name: "admin".to_owned(),
        kind: UserType::Native,
        source: None,
        idp_name: None,
        created_at: now,
        last_updated: now,
        password_last_updated: None,
    };
    let account = Account {
        id,
        name: "admin".to_owned(),
        kind: AccountType::Admin,
        state: AccountState::Enabled,
        email: None,
        created_at: now,
        last_updated: now,
    };
    let principal = Principal { user, account, auth_epoch: 0, roles: vec![], depends_on: vec![], groups: vec![] };
    let caller = Caller::new(&app.roles, principal, Credential::Password);
    // As many as most callers depend on: a user, an account, a key.
    let stripes = ["a", "b", "c"].map(|id| app.changes.stripe(Thing::ApiKey(id)));
    Entry::new(caller, app.changes.freshness().moment(), stripes.into(), now..now + Duration::days(365))
}
