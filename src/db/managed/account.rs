//! The operating system's user that PostgreSQL's programs run as, and how they are run.
//!
//! PostgreSQL refuses to run as root. A Kedge that is root hands its programs to another user; any other Kedge
//! runs them as itself.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::Path;

use nix::unistd::{Uid, User, getegid, geteuid};
use tokio::process::Command;

use super::error::ManagedError;

const DEFAULT_USER: &str = "postgres";

/// What the programs get of Kedge's environment: enough to be loaded and to know their user where the container has
/// no entry for it. The rest stays out: `PG…` would misdirect them, and other users may read their environment.
const KEPT_VARIABLES: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "NSS_WRAPPER_PASSWD", "NSS_WRAPPER_GROUP"];

pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Kedge is root and becomes this user in its children.
    switched: bool,
}

impl Account {
    pub(super) fn resolve(wanted: Option<&str>) -> Result<Self, ManagedError> {
        let current = geteuid();
        if current.is_root() { Self::named(wanted.unwrap_or(DEFAULT_USER)) } else { Self::oneself(current, wanted) }
    }

    fn named(name: &str) -> Result<Self, ManagedError> {
        let user = User::from_name(name)
            .map_err(|error| ManagedError::UserLookup { name: name.to_owned(), source: error.into() })?
            .ok_or_else(|| ManagedError::NoSuchUser(name.to_owned()))?;
        if user.uid.is_root() {
            return Err(ManagedError::PrivilegedUser(name.to_owned()));
        }
        Ok(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), switched: true })
    }

    fn oneself(uid: Uid, wanted: Option<&str>) -> Result<Self, ManagedError> {
        let name = User::from_uid(uid)
            .map_err(|error| ManagedError::UserLookup { name: uid.to_string(), source: error.into() })?
            .map_or_else(|| uid.to_string(), |user| user.name);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != name) {
            return Err(ManagedError::OtherUser { wanted: wanted.to_owned(), current: name });
        }
        Ok(Self { name, uid: uid.as_raw(), gid: getegid().as_raw(), switched: false })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// The mode of a data directory that Kedge makes: its user must be able to pass.
    pub(super) fn directory_mode(&self) -> u32 {
        if self.switched { 0o755 } else { 0o700 }
    }

    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        if self.switched { lchown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Errs with the first directory, from the root down, that this user cannot pass.
    pub(super) fn require_passage(&self, data_dir: &Path) -> Result<(), ManagedError> {
        if !self.switched {
            return Ok(());
        }
        let mut ancestors: Vec<&Path> = data_dir.ancestors().collect();
        ancestors.reverse();
        for directory in ancestors {
            let metadata = fs::metadata(directory).map_err(ManagedError::file("look at", directory))?;
            if !self.passes(metadata.uid(), metadata.gid(), metadata.mode()) {
                return Err(ManagedError::Blocked {
                    directory: directory.to_owned(),
                    data_dir: data_dir.to_owned(),
                    user: self.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// Supplementary groups do not count: the children are started without any.
    fn passes(&self, owner: u32, group: u32, mode: u32) -> bool {
        let bit = if owner == self.uid {
            0o100
        } else if group == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }

    /// A program of PostgreSQL's, run as this user and out of reach of the terminal's Ctrl-C, which is Kedge's to
    /// answer.
    pub(super) fn command(&self, program: &Path, working_directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(working_directory).process_group(0).env_clear();
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("LC_ALL", "C").env("TZ", "UTC");
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    fn account() -> Account {
        Account { name: "postgres".to_owned(), uid: 101, gid: 104, switched: true }
    }

    #[test]
    fn owner_passes_by_the_owners_bit_only() {
        assert!(account().passes(101, 0, 0o700));
        assert!(!account().passes(101, 104, 0o077));
    }

    #[test]
    fn group_passes_by_the_groups_bit_only() {
        assert!(account().passes(0, 104, 0o750));
        assert!(!account().passes(0, 104, 0o701));
    }

    #[test]
    fn others_pass_by_the_last_bit_only() {
        assert!(account().passes(0, 0, 0o711));
        assert!(!account().passes(0, 0, 0o750));
    }
}
