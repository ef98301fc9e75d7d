//! The database: the pool, transactions that are tried again, and migrations.
//!
//! [`managed`] is the private PostgreSQL that Kedge starts when it is given no other. SQL of resources does not
//! belong here but in the `store.rs` beside them.

pub mod managed;

use std::time::Duration;

use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::error::{Error, Result};

/// How often a transaction that lost against another one is run.
const ATTEMPTS: u8 = 3;

/// The pool of connections.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// A pool of at most `size` connections; the first is opened when it is needed.
    #[must_use]
    pub fn new(options: PgConnectOptions, size: u32) -> Self {
        let options = options.application_name("kedge").options([
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "15s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy_with(options);
        Self { pool }
    }

    /// How its connections are made.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        (*self.pool.connect_options()).clone()
    }

    /// A connection to read with, one statement at a time.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where none is to be had in time.
    pub async fn read(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction; [`transaction!`](crate::transaction) is how to use it.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        Ok(self.pool.begin().await?)
    }

    /// Ends a transaction after its work: commits what went well. `None`: it lost a conflict and is to be run again.
    pub async fn settle<T>(
        &self,
        transaction: Transaction<'static, Postgres>,
        done: Result<T, WriteError>,
        attempt: &mut u8,
    ) -> Option<Result<T>> {
        let committed = match done {
            Ok(done) => transaction.commit().await.map(|()| done).map_err(WriteError::Database),
            Err(error) => Err(error),
        };
        match committed {
            Err(WriteError::Database(error)) if *attempt < ATTEMPTS && lost_a_conflict(&error) => {
                *attempt += 1;
                None
            }
            Err(WriteError::Database(error)) => Some(Err(error.into())),
            Err(WriteError::Answer(error)) => Some(Err(error)),
            Ok(done) => Some(Ok(done)),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it does not.
    pub async fn check(&self) -> Result<()> {
        sqlx::query!("select 1 as one").fetch_one(&mut *self.read().await?).await?;
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Runs a block in a transaction and commits it; runs it again where it lost a deadlock or a serialisation conflict.
/// The block answers `Result<T, WriteError>`, the macro `Result<T>`. Nothing but SQL may be awaited inside.
///
/// A macro, since a function that takes an async closure cannot promise that its future is `Send`.
#[macro_export]
macro_rules! transaction {
    ($database:expr, |$connection:ident| $work:block) => {{
        // Evaluated outside the block's scope, so that the connection may have the database's name.
        let database: &$crate::db::Db = &$database;
        let mut attempt = 1;
        loop {
            let mut transaction = database.begin().await?;
            let $connection: &mut sqlx::PgConnection = &mut transaction;
            let done: Result<_, $crate::db::WriteError> = async { $work }.await;
            if let Some(settled) = database.settle(transaction, done, &mut attempt).await {
                break settled;
            }
        }
    }};
}

/// Why a transaction did not commit.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The database's word, before it is turned into an answer: a conflict is tried again.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The answer of a rule.
    #[error(transparent)]
    Answer(#[from] Error),
}

/// Whether the transaction was only unlucky: serialization failure or deadlock (SQLSTATE 40001, 40P01).
fn lost_a_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "40001" || code == "40P01")
}

/// Brings the schema up to date, alone: others wait on an advisory lock. A schema newer than this binary is left
/// as it is. Answers the version of the schema.
///
/// # Errors
/// What the database says.
pub async fn migrate(options: &PgConnectOptions) -> Result<i64, MigrateError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let mut migrator = sqlx::migrate!();
    migrator.set_ignore_missing(true);
    migrator.run(&mut connection).await?;
    let version = sqlx::query_scalar!(r#"select max(version) as "version!" from _sqlx_migrations where success"#)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(version)
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("cannot use the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("cannot migrate the database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
}
