//! What can go wrong with the private PostgreSQL, told to an operator.
//!
//! Each message names the path, the program or the setting in question. None holds a secret.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "cannot write into the data directory {}: {source}. Without database.url, Kedge keeps a private PostgreSQL there: \
         name another directory in data_dir, or give the address of a database in database.url",
        root.display()
    )]
    NotWritable { root: PathBuf, source: io::Error },
    #[error("the data directory {} is in use by another Kedge", .0.display())]
    InUse(PathBuf),

    #[error(
        "PostgreSQL must not run as root, and the user \"{0}\" that it should run as does not exist: \
         create it, or name another one in database.managed_user"
    )]
    NoSuchUser(String),
    #[error("PostgreSQL must not run as root: name an ordinary user in database.managed_user, not \"{0}\"")]
    PrivilegedUser(String),
    #[error(
        "database.managed_user is \"{wanted}\", but Kedge runs as \"{current}\" and only root can start \
         PostgreSQL as somebody else: leave the setting out, or start Kedge as root or as \"{wanted}\""
    )]
    OtherUser { wanted: String, current: String },
    #[error("cannot look up the user \"{name}\": {source}")]
    UserLookup { name: String, source: io::Error },
    #[error(
        "the user \"{user}\", which PostgreSQL runs as, cannot pass through the directory {} on the way to {}: \
         allow it (chmod o+x {}), or choose another data directory",
        directory.display(), data_dir.display(), directory.display()
    )]
    Blocked { directory: PathBuf, data_dir: PathBuf, user: String },

    #[error(
        "PostgreSQL was not found: install version 15 or later (Debian and Ubuntu: apt-get install postgresql), \
         name the directory of its programs initdb and postgres in database.programs, \
         or give the address of a database in database.url"
    )]
    ProgramsMissing,
    #[error(
        "{} does not hold PostgreSQL's programs initdb and postgres: correct database.programs",
        .0.display()
    )]
    ProgramsNotThere(PathBuf),
    #[error("PostgreSQL 15 or later is needed, and only this was found: {found}")]
    ProgramsTooOld { found: String },
    #[error(
        "the data in {} is PostgreSQL {needed}'s, and only this was found: {found}. Install PostgreSQL {needed} \
         (Debian and Ubuntu: apt-get install postgresql-{needed}), or name its programs in database.programs",
        cluster.display()
    )]
    ProgramsOfOtherVersion { cluster: PathBuf, needed: u32, found: String },
    #[error("cannot run {}: {source}", program.display())]
    Program { program: PathBuf, source: io::Error },

    #[error("{} contains files, but no PostgreSQL data: move it away, or restore it from a backup", .0.display())]
    NotACluster(PathBuf),
    #[error(
        "the data in {} belongs to the user id {owner}, but PostgreSQL would run as \"{user}\": \
         name the owner in database.managed_user, or give the data to \"{user}\" (chown -R)",
        cluster.display()
    )]
    ClusterOwner { cluster: PathBuf, owner: u32, user: String },
    #[error(
        "the password file {} of the data in {} is missing or empty: restore it from a backup",
        password.display(), cluster.display()
    )]
    PasswordMissing { password: PathBuf, cluster: PathBuf },
    #[error("PostgreSQL could not create its data directory ({status}):\n{output}")]
    Initdb { status: ExitStatus, output: String },

    #[error("the directory {} of PostgreSQL's socket {why}: remove it", path.display())]
    SocketDirectory { path: PathBuf, why: &'static str },
    #[error(
        "the environment variable PGOPTIONS is set and would change every connection to Kedge's database: unset it"
    )]
    ForeignOptions,
    #[error(
        "a PostgreSQL that an earlier Kedge left behind (process {pid}, data in {}) does not stop: end it by hand",
        cluster.display()
    )]
    Leftover { pid: i32, cluster: PathBuf },
    #[error("PostgreSQL stopped while it was starting ({status}). Its last words:\n{log}")]
    StartFailed { status: ExitStatus, log: String },
    #[error("PostgreSQL did not accept connections within {seconds} seconds. Its last words:\n{log}")]
    StartTimeout { seconds: u64, log: String },
    #[error("PostgreSQL stopped unexpectedly ({status}). Its last words:\n{log}")]
    Exited { status: ExitStatus, log: String },
    #[error(
        "PostgreSQL did not stop within {seconds} seconds and was ended at once; no data is lost, \
         the next start takes longer"
    )]
    StopTimeout { seconds: u64 },
    #[error("cannot wait for PostgreSQL: {0}")]
    Wait(#[source] io::Error),
    #[error("the Kedge that holds {} has no database ready yet: try again later", .0.display())]
    NotReady(PathBuf),
    #[error("Kedge's own PostgreSQL refuses to work: {0}")]
    Database(#[from] sqlx::Error),
}

impl ManagedError {
    /// For `map_err`: what was done to which file.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
