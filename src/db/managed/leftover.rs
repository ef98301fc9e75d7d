//! A PostgreSQL that an earlier, killed Kedge left behind, still serving the cluster.
//!
//! Called by the owner of the data directory's lock only: whoever serves the cluster then has no Kedge any more.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::ManagedError;
use super::password::remove;

const PATIENCE: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(50);

/// What became of the process that the cluster's `postmaster.pid` names.
enum Process {
    Serving,
    /// The number now belongs to something else, or the process is dead and not yet reaped. PostgreSQL cannot tell
    /// that from its predecessor and would refuse to start.
    Replaced,
    /// Gone, or hidden: PostgreSQL decides on the file itself.
    Unknown,
}

pub(super) async fn stop(cluster: &Path) -> Result<(), ManagedError> {
    let pid_file = cluster.join("postmaster.pid");
    let Some(pid) = recorded_process(&pid_file)? else {
        return Ok(());
    };
    let deadline = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        match observe(pid, cluster) {
            Process::Unknown => return Ok(()),
            Process::Replaced => {
                return remove(&pid_file).map_err(ManagedError::file("remove", &pid_file));
            }
            Process::Serving if Instant::now() >= deadline => {
                return Err(ManagedError::Leftover { pid, cluster: cluster.to_owned() });
            }
            Process::Serving if !told => {
                tracing::warn!(pid, "stopping a PostgreSQL that an earlier Kedge left behind");
                // A process that ended meanwhile is what the signal is for.
                let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
                told = true;
            }
            Process::Serving => tokio::time::sleep(RETRY).await,
        }
    }
}

fn recorded_process(pid_file: &Path) -> Result<Option<i32>, ManagedError> {
    match fs::read_to_string(pid_file) {
        Ok(text) => Ok(parse_process(&text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ManagedError::file("read", pid_file)(error)),
    }
}

/// The first line. PostgreSQL writes a negative number for a process without a server; numbers that `kill` takes for
/// groups of processes must not get through.
fn parse_process(text: &str) -> Option<i32> {
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    number.checked_abs().filter(|pid| *pid > 1)
}

/// A server works in its cluster's directory. Compared by inode: its path may look different to the server.
fn observe(pid: i32, cluster: &Path) -> Process {
    let process = Path::new("/proc").join(pid.to_string());
    let Ok(cluster_found) = fs::metadata(cluster) else {
        return Process::Unknown;
    };
    match fs::metadata(process.join("cwd")) {
        Ok(cwd) if (cwd.dev(), cwd.ino()) == (cluster_found.dev(), cluster_found.ino()) => Process::Serving,
        Ok(_) => Process::Replaced,
        // Containers often take root's right to look. The arguments stay readable.
        Err(error) if error.kind() == ErrorKind::PermissionDenied && names(&process, cluster) => Process::Serving,
        Err(error) if error.kind() == ErrorKind::NotFound && process.exists() => Process::Replaced,
        Err(_) => Process::Unknown,
    }
}

fn names(process: &Path, cluster: &Path) -> bool {
    fs::read(process.join("cmdline")).is_ok_and(|arguments| {
        arguments.split(|byte| *byte == 0).any(|argument| argument == cluster.as_os_str().as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Process, observe, parse_process};

    #[test]
    fn process_number_is_the_first_line() {
        assert_eq!(parse_process("4711\n/data/postgres\n1700000000\n"), Some(4711));
        assert_eq!(parse_process("-4711\n"), Some(4711));
    }

    #[test]
    fn numbers_that_would_signal_groups_are_refused() {
        for text in ["0\n", "1\n", "-1\n", "-2147483648\n", "", "postgres\n"] {
            assert_eq!(parse_process(text), None, "{text:?}");
        }
    }

    #[test]
    fn process_in_another_directory_is_not_taken_for_the_server() {
        let oneself = i32::try_from(std::process::id()).unwrap();
        assert!(matches!(observe(oneself, Path::new("/proc")), Process::Replaced));
        assert!(matches!(observe(oneself, &std::env::current_dir().unwrap()), Process::Serving));
    }
}
