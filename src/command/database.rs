//! Which PostgreSQL a command works on: the configured one, that of a running Kedge, or a private one of its own.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use super::Failure;
use crate::{
    audit::retention,
    clock::{Clock, Random},
    config::Config,
    db::{
        self,
        managed::{self, ManagedPostgres, ManagedSettings},
    },
    error::Error,
    secret::Secret,
};

/// A PostgreSQL to work on, to be given back with [`Database::release`].
pub struct Database {
    pub options: PgConnectOptions,
    /// The same database past a pooler.
    pub direct: PgConnectOptions,
    /// The private one, where this process started it.
    pub managed: Option<ManagedPostgres>,
}

impl Database {
    /// The database of a server that is about to serve.
    pub async fn to_serve(config: &Config, random: &Random) -> Result<Self, Failure> {
        if let Some(options) = configured(config.database.url.as_ref())? {
            let direct = configured(config.database.direct_url.as_ref())?;
            return Ok(Self { direct: direct.unwrap_or_else(|| options.clone()), options, managed: None });
        }
        let settings = ManagedSettings {
            data_dir: &config.data_dir,
            programs: config.database.programs.as_deref(),
            user: config.database.managed_user.as_deref(),
            password: Secret::new(random.alphanumeric(43)),
            server_settings: &[],
        };
        let managed = ManagedPostgres::start(settings).await?;
        let options = managed.connect_options().clone();
        Ok(Self { direct: options.clone(), options, managed: Some(managed) })
    }

    /// The database of a command beside a server that may be running.
    pub async fn to_command(config: &Config, random: &Random) -> Result<Self, Failure> {
        if config.database.url.is_none()
            && let Some(options) = managed::running(&config.data_dir).await?
        {
            return Ok(Self { direct: options.clone(), options, managed: None });
        }
        Self::to_serve(config, random).await
    }

    /// Stops what was started.
    pub async fn release(self) -> Result<(), Failure> {
        match self.managed {
            Some(managed) => Ok(managed.stop().await?),
            None => Ok(()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the URL is what the connection is made with")]
fn configured(url: Option<&Secret>) -> Result<Option<PgConnectOptions>, Failure> {
    let options = url.map(|url| PgConnectOptions::from_str(url.reveal()));
    // The configuration was checked.
    options.transpose().map_err(|error| Failure::Request(Error::internal(error)))
}

/// `kedge migrate`.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let database = Database::to_command(config, &Random::System).await?;
    let done = migrate_and_maintain(config, &database).await;
    database.release().await?;
    println!("The schema is at version {}.", done?);
    Ok(())
}

/// What only the owner of the tables can do, so that those who serve need not own them.
async fn migrate_and_maintain(config: &Config, database: &Database) -> Result<i64, Failure> {
    let version = db::migrate(&database.direct).await?;
    retention::maintain(&database.direct, config.audit.retention_days, &Clock::System).await?;
    Ok(version)
}
