//! The cluster, PostgreSQL's name for its data on disk: whether there is one, and making it.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::process::Stdio;

use super::account::Account;
use super::directory::DataDirectory;
use super::error::ManagedError;
use super::password;
use super::programs::Programs;
use super::server::DATABASE_USER;
use crate::secret::Secret;

/// The major version of the cluster in the directory; `None` where there is no cluster yet.
pub(super) fn version(directory: &DataDirectory) -> Result<Option<u32>, ManagedError> {
    let cluster = directory.cluster();
    let file = cluster.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(ManagedError::NotACluster(cluster)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if is_absent_or_empty(&cluster).map_err(ManagedError::file("read", &cluster))? {
                Ok(None)
            } else {
                Err(ManagedError::NotACluster(cluster))
            }
        }
        Err(error) => Err(ManagedError::file("read", &file)(error)),
    }
}

fn is_absent_or_empty(directory: &Path) -> io::Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

pub(super) fn require_owner(cluster: &Path, account: &Account) -> Result<(), ManagedError> {
    let found = fs::metadata(cluster).map_err(ManagedError::file("look at", cluster))?;
    if found.uid() == account.uid() {
        return Ok(());
    }
    Err(ManagedError::ClusterOwner { cluster: cluster.to_owned(), owner: found.uid(), user: account.name().to_owned() })
}

/// Makes a cluster under another name and renames it when it is complete and on disk, so that a cluster that has its
/// name is always a whole one.
pub(super) async fn make(
    directory: &DataDirectory,
    lock: &File,
    programs: &Programs,
    account: &Account,
    password: &Secret,
) -> Result<(), ManagedError> {
    let (unfinished, cluster) = (directory.unfinished_cluster(), directory.cluster());
    prepare(&unfinished, account).map_err(ManagedError::file("prepare", &unfinished))?;
    // Inside data_dir rather than the new cluster, which initdb wants empty.
    let password_copy = directory.root().join("postgres-password.initdb");
    password::write(&password_copy, password)
        .and_then(|()| account.own(&password_copy))
        .map_err(ManagedError::file("write", &password_copy))?;
    let made = initdb(directory, lock, programs, account, &password_copy).await;
    password::remove(&password_copy).map_err(ManagedError::file("remove", &password_copy))?;
    made?;
    write_to_disk(directory.root()).map_err(ManagedError::file("write to disk", &unfinished))?;
    fs::rename(&unfinished, &cluster).map_err(ManagedError::file("rename to postgres", &unfinished))?;
    directory.sync_names()
}

fn prepare(unfinished: &Path, account: &Account) -> io::Result<()> {
    match fs::remove_dir_all(unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(unfinished)?;
    account.own(unfinished)
}

async fn initdb(
    directory: &DataDirectory,
    lock: &File,
    programs: &Programs,
    account: &Account,
    password_copy: &Path,
) -> Result<(), ManagedError> {
    // Handed over as the standard input, which initdb does not read: should Kedge be killed now, the lock stays with
    // initdb until it ends, and the next Kedge does not work on the same files meanwhile.
    let lock = lock.try_clone().map_err(ManagedError::file("share", directory.root()))?;
    let program = programs.initdb();
    let mut command = account.command(&program, directory.root());
    command
        .arg("--pgdata")
        .arg(directory.unfinished_cluster())
        .arg("--pwfile")
        .arg(password_copy)
        .args(["--username", DATABASE_USER, "--auth=scram-sha-256"])
        .args(["--encoding=UTF8", "--locale=C", "--data-checksums"])
        .args(["--no-sync", "--no-instructions"])
        .stdin(Stdio::from(lock))
        .kill_on_drop(true);
    let output = command.output().await.map_err(|source| ManagedError::Program { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ManagedError::Initdb { status: output.status, output: text })
}

/// One pass over the file system, where initdb would wait for each of its thousand files.
fn write_to_disk(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::syncfs(File::open(path)?)?)
}
