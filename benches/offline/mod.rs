//! A Kedge without a database, for fuzzing and for measuring: the user `admin` is remembered as signed in, and the node
//! is leased for ever. What needs the database answers 503. No part of what is shipped.

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
    authn::{
        Principal,
        cache::Entry,
        caller::{Caller, Credential},
        password::{Cost, Hasher, Places},
        signing_keys::configured,
    },
    authz::roles::RoleTable,
    clock::{Clock, Random},
    config::Config,
    db::{
        Db,
        changes::{Changes, Subject},
    },
    identity::{
        accounts::{Account, AccountState, AccountType},
        users::{User, UserType},
    },
    logging,
    startup::{self, Kept, Parts},
    state::App,
};

/// What the user `admin` signs in with, from no address or this machine's.
pub const ADMIN: HeaderValue = HeaderValue::from_static("Basic YWRtaW46cGFzc3dvcmQ=");

/// Makes it. The configuration must name a key to sign with: others are in the database.
///
/// # Errors
/// What is wrong with the configuration, or keeps a thread or the log from being made.
pub async fn app(mut config: Config) -> Result<App, Box<dyn std::error::Error>> {
    // Nothing is kept of a run.
    config.data_dir = "/nowhere".into();
    let random = Arc::new(Random::System);
    let (changes, _) = Changes::new(random.uuid(), config.cache.lease);
    changes.freshness().lease(u64::MAX);
    let cheap = Cost { memory_kib: 64, passes: 1 };
    let parts = Parts {
        clock: Clock::System,
        db: Db::new(PgConnectOptions::new_without_pgpass().socket(Path::new("/nowhere")), 1),
        changes,
        hasher: Hasher::new(Arc::clone(&random), cheap, Places::from(&config.limits))?,
        roles: RoleTable::load(config.roles.file.as_deref())?,
        signing_key: configured(&config.keys)?,
        log_level: logging::init(&config.logging, std::io::sink)?,
        random,
    };
    let kept = Kept { schema_version: 0, installed_at: OffsetDateTime::UNIX_EPOCH, attempts: [0; 32] };
    let app = startup::state(config, parts, kept).await?;
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
    let stripes = ["a", "b", "c"].map(|id| app.changes.stripe(Subject::ApiKey(id)));
    Entry::new(caller, app.changes.freshness().moment(), stripes.into(), now..now + Duration::days(365))
}
