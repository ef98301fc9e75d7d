//! A PostgreSQL of one test, to be stopped, killed and frozen.

use std::{fs, time::Duration};

use kedge::{
    db::managed::{ManagedPostgres, ManagedSettings},
    secret::Secret,
};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

use crate::support::{DATABASE_PASSWORD, Options, Place, Server, prepare};

pub struct Postgres {
    running: Option<ManagedPostgres>,
    pub options: PgConnectOptions,
    pub place: Place,
}

impl Postgres {
    /// With the database of a first start.
    pub async fn start() -> Self {
        let postgres = Self::in_place(Place::new()).await;
        prepare(postgres.options.clone()).await;
        postgres
    }

    /// As the place has it.
    pub async fn in_place(place: Place) -> Self {
        let running = run(&place).await;
        Self { options: running.connect_options().clone(), running: Some(running), place }
    }

    /// A Kedge in this process.
    pub async fn kedge(&self) -> Server {
        Server::on(self.options.clone(), Options::default()).await
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options.clone().application_name("onlooker")).await.unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// In good order, as by its operator.
    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }

    /// All its processes at once, as by a machine that fails.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.running.take().unwrap().exited().await;
    }

    pub async fn start_again(&mut self) {
        self.running = Some(run(&self.place).await);
    }

    /// Every process stands still; connections stay as they are.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// To the first process before its children, so that it makes no more of them.
    fn signal(&self, signal: Signal) {
        let Some(first) = self.place.server() else { return };
        let children = || fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        // A process that was killed has no children any more.
        let mut seen = children();
        kill(first, signal).unwrap();
        // One that has only just been made is seen the next time.
        for _ in 0..3 {
            for child in seen.split_whitespace() {
                let signalled = kill(Pid::from_raw(child.parse().unwrap()), signal);
                assert!(matches!(signalled, Ok(()) | Err(Errno::ESRCH)), "{signalled:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
            seen = children();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.thaw();
    }
}

async fn run(place: &Place) -> ManagedPostgres {
    let settings = ManagedSettings {
        data_dir: &place.data,
        programs: None,
        user: None,
        password: Secret::new(DATABASE_PASSWORD.to_owned()),
        server_settings: &[
            ("fsync", "off"),
            ("max_connections", "60"),
            ("shared_buffers", "16MB"),
            ("autovacuum", "off"),
        ],
    };
    ManagedPostgres::start(settings).await.unwrap()
}
