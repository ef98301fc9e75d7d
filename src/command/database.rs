//! Which PostgreSQL a command works on: the configured one, that of a running Kedge, or a private one of its own.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use super::Failure;
use crate::{
    clock::Random,
    config::Config,
    db::{
        self,
        managed::{self, ManagedPostgres, ManagedSettings},
    },
    secret::Secret,
};

/// A PostgreSQL to work on, to be given back with [`Database::release`].
pub struct Database {
    pub options: PgConnectOptions,
    /// The private one, where this process started it.
    pub managed: Option<ManagedPostgres>,
}

impl Database {
    /// The database of a server that is about to serve.
    pub async fn to_serve(config: &Config, random: &Random) -> Result<Self, Failure> {
        if let Some(options) = configured(config)? {
            return Ok(Self { options, managed: None });
        }
        let settings = ManagedSettings {
            data_dir: &config.data_dir,
            programs: config.database.programs.as_deref(),
            user: config.database.managed_user.as_deref(),
            password: Secret::new(random.alphanumeric(43)),
            server_settings: &[],
        };
        let managed = ManagedPostgres::start(settings).await?;
        Ok(Self { options: managed.connect_options().clone(), managed: Some(managed) })
    }

    /// The database of a command beside a server that may be running.
    pub async fn to_command(config: &Config, random: &Random) -> Result<Self, Failure> {
        if config.database.url.is_none()
            && let Some(options) = managed::running(&config.data_dir).await?
        {
            return Ok(Self { options, managed: None });
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
fn configured(config: &Config) -> Result<Option<PgConnectOptions>, Failure> {
    let url = config.database.url.as_ref().map(|url| PgConnectOptions::from_str(url.reveal()));
    url.transpose().map_err(Failure::DatabaseUrl)
}

/// `kedge migrate`.
pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let database = Database::to_command(config, &Random::System).await?;
    let migrated = db::migrate(&database.options).await;
    database.release().await?;
    println!("The schema is at version {}.", migrated?);
    Ok(())
}
