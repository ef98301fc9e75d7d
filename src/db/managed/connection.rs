//! How Kedge connects to its own PostgreSQL.

use std::io::ErrorKind;
use std::path::Path;

use sqlx::PgConnection;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::error::ManagedError;
use super::server::DATABASE_USER;
use super::socket;
use crate::secret::Secret;

const DATABASE: &str = "kedge";
/// Every cluster has it from the start.
const FIRST_DATABASE: &str = "postgres";

/// Options of which none is the environment's: `PGHOST` and its like speak of another database. `PGOPTIONS` is the one
/// that sqlx reads and lets nobody take back.
pub(super) fn options(socket_directory: &Path, password: &Secret) -> Result<PgConnectOptions, ManagedError> {
    let options = PgConnectOptions::new_without_pgpass();
    if options.get_options().is_some_and(|text| !text.trim().is_empty()) {
        return Err(ManagedError::ForeignOptions);
    }
    #[expect(clippy::disallowed_methods, reason = "connecting takes the password")]
    let options = options.password(password.reveal());
    Ok(options
        .socket(socket_directory)
        .host("localhost")
        .port(socket::PORT)
        .username(DATABASE_USER)
        .database(DATABASE)
        .ssl_mode(PgSslMode::Disable)
        .application_name("kedge"))
}

pub(super) fn to_first_database(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().database(FIRST_DATABASE)
}

pub(super) async fn make_database(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(DATABASE)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        sqlx::query("create database kedge").execute(connection).await?;
    }
    Ok(())
}

/// Whether a server that is still starting would answer so: no socket yet, nobody listening yet, "the database system
/// is starting up", or no database "kedge" yet.
pub(super) fn may_come_up(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != ErrorKind::PermissionDenied,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "3D000")),
        _ => false,
    }
}
