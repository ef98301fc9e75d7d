//! The database: the pool, and transactions that are tried again.
//!
//! [`changes`] is what nodes tell each other, [`managed`] the private PostgreSQL that Kedge starts when it is given no
//! other, `migration` brings the schema up to date. SQL of resources does not belong here but in the `store.rs` beside
//! them.

pub mod changes;
pub mod managed;
mod migration;
mod moment;
mod pulse;

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Row, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use migration::{MigrateError, migrate};
pub use moment::earliest_now;

use crate::{
    audit::recording,
    authz::policy::Denial,
    error::{Error, Result},
};
use changes::Changes;
use pulse::{Found, Pulse};

/// How long the server lets a statement of a request run.
const STATEMENT: &str = "10s";
/// How long a connection is waited for.
const ACQUIRE: Duration = Duration::from_millis(1_700);
/// How long work may take before the database is asked whether it still answers.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// How long the end of connections is waited for.
const CLOSE: Duration = Duration::from_secs(3);

/// How long an idle connection is taken without being tried.
const TRUSTED: Duration = Duration::from_millis(500);

/// What begins a transaction behind a pooler: statements have names, and those of the one before are in the way.
const BEGIN_AFRESH: &str = "begin; deallocate all";

/// How often a transaction that lost against another one is run.
const ATTEMPTS: u8 = 3;

/// The pool of connections. Once the database is lost it is another one: connections that hang are not waited for.
#[derive(Clone)]
pub struct Db {
    shared: Arc<Shared>,
    /// `None` where nothing is remembered that a change could make wrong.
    changes: Option<Arc<Changes>>,
    mode: Mode,
}

/// What stands between Kedge and the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing, or what gives each client a connection of its own.
    Direct,
    /// A pooler that gives each transaction another connection, so that what one prepared another would not know. A
    /// statement is sent in two steps, which need a transaction around them.
    PooledByTransaction,
}

struct Shared {
    pool: RwLock<PgPool>,
    size: u32,
    pulse: Pulse,
}

impl Db {
    /// A pool of at most `size` connections; the first is opened when it is needed.
    #[must_use]
    pub fn new(options: PgConnectOptions, size: u32) -> Self {
        Self::with(options, size, STATEMENT)
    }

    /// The same for work that takes as long as there is much: no statement is ended.
    #[must_use]
    pub fn patient(options: PgConnectOptions, size: u32) -> Self {
        Self::with(options, size, "0")
    }

    fn with(options: PgConnectOptions, size: u32, statement_timeout: &str) -> Self {
        let options = options.application_name("kedge").options([
            ("statement_timeout", statement_timeout),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "15s"),
        ]);
        let pool = RwLock::new(pool(options.clone(), size));
        let shared = Arc::new(Shared { pool, size, pulse: Pulse::new(options) });
        Self { shared, changes: None, mode: Mode::Direct }
    }

    /// The same through a pooler that gives each transaction another connection: no statement is prepared for longer.
    #[must_use]
    pub fn pooled_by_transaction(options: &PgConnectOptions, size: u32) -> Self {
        let options = options.clone().statement_cache_capacity(0);
        Self { mode: Mode::PooledByTransaction, ..Self::new(options, size) }
    }

    /// The same; a change is not answered before this node obeys it.
    #[must_use]
    pub fn obeying(self, changes: Arc<Changes>) -> Self {
        Self { changes: Some(changes), ..self }
    }

    /// How its connections are made.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        (*self.pool().connect_options()).clone()
    }

    /// A connection for one statement at a time. What they write is kept by [`Connection::commit`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] where none is to be had in time.
    pub async fn connection(&self) -> Result<Connection> {
        self.require_answer().await?;
        Ok(match self.mode {
            Mode::Direct => Connection::Connection(self.pool().acquire().await?),
            Mode::PooledByTransaction => Connection::Transaction(self.pool().begin_with(BEGIN_AFRESH).await?),
        })
    }

    /// Begins a transaction; [`transaction!`](crate::transaction) is how to use it.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        self.require_answer().await?;
        Ok(match self.mode {
            Mode::Direct => self.pool().begin().await?,
            Mode::PooledByTransaction => self.pool().begin_with(BEGIN_AFRESH).await?,
        })
    }

    /// Does the work while the database answers; gives up and drops it where the database is lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it is lost, or what the work says.
    pub async fn while_it_answers<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            lost = self.lost() => Err(lost),
        }
    }

    /// Resolves once the database is lost, with what to say then.
    pub async fn lost(&self) -> Error {
        loop {
            tokio::time::sleep(ASK_EVERY).await;
            if !self.answers().await {
                return LOST;
            }
        }
    }

    /// In a task of its own: what is found counts for all, though the one who asked may be gone by then.
    async fn answers(&self) -> bool {
        let db = self.clone();
        let asked = tokio::spawn(async move {
            let found = db.shared.pulse.ask().await;
            if found == Found::JustLost {
                db.renew();
            }
            found == Found::Answers
        });
        asked.await.unwrap_or(false)
    }

    /// Connections to a database that is lost would only hang, and it would find them all when it comes back.
    async fn require_answer(&self) -> Result<()> {
        if self.shared.pulse.is_lost() && !self.answers().await { Err(LOST) } else { Ok(()) }
    }

    fn pool(&self) -> PgPool {
        self.shared.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another pool. Whoever waits for a connection of the old one is told at once; what works on one may finish.
    pub fn renew(&self) {
        let new = pool(self.options(), self.shared.size);
        let old = std::mem::replace(&mut *self.shared.pool.write().unwrap_or_else(PoisonError::into_inner), new);
        tokio::spawn(close(old));
    }

    /// Ends a transaction after its work: commits what went well. `None`: it lost a conflict and is to be run again.
    pub async fn settle<T>(
        &self,
        mut transaction: Transaction<'static, Postgres>,
        done: Result<T, WriteError>,
        attempt: &mut u8,
    ) -> Option<Result<T>> {
        // No change without its record.
        let done = match done {
            Ok(done) => recording::write(&mut transaction).await.map(|()| done).map_err(WriteError::Database),
            Err(error) => Err(error),
        };
        let committed = match done {
            Ok(done) => {
                let committed = transaction.commit().await;
                if committed.is_ok() {
                    recording::committed();
                }
                // Also where it is not known how the commit ended.
                if let Some(changes) = &self.changes {
                    changes.obeyed().await;
                }
                committed.map(|()| done).map_err(WriteError::Database)
            }
            Err(WriteError::Answer(refusal)) => {
                // Dropped, it would hold its locks for a moment after the answer.
                if let Err(error) = transaction.rollback().await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a refused change was not rolled back");
                }
                Err(WriteError::Answer(refusal))
            }
            lost => lost,
        };
        match committed {
            Err(WriteError::Database(error)) if *attempt < ATTEMPTS && lost_a_conflict(&error) => {
                *attempt += 1;
                None
            }
            settled => Some(settled.map_err(Error::from)),
        }
    }

    /// Whether the database can be used.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where it cannot.
    pub async fn check(&self) -> Result<()> {
        sqlx::query!("select 1 as one").fetch_one(&mut *self.connection().await?).await?;
        match &self.changes {
            // A standby answers, too.
            Some(changes) if !changes.is_leased() => changes.renewed().await,
            _ => Ok(()),
        }
    }

    /// How many connections of the pool nobody uses, and how many there are.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let pool = self.pool();
        (pool.num_idle(), pool.size() as usize)
    }

    /// Closes every connection; one that hangs is not waited for.
    pub async fn close(&self) {
        close(self.pool()).await;
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("pool", &self.pool()).finish_non_exhaustive()
    }
}

/// A connection for one statement at a time.
#[derive(Debug)]
pub enum Connection {
    Connection(PoolConnection<Postgres>),
    /// Rolled back at the end.
    Transaction(Transaction<'static, Postgres>),
}

impl Connection {
    /// Keeps what was written.
    ///
    /// # Errors
    /// What the database says.
    pub async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Connection(_) => Ok(()),
            Self::Transaction(transaction) => transaction.commit().await,
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Connection(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }
}

const LOST: Error = Error::Unavailable("the database does not answer");

fn pool(options: PgConnectOptions, size: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        .after_connect(|connection, _| Box::pin(refuse_standby(connection)))
        // A connection that was in use a moment ago is not tried: that would double what a short query costs.
        .test_before_acquire(false)
        .before_acquire(|connection, last| {
            Box::pin(async move {
                if last.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}

/// What a standby answers may be behind, and would be remembered.
async fn refuse_standby(db: &mut PgConnection) -> sqlx::Result<()> {
    // In one step: a pooler may be in between, and there is no transaction.
    if sqlx::raw_sql("select pg_is_in_recovery()").fetch_one(db).await?.try_get(0)? {
        return Err(sqlx::Error::Protocol("the database is a standby, which may be behind".to_owned()));
    }
    Ok(())
}

async fn close(pool: PgPool) {
    // An error means that some connection hangs: it ends with this process or with its statement.
    drop(tokio::time::timeout(CLOSE, pool.close()).await);
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

impl From<Denial> for WriteError {
    fn from(denial: Denial) -> Self {
        Self::Answer(denial.into())
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Database(error) => error.into(),
            WriteError::Answer(error) => error,
        }
    }
}

/// Whether the transaction was only unlucky: serialization failure or deadlock (SQLSTATE 40001, 40P01).
pub fn lost_a_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "40001" || code == "40P01")
}
