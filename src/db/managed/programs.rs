//! Where PostgreSQL's programs are, and of which version.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::account::Account;
use super::error::ManagedError;

const OLDEST_VERSION: u32 = 15;
/// Debian keeps the versions side by side and out of PATH.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

pub(super) struct Programs {
    directory: PathBuf,
    version: u32,
}

impl Programs {
    pub(super) fn initdb(&self) -> PathBuf {
        self.directory.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.directory.join("postgres")
    }

    fn suit(&self, needed: Option<u32>) -> bool {
        needed.map_or(self.version >= OLDEST_VERSION, |needed| self.version == needed)
    }
}

/// The first programs that suit: of version `needed` where there is a cluster already, of a recent one otherwise.
pub(super) async fn find(
    setting: Option<&Path>,
    needed: Option<u32>,
    cluster: &Path,
    account: &Account,
) -> Result<Programs, ManagedError> {
    let mut others = Vec::new();
    for directory in places(setting)? {
        let Some(version) = version_in(&directory, account).await? else {
            continue;
        };
        let programs = Programs { directory, version };
        if programs.suit(needed) {
            return Ok(programs);
        }
        others.push(programs);
    }
    Err(none_suits(setting, needed, cluster, &others))
}

fn places(setting: Option<&Path>) -> Result<Vec<PathBuf>, ManagedError> {
    if let Some(directory) = setting {
        let directory = std::path::absolute(directory).map_err(ManagedError::file("find", directory))?;
        return Ok(vec![directory]);
    }
    let mut places = absolute_entries(std::env::var_os("PATH").as_deref());
    places.extend(newest_first(Path::new(DEBIAN_VERSIONS)));
    Ok(places)
}

/// A relative entry would mean another place for the children, which have another working directory.
fn absolute_entries(path_variable: Option<&OsStr>) -> Vec<PathBuf> {
    path_variable
        .map(|variable| std::env::split_paths(variable).filter(|entry| entry.is_absolute()).collect())
        .unwrap_or_default()
}

fn newest_first(versions: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, directory)| directory).collect()
}

/// `None` where the directory lacks one of the two programs, or where they are not PostgreSQL's.
async fn version_in(directory: &Path, account: &Account) -> Result<Option<u32>, ManagedError> {
    let program = directory.join("postgres");
    if !is_executable(&program) || !is_executable(&directory.join("initdb")) {
        return Ok(None);
    }
    let output = account
        .command(&program, Path::new("/"))
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|source| ManagedError::Program { program, source })?;
    Ok(parse_version(&String::from_utf8_lossy(&output.stdout)))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The 15 of `postgres (PostgreSQL) 15.10 (Debian 15.10-1)`.
fn parse_version(line: &str) -> Option<u32> {
    let (_, version) = line.split_once("(PostgreSQL) ")?;
    let end = version.find(|character: char| !character.is_ascii_digit()).unwrap_or(version.len());
    version.get(..end)?.parse().ok()
}

fn none_suits(setting: Option<&Path>, needed: Option<u32>, cluster: &Path, others: &[Programs]) -> ManagedError {
    match (setting, needed) {
        (Some(directory), _) if others.is_empty() => ManagedError::ProgramsNotThere(directory.to_owned()),
        (_, Some(needed)) => {
            ManagedError::ProgramsOfOtherVersion { cluster: cluster.to_owned(), needed, found: list(others) }
        }
        (_, None) if others.is_empty() => ManagedError::ProgramsMissing,
        (_, None) => ManagedError::ProgramsTooOld { found: list(others) },
    }
}

fn list(others: &[Programs]) -> String {
    if others.is_empty() {
        return "no PostgreSQL at all".to_owned();
    }
    let each: Vec<String> =
        others.iter().map(|programs| format!("{} in {}", programs.version, programs.directory.display())).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::{Path, PathBuf};

    use super::{Programs, absolute_entries, none_suits, parse_version};

    #[test]
    fn major_version_is_read_from_releases_and_previews() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.10 (Debian 15.10-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 19devel\n"), Some(19));
        assert_eq!(parse_version("postgres (PostgreSQL) 16"), Some(16));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn relative_entries_of_path_are_not_searched() {
        let entries = absolute_entries(Some(OsStr::new("/a:.::b:/c")));
        assert_eq!(entries, [PathBuf::from("/a"), PathBuf::from("/c")]);
    }

    #[test]
    fn missing_programs_are_answered_with_the_package_to_install() {
        let message = none_suits(None, None, Path::new("/data/postgres"), &[]).to_string();
        assert!(message.contains("apt-get install postgresql"), "{message}");
    }

    #[test]
    fn wrong_version_is_answered_with_the_needed_and_the_found_ones() {
        let others =
            [Programs { directory: "/one".into(), version: 14 }, Programs { directory: "/two".into(), version: 17 }];
        let message = none_suits(None, Some(16), Path::new("/data/postgres"), &others).to_string();
        assert!(message.contains("PostgreSQL 16's"), "{message}");
        assert!(message.contains("14 in /one, 17 in /two"), "{message}");
    }

    #[test]
    fn version_before_fifteen_makes_no_new_cluster() {
        let old = Programs { directory: "/old".into(), version: 14 };
        assert!(!old.suit(None));
        assert!(old.suit(Some(14)));
    }
}
