//! The directory of PostgreSQL's socket: which one it is, and that it can be trusted.
//!
//! Its path follows from the data directory's, so that `kedge admin` finds the socket of a running Kedge.

use std::fmt::Write;
use std::fs::{self, DirBuilder, Metadata};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use super::account::Account;
use super::directory::DataDirectory;
use super::error::ManagedError;

/// Part of the socket's file name, no TCP port.
pub(super) const PORT: u16 = 5432;
const FILE_NAME: &str = "/.s.PGSQL.5432";
/// The kernel's limit for the address of a socket, without the closing zero byte.
const LONGEST_ADDRESS: usize = 107;

pub(super) fn directory(data: &DataDirectory) -> PathBuf {
    let beside = data.root().join("run");
    if is_usable(&beside) { beside } else { short_substitute(data.root()) }
}

/// PostgreSQL takes the directory as an item of a list with commas, quotes and blanks, and the client as UTF-8.
fn is_usable(path: &Path) -> bool {
    path.to_str().is_some_and(|text| {
        text.len() + FILE_NAME.len() <= LONGEST_ADDRESS
            && text.chars().all(|character| character.is_alphanumeric() || "/._-+".contains(character))
    })
}

fn short_substitute(data_dir: &Path) -> PathBuf {
    let digest = Sha256::digest(data_dir.as_os_str().as_bytes());
    let mut name = "kedge-".to_owned();
    for byte in digest.iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    Path::new("/tmp").join(name)
}

/// Makes the directory, or takes the existing one if nobody else can have put a socket into it.
pub(super) fn make(path: &Path, account: &Account) -> Result<(), ManagedError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(ManagedError::file("make the directory", path)(error));
        }
        _ => {}
    }
    require_trust(path, account.uid())?;
    account.own(path).map_err(ManagedError::file("change the owner of", path))
}

/// Errs with `File` of kind `NotFound` where there is none.
pub(super) fn require_trust(path: &Path, database_user: u32) -> Result<(), ManagedError> {
    let found = fs::symlink_metadata(path).map_err(ManagedError::file("look at", path))?;
    match distrust(&found, [database_user, geteuid().as_raw()]) {
        Some(why) => Err(ManagedError::SocketDirectory { path: path.to_owned(), why }),
        None => Ok(()),
    }
}

fn distrust(found: &Metadata, owners: [u32; 2]) -> Option<&'static str> {
    if !found.is_dir() {
        Some("is no directory")
    } else if !owners.contains(&found.uid()) {
        Some("belongs to another user")
    } else if found.mode() & 0o077 != 0 {
        Some("is open to other users")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_usable, short_substitute};

    #[test]
    fn longest_address_is_used_and_one_byte_more_is_not() {
        let longest = format!("/{}", "d".repeat(92));
        assert!(is_usable(Path::new(&longest)));
        assert!(!is_usable(Path::new(&format!("{longest}d"))));
    }

    #[test]
    fn characters_that_the_server_would_read_as_a_list_are_avoided() {
        for path in ["/a,b", "/a b", "/a\"b", "/a'b", "/a\\b", "/a\nb"] {
            assert!(!is_usable(Path::new(path)), "{path:?}");
        }
        assert!(is_usable(Path::new("/srv/größe-1.0/run")));
    }

    #[test]
    fn substitutes_of_two_data_directories_differ() {
        let one = short_substitute(Path::new("/one"));
        assert_ne!(one, short_substitute(Path::new("/two")));
        assert!(is_usable(&one));
    }
}
