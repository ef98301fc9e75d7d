//! The schema: brought up to date before anything is served.

use sqlx::{
    Connection, PgConnection,
    migrate::{Migration, Migrator},
    postgres::PgConnectOptions,
};

use super::{ATTEMPTS, lost_a_conflict};

/// Brings the schema up to date, alone: others wait on an advisory lock. A schema newer than this binary is left
/// as it is. Answers the version of the schema.
///
/// # Errors
/// What the database says.
pub async fn migrate(options: &PgConnectOptions) -> Result<i64, MigrateError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let mut migrator = sqlx::migrate!();
    migrator.set_ignore_missing(true);
    // A role that only serves could not even ask for the table of versions to be made.
    if !is_current(&mut connection, &migrator).await? {
        let mut attempt = 1;
        while let Err(error) = migrator.run(&mut connection).await {
            // Nodes of the version before go on serving meanwhile.
            let is_unlucky =
                matches!(&error, sqlx::migrate::MigrateError::ExecuteMigration(error, _) if lost_a_conflict(error));
            if !is_unlucky || attempt == ATTEMPTS {
                return Err(error.into());
            }
            attempt += 1;
        }
    }
    let version = sqlx::query_scalar!(r#"select max(version) as "version!" from _sqlx_migrations where success"#)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(version)
}

/// Whether there is nothing to migrate.
async fn is_current(db: &mut PgConnection, migrator: &Migrator) -> sqlx::Result<bool> {
    let is_there = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "is_there!""#);
    if !is_there.fetch_one(&mut *db).await? {
        return Ok(false);
    }
    let applied = sqlx::query!("select version, checksum from _sqlx_migrations where success").fetch_all(db).await?;
    let is_applied = |migration: &Migration| {
        applied.iter().any(|row| row.version == migration.version && row.checksum == *migration.checksum)
    };
    Ok(migrator.iter().all(is_applied))
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot use the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("cannot migrate the database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}
