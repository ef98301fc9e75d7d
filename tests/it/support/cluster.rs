//! One PostgreSQL for the run, started as Kedge starts its own, and a copy of a prepared database for each test.

use std::{
    cell::RefCell,
    io::Write,
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
};

use kedge::{
    authn::password::{Hasher, Places},
    clock::{Clock, Random},
    config::{Config, Logging},
    db::{
        self, Db,
        managed::{ManagedPostgres, ManagedSettings},
    },
    identity::bootstrap,
    logging::{self, LogLevel},
    secret::Secret,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Place;

const TEMPLATE: &str = "kedge_template";
pub const DATABASE_PASSWORD: &str = "wonderland";

/// The PostgreSQL of this run.
struct Cluster {
    options: PgConnectOptions,
    /// A database cannot be copied by two at once.
    copying: tokio::sync::Mutex<()>,
    _place: Place,
    /// The names of databases that are not needed any more.
    done_with: UnboundedSender<String>,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    // A runtime of its own, on a thread of its own: the first test must not take PostgreSQL with it when it ends.
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut postgres, cluster, done_with) = runtime.block_on(start());
        let options = cluster.options.clone();
        std::thread::spawn(move || {
            runtime.block_on(async { tokio::join!(postgres.exited(), drop_databases(options, done_with)) });
        });
        cluster
    })
    .join()
    .unwrap()
});

thread_local! {
    static OF_THIS_TEST: RefCell<Databases> = const { RefCell::new(Databases(Vec::new())) };
}

/// Those that a test made. They go when its thread ends: a run that kept them all would fill gigabytes.
struct Databases(Vec<String>);

impl Drop for Databases {
    fn drop(&mut self) {
        for name in self.0.drain(..) {
            // Nobody takes it any more where PostgreSQL has ended.
            let _ = CLUSTER.done_with.send(name);
        }
    }
}

/// Beside the tests, none of which waits for it. What is left at the end of the run goes with the directory.
async fn drop_databases(options: PgConnectOptions, mut done_with: UnboundedReceiver<String>) {
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    while let Some(name) = done_with.recv().await {
        let sql = format!("drop database {name} with (force)");
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await {
            eprintln!("{name} stays: {error}");
        }
    }
}

async fn start() -> (ManagedPostgres, Cluster, UnboundedReceiver<String>) {
    // As `kedge serve` does: both ends of every connection of the tests are in this process.
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let place = Place::new();
    let postgres = ManagedPostgres::start(ManagedSettings {
        data_dir: &place.data,
        programs: None,
        user: None,
        password: Secret::new(DATABASE_PASSWORD.to_owned()),
        server_settings: &[("fsync", "off"), ("max_connections", "600"), ("autovacuum", "off")],
    })
    .await
    .unwrap();
    let options = postgres.connect_options().clone();
    make_template(&options).await;
    let (done_with, to_drop) = unbounded_channel();
    let copying = tokio::sync::Mutex::new(());
    (postgres, Cluster { options, copying, _place: place, done_with }, to_drop)
}

/// A database as it is after the first start.
async fn make_template(options: &PgConnectOptions) {
    let mut connection = PgConnection::connect_with(options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("create database {TEMPLATE}"))).execute(&mut connection).await.unwrap();
    prepare(options.clone().database(TEMPLATE)).await;
}

/// Brings a database to where it is after the first start.
pub async fn prepare(options: PgConnectOptions) {
    db::migrate(&options).await.unwrap();
    let random = Arc::new(Random::System);
    let (db, hasher) = (Db::new(options, 1), Hasher::new(Arc::clone(&random), super::CHEAP, Places::ALONE).unwrap());
    let environment = [
        ("KEDGE_DATA_DIR".to_owned(), "/nowhere".to_owned()),
        ("KEDGE_ADMIN_PASSWORD".to_owned(), super::ADMIN_PASSWORD.to_owned()),
    ];
    let mut config = Config::load(None, &environment, false).unwrap();
    bootstrap::first_start(&db, &mut config, &hasher, &Clock::System, &random).await.unwrap();
    db.close().await;
}

/// The options of a fresh copy of the template.
pub async fn new_database() -> PgConnectOptions {
    database_like(TEMPLATE).await
}

/// The options of a database that nobody has used.
pub async fn empty_database() -> PgConnectOptions {
    database_like("template1").await
}

async fn database_like(template: &str) -> PgConnectOptions {
    let cluster = &*CLUSTER;
    let name = format!("test_{}", uuid::Builder::from_random_bytes(Random::System.bytes()).into_uuid().simple());
    let _copying = cluster.copying.lock().await;
    let mut connection = PgConnection::connect_with(&cluster.options).await.unwrap();
    let sql = format!("create database {name} template {template}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    OF_THIS_TEST.with_borrow_mut(|databases| databases.0.push(name.clone()));
    cluster.options.clone().database(&name)
}

/// The URL of a database of this run, as an operator would give it.
pub fn url(database: &PgConnectOptions) -> String {
    let socket = database.get_socket().unwrap().display();
    let (user, name) = (database.get_username(), database.get_database().unwrap());
    format!("postgres://{user}:{DATABASE_PASSWORD}@localhost/{name}?host={socket}")
}

/// The log of all servers of this run.
#[derive(Clone)]
pub struct CapturedLog {
    pub level: LogLevel,
    lines: Arc<Mutex<Vec<u8>>>,
}

impl CapturedLog {
    /// Everything that was logged so far, at the level `trace`.
    pub fn text() -> String {
        Self::since(0)
    }

    /// How much was logged so far, for [`CapturedLog::since`].
    pub fn length() -> usize {
        log().lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What was logged since. Of a whole run that is much, and who writes a line waits while it is copied.
    pub fn since(length: usize) -> String {
        let log = log();
        let new = log.lines.lock().unwrap_or_else(PoisonError::into_inner)[length..].to_vec();
        String::from_utf8_lossy(&new).into_owned()
    }
}

/// The log, set up by whoever asks first.
pub fn log() -> CapturedLog {
    static LOG: OnceLock<CapturedLog> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer(Arc::clone(&lines));
        let settings = Logging { level: "trace".to_owned(), structured: false };
        let level = logging::init(&settings, move || writer.clone()).unwrap();
        CapturedLog { level, lines }
    })
    .clone()
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
