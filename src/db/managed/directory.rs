//! The data directory: what lies where in it, how it is made, and the lock that gives it one owner.
//!
//! ```text
//! kedge.lock            held while a Kedge owns the directory
//! postgres/             PostgreSQL's data ("the cluster"); its own log is in postgres/log
//! postgres.new/         a cluster in the making
//! postgres-password     of the database user "kedge"
//! postgres-start.log    what PostgreSQL said at its last start
//! run/                  the socket, where its path is short enough
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::ManagedError;

/// The kernel may still hold the lock of a Kedge that was just killed, and so does an `initdb` that it left behind.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(50);

pub(super) struct DataDirectory {
    root: PathBuf,
}

impl DataDirectory {
    /// Makes the directory, and those above it, where they are missing.
    pub(super) fn create(path: &Path, mode: u32) -> Result<Self, ManagedError> {
        let path = std::path::absolute(path).map_err(ManagedError::file("find", path))?;
        make(&path, mode).map_err(|source| ManagedError::NotWritable { root: path.clone(), source })?;
        let root = path.canonicalize().map_err(ManagedError::file("find", &path))?;
        Ok(Self { root })
    }

    pub(super) fn existing(path: &Path) -> Result<Option<Self>, ManagedError> {
        match path.canonicalize() {
            Ok(root) => Ok(Some(Self { root })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ManagedError::file("find", path)(error)),
        }
    }

    /// Free of symbolic links.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.root.join("postgres")
    }

    pub(super) fn unfinished_cluster(&self) -> PathBuf {
        self.root.join("postgres.new")
    }

    pub(super) fn password(&self) -> PathBuf {
        self.root.join("postgres-password")
    }

    pub(super) fn start_log(&self) -> PathBuf {
        self.root.join("postgres-start.log")
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("kedge.lock")
    }

    /// The directory is the caller's until the file is closed.
    pub(super) async fn lock(&self) -> Result<File, ManagedError> {
        let path = self.lock_file();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| ManagedError::NotWritable { root: self.root.clone(), source })?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => {
                    return Err(ManagedError::file("lock", &path)(error));
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(ManagedError::InUse(self.root.clone()));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_RETRY).await,
            }
        }
    }

    /// Whether a Kedge owns the directory. Asks for a shared lock, so that two askers do not take each other for one.
    pub(super) fn is_owned(&self) -> Result<bool, ManagedError> {
        let path = self.lock_file();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(ManagedError::file("open", &path)(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(ManagedError::file("lock", &path)(error)),
        }
    }

    /// Makes renamed and removed names in the directory outlast a power cut.
    pub(super) fn sync_names(&self) -> Result<(), ManagedError> {
        File::open(&self.root)
            .and_then(|directory| directory.sync_all())
            .map_err(ManagedError::file("write to disk", &self.root))
    }
}

/// Level by level, for the mode of a parent must not depend on the umask either: root's is often too narrow for
/// the database user to pass.
fn make(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make(parent, mode)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}
