//! The private PostgreSQL, with real servers in directories of their own.

mod life;
mod reach;
mod refusals;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use kedge::db::managed::{ManagedError, ManagedPostgres, ManagedSettings};
use kedge::secret::Secret;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

const QUICK: &[(&str, &str)] = &[("fsync", "off"), ("max_connections", "10"), ("shared_buffers", "16MB")];
const CHILD_DIRECTORY: &str = "KEDGE_TEST_MANAGED_DIRECTORY";

/// A directory that takes its PostgreSQL with it.
struct Place {
    top: PathBuf,
    data: PathBuf,
}

impl Place {
    fn new() -> Self {
        Self::with_data("data")
    }

    fn with_data(below: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let top = PathBuf::from(format!("/tmp/kedge-test-{}-{number}", std::process::id()));
        fs::create_dir(&top).unwrap();
        fs::set_permissions(&top, Permissions::from_mode(0o755)).unwrap();
        Self { data: top.join(below), top }
    }

    fn settings(&self) -> ManagedSettings<'_> {
        ManagedSettings {
            data_dir: &self.data,
            programs: None,
            user: None,
            password: Secret::new("first-password".to_owned()),
            server_settings: QUICK,
        }
    }

    async fn start(&self) -> ManagedPostgres {
        ManagedPostgres::start(self.settings()).await.unwrap()
    }

    async fn refusal(&self) -> ManagedError {
        refusal(self.settings()).await
    }

    fn cluster(&self) -> PathBuf {
        self.data.join("postgres")
    }

    /// The process of the server in this place, if one runs.
    fn server(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.cluster().join("postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.parse().ok()?;
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        (cwd == self.cluster()).then(|| Pid::from_raw(pid))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pid) = self.server() {
            let _ = kill(pid, Signal::SIGQUIT);
            let deadline = Instant::now() + Duration::from_secs(6);
            while self.server().is_some() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = fs::remove_dir_all(&self.top);
    }
}

async fn refusal(settings: ManagedSettings<'_>) -> ManagedError {
    ManagedPostgres::start(settings).await.err().expect("the start is refused")
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options).await.unwrap()
}

async fn text(options: &PgConnectOptions, query: &'static str) -> String {
    sqlx::query_scalar(query).fetch_one(&mut connect(options).await).await.unwrap()
}

/// Another process that holds a managed PostgreSQL until it is killed.
struct Holder(Child);

impl Holder {
    fn command(place: &Place) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", "managed::holder"]).env(CHILD_DIRECTORY, &place.data);
        command
    }

    fn start(place: &Place, environment: &[(&str, &str)]) -> Self {
        let mut child = Self::command(place).envs(environment.iter().copied()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let holder = Self(child);
        let started = lines.map_while(Result::ok).any(|line| line.contains("holding"));
        assert!(started, "the other process started its PostgreSQL");
        holder
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What other tests run as a process of its own, told by the variable; by itself there is nothing to hold.
#[tokio::test]
async fn holder() {
    let Some(data) = std::env::var_os(CHILD_DIRECTORY).map(PathBuf::from) else { return };
    let place = std::mem::ManuallyDrop::new(Place { top: data.clone(), data });
    let postgres = place.start().await;
    assert_eq!(text(postgres.connect_options(), "select current_database()::text").await, "kedge");
    println!("\nholding");
    std::future::pending::<()>().await;
}
