//! The private PostgreSQL that Kedge starts when no database URL is given.
//!
//! It lives in Kedge's data directory, answers on a Unix socket only, and ends with Kedge. One Kedge at a time owns a
//! data directory. Pools and migrations do not belong here; from outside, this is a set of connection options.
//!
//! Files are read and written on the calling thread: while this runs, Kedge has nothing else to do.

mod account;
mod cluster;
mod connection;
mod directory;
mod error;
mod leftover;
mod log;
mod password;
mod programs;
mod server;
mod socket;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::secret::Secret;
use account::Account;
use directory::DataDirectory;
pub use error::ManagedError;
use server::{Launch, Server};

const RUNNING_PATIENCE: Duration = Duration::from_secs(30);
const RUNNING_RETRY: Duration = Duration::from_millis(100);

pub struct ManagedSettings<'a> {
    pub data_dir: &'a Path,
    /// The directory of `initdb` and `postgres`; found by themselves if `None`.
    pub programs: Option<&'a Path>,
    /// The user that PostgreSQL runs as if Kedge is root.
    pub user: Option<&'a str>,
    /// One line. Becomes the password of a new cluster; an existing one keeps its own.
    pub password: Secret,
    /// Settings of the server beyond Kedge's own, which they override.
    pub server_settings: &'a [(&'a str, &'a str)],
}

/// A PostgreSQL that this process owns. One that is dropped is told to stop, but not waited for.
pub struct ManagedPostgres {
    // Before the lock, for fields are dropped in order: the server is told to stop while the directory is still owned.
    server: Server,
    options: PgConnectOptions,
    socket_directory: PathBuf,
    directory: DataDirectory,
    _lock: File,
}

impl ManagedPostgres {
    /// Takes the data directory, makes what is missing in it, and starts the server.
    ///
    /// # Errors
    /// Names what stands in the way; the data directory is free again then.
    pub async fn start(settings: ManagedSettings<'_>) -> Result<Self, ManagedError> {
        let account = Account::resolve(settings.user)?;
        let directory = DataDirectory::create(settings.data_dir, account.directory_mode())?;
        account.require_passage(directory.root())?;
        let lock = directory.lock().await?;
        let version = cluster::version(&directory)?;
        let programs = programs::find(settings.programs, version, &directory.cluster(), &account).await?;
        let password = if version.is_some() {
            take_over(&directory, &account).await?
        } else {
            let password = password::keep(&directory, settings.password)?;
            cluster::make(&directory, &lock, &programs, &account, &password).await?;
            password
        };
        let socket_directory = socket::directory(&directory);
        socket::make(&socket_directory, &account)?;
        let options = connection::options(&socket_directory, &password)?;
        let launch = Launch {
            directory: &directory,
            programs: &programs,
            account: &account,
            socket_directory: &socket_directory,
            settings: settings.server_settings,
        };
        let (server, mut connection) = launch.start(&connection::to_first_database(&options)).await?;
        connection::make_database(&mut connection).await?;
        connection.close().await?;
        Ok(Self { server, options, socket_directory, directory, _lock: lock })
    }

    /// Of the database "kedge". Their debug print shows the password.
    #[must_use]
    pub fn connect_options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Stops the server: connections are cut, the data is written down, then the data directory is free.
    ///
    /// # Errors
    /// `StopTimeout` or `Exited` where the server did not stop in good order; it is gone in any case.
    pub async fn stop(self) -> Result<(), ManagedError> {
        let status = self.server.stop().await?;
        // The next start makes it again; what cannot be removed does no harm.
        let _ = fs::remove_dir(&self.socket_directory);
        if status.success() {
            Ok(())
        } else {
            Err(ManagedError::Exited { status, log: log::last_words(&self.directory) })
        }
    }

    /// Resolves when the server ends without being told to, with what to say about it. May be cancelled.
    pub async fn exited(&mut self) -> ManagedError {
        match self.server.ended().await {
            Ok(status) => ManagedError::Exited { status, log: log::last_words(&self.directory) },
            Err(error) => error,
        }
    }
}

/// Makes sure that nobody serves the existing cluster and that it can be served.
async fn take_over(directory: &DataDirectory, account: &Account) -> Result<Secret, ManagedError> {
    let cluster = directory.cluster();
    cluster::require_owner(&cluster, account)?;
    leftover::stop(&cluster).await?;
    password::read(directory)?.ok_or_else(|| ManagedError::PasswordMissing { password: directory.password(), cluster })
}

/// The connection options of the PostgreSQL that a running Kedge holds in this directory; `None` where none runs.
/// Waits up to 30 seconds for one that is starting.
///
/// # Errors
/// `NotReady` after that time, `SocketDirectory` where the socket may be somebody else's, and what reading and
/// connecting bring.
pub async fn running(data_dir: &Path) -> Result<Option<PgConnectOptions>, ManagedError> {
    let Some(directory) = DataDirectory::existing(data_dir)? else {
        return Ok(None);
    };
    let deadline = Instant::now() + RUNNING_PATIENCE;
    while directory.is_owned()? {
        if let Some(options) = reach(&directory).await? {
            return Ok(Some(options));
        }
        if Instant::now() >= deadline {
            return Err(ManagedError::NotReady(directory.root().to_owned()));
        }
        tokio::time::sleep(RUNNING_RETRY).await;
    }
    Ok(None)
}

/// `None` where the server is not up yet.
async fn reach(directory: &DataDirectory) -> Result<Option<PgConnectOptions>, ManagedError> {
    let Some(password) = password::read(directory)? else {
        return Ok(None);
    };
    // Whom to expect behind the socket: the owner of the data.
    let Ok(cluster) = fs::metadata(directory.cluster()) else {
        return Ok(None);
    };
    let socket_directory = socket::directory(directory);
    match socket::require_trust(&socket_directory, cluster.uid()) {
        Err(ManagedError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {
            return Ok(None);
        }
        trust => trust?,
    }
    let options = connection::options(&socket_directory, &password)?;
    match PgConnection::connect_with(&options).await {
        Ok(connection) => {
            connection.close().await?;
            Ok(Some(options))
        }
        Err(error) if connection::may_come_up(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
