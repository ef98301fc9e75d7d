//! The running server: starting it, waiting for it, ending it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use super::account::Account;
use super::connection;
use super::directory::DataDirectory;
use super::error::ManagedError;
use super::log;
use super::programs::Programs;
use super::socket;

pub(super) const DATABASE_USER: &str = "kedge";

const START_PATIENCE: Duration = Duration::from_mins(1);
const CONNECT_RETRY: Duration = Duration::from_millis(20);
const STOP_PATIENCE: Duration = Duration::from_mins(1);
/// Remains of a killed server end by themselves within moments.
const REMAINS_RETRY: Duration = Duration::from_millis(100);
const REMAINS_TRIES: u32 = 50;

/// Given on the command line, so that neither `postgresql.conf` nor `alter system` opens the server to a network.
const SETTINGS: [(&str, &str); 15] = [
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("cluster_name", "kedge"),
    // Kedge's pool of 30, admin commands, and as much again.
    ("max_connections", "80"),
    ("shared_buffers", "64MB"),
    // Short queries gain nothing from either, and containers have little shared memory for the workers.
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),
    // One file for each day of the week, overwritten a week later.
    ("logging_collector", "on"),
    ("log_destination", "stderr"),
    ("log_directory", log::DIRECTORY),
    ("log_filename", "postgresql-%a.log"),
    ("log_rotation_age", "1d"),
    ("log_rotation_size", "0"),
    ("log_truncate_on_rotation", "on"),
    ("log_timezone", "UTC"),
];

/// What it takes to start the server.
pub(super) struct Launch<'a> {
    pub directory: &'a DataDirectory,
    pub programs: &'a Programs,
    pub account: &'a Account,
    pub socket_directory: &'a Path,
    pub settings: &'a [(&'a str, &'a str)],
}

impl Launch<'_> {
    /// Starts the server and connects to it. `options` name a database that every cluster has.
    pub(super) async fn start(&self, options: &PgConnectOptions) -> Result<(Server, PgConnection), ManagedError> {
        let mut tries = REMAINS_TRIES;
        loop {
            let mut server = self.spawn()?;
            match server.connect(self.directory, options).await {
                Ok(connection) => return Ok((server, connection)),
                Err(ManagedError::StartFailed { log, .. }) if tries > 0 && log::tells_of_remains(&log) => {
                    tries -= 1;
                    sleep(REMAINS_RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn(&self) -> Result<Server, ManagedError> {
        let log_path = self.directory.start_log();
        let log = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&log_path)
            .map_err(ManagedError::file("write", &log_path))?;
        let error_log = log.try_clone().map_err(ManagedError::file("write", &log_path))?;
        let program = self.programs.postgres();
        let mut command = self.account.command(&program, self.directory.root());
        command
            .arg("-D")
            .arg(self.directory.cluster())
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.socket_directory.display()))
            .arg("-c")
            .arg(format!("port={}", socket::PORT));
        for (name, value) in SETTINGS.iter().chain(self.settings) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(error_log)
            .spawn()
            .map_err(|source| ManagedError::Program { program, source })?;
        Ok(Server { child })
    }
}

/// A server that this process started. One that is dropped is told to stop, and ends on its own.
pub(super) struct Server {
    child: Child,
}

impl Server {
    async fn connect(
        &mut self,
        directory: &DataDirectory,
        options: &PgConnectOptions,
    ) -> Result<PgConnection, ManagedError> {
        tokio::select! {
            status = self.child.wait() => {
                let status = status.map_err(ManagedError::Wait)?;
                Err(ManagedError::StartFailed { status, log: log::last_words(directory) })
            }
            connection = timeout(START_PATIENCE, connect_patiently(options)) => match connection {
                Ok(connection) => Ok(connection?),
                Err(_) => Err(ManagedError::StartTimeout {
                    seconds: START_PATIENCE.as_secs(),
                    log: log::last_words(directory),
                }),
            },
        }
    }

    /// Resolves when the server has ended. May be cancelled and called again.
    pub(super) async fn ended(&mut self) -> Result<ExitStatus, ManagedError> {
        self.child.wait().await.map_err(ManagedError::Wait)
    }

    /// Ends all connections, writes the data down and waits for the end.
    pub(super) async fn stop(mut self) -> Result<ExitStatus, ManagedError> {
        self.signal(Signal::SIGINT);
        if let Ok(ended) = timeout(STOP_PATIENCE, self.ended()).await {
            return ended;
        }
        // PostgreSQL kills those of its processes that do not follow this one within five seconds.
        self.signal(Signal::SIGQUIT);
        self.ended().await?;
        Err(ManagedError::StopTimeout { seconds: STOP_PATIENCE.as_secs() })
    }

    fn signal(&self, signal: Signal) {
        // No number is known any more once the end was seen, so that a reused one is never signalled.
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::SIGINT);
    }
}

async fn connect_patiently(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    loop {
        match PgConnection::connect_with(options).await {
            Err(error) if connection::may_come_up(&error) => sleep(CONNECT_RETRY).await,
            result => return result,
        }
    }
}
