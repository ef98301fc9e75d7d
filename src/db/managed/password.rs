//! The file that keeps the database user's password for later starts and for `kedge admin`.
//!
//! It is written before the cluster is made and never after. A Kedge killed in between finds it again and makes the
//! cluster with it, so the two always agree.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::directory::DataDirectory;
use super::error::ManagedError;
use crate::secret::Secret;

/// `None` where the file is missing or empty.
pub(super) fn read(directory: &DataDirectory) -> Result<Option<Secret>, ManagedError> {
    let path = directory.password();
    let text = match fs::read_to_string(&path) {
        Ok(text) => Secret::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ManagedError::file("read", &path)(error)),
    };
    #[expect(clippy::disallowed_methods, reason = "the line end is not part of the password")]
    let line = text.reveal().trim_end_matches('\n');
    Ok((!line.is_empty()).then(|| Secret::new(line.to_owned())))
}

/// The password of the cluster to be made: the one on file if there is one, else `fresh`, which goes on file.
pub(super) fn keep(directory: &DataDirectory, fresh: Secret) -> Result<Secret, ManagedError> {
    if let Some(kept) = read(directory)? {
        return Ok(kept);
    }
    let path = directory.password();
    let unfinished = path.with_extension("new");
    write(&unfinished, &fresh).map_err(ManagedError::file("write", &unfinished))?;
    fs::rename(&unfinished, &path).map_err(ManagedError::file("write", &path))?;
    directory.sync_names()?;
    Ok(fresh)
}

/// Writes a file that only its owner may read; an older one of that name makes way.
pub(super) fn write(path: &Path, password: &Secret) -> io::Result<()> {
    remove(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    #[expect(clippy::disallowed_methods, reason = "a file of mode 0600 is where the password lives")]
    file.write_all(password.reveal().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
