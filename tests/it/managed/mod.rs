//! The private PostgreSQL, with real servers in directories of their own.

mod life;
mod reach;
mod refusals;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use kedge::db::managed::{ManagedError, ManagedPostgres, ManagedSettings};
use kedge::secret::Secret;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::support::Place;

const QUICK: &[(&str, &str)] = &[("fsync", "off"), ("max_connections", "10"), ("shared_buffers", "16MB")];
const CHILD_DIRECTORY: &str = "KEDGE_TEST_MANAGED_DIRECTORY";

/// How the tests of this folder start a PostgreSQL.
impl Place {
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
