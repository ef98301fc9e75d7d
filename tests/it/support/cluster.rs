//! One PostgreSQL for the run, started as Kedge starts its own, and a copy of a prepared database for each test.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
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
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

const TEMPLATE: &str = "kedge_template";
pub const DATABASE_PASSWORD: &str = "wonderland";

/// The PostgreSQL of this run.
struct Cluster {
    options: PgConnectOptions,
    /// A database cannot be copied by two at once.
    copying: tokio::sync::Mutex<()>,
    /// Waits for the end of this process, then stops PostgreSQL and removes its data.
    _undertaker: Child,
}

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| {
    // A runtime of its own, on a thread of its own: the first test must not take PostgreSQL with it when it ends.
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (postgres, cluster) = runtime.block_on(start());
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let mut postgres = postgres;
                postgres.exited().await;
            });
        });
        cluster
    })
    .join()
    .unwrap()
});

async fn start() -> (ManagedPostgres, Cluster) {
    let directory = std::env::temp_dir().join(format!("kedge-tests-{}", std::process::id()));
    let postgres = ManagedPostgres::start(ManagedSettings {
        data_dir: &directory,
        programs: None,
        user: None,
        password: Secret::new(DATABASE_PASSWORD.to_owned()),
        server_settings: &[("fsync", "off"), ("max_connections", "600"), ("autovacuum", "off")],
    })
    .await
    .unwrap();
    let undertaker = undertaker(&directory);
    let options = postgres.connect_options().clone();
    make_template(&options).await;
    let cluster = Cluster { options, copying: tokio::sync::Mutex::new(()), _undertaker: undertaker };
    (postgres, cluster)
}

/// A shell that outlives this process by a moment: the end of its standard input is the end of this process, however
/// it comes.
fn undertaker(directory: &Path) -> Child {
    let pid_file = std::fs::read_to_string(directory.join("postgres/postmaster.pid")).unwrap();
    let script = r#"read -r _; kill -INT "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; rm -rf "$2""#;
    Command::new("sh")
        .args(["-c", script, "undertaker", pid_file.lines().next().unwrap()])
        .arg(directory)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
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
        let lines = log().lines;
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&lines).into_owned()
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
