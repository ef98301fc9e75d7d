//! The directory of a run, and below it those of its tests, with the private PostgreSQL that may run in each.

use std::fs::{self, Permissions};
use std::os::unix::{fs::PermissionsExt, process::CommandExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, mkdtemp};

use super::until;

struct Run {
    top: PathBuf,
    /// Waits for the end of this process, then ends what runs in the directory and removes it.
    _undertaker: Child,
}

static RUN: LazyLock<Run> = LazyLock::new(|| {
    // Not by the number of this process, which an earlier run that left something behind may have had.
    let top = mkdtemp("/tmp/kedge-tests-XXXXXX").unwrap();
    open_to_all(&top);
    Run { _undertaker: undertaker(&top), top }
});

/// PostgreSQL's user has to pass.
fn open_to_all(directory: &Path) {
    fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
}

/// A shell that outlives this process by a moment: the end of its standard input is the end of this process, however
/// it comes. Who ends all processes of the run at once, as Ctrl-C does, does not meet it in its group.
fn undertaker(top: &Path) -> Child {
    let script = r#"
        read -r _
        while pids=$(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1/*" 2>/dev/null | cut -d / -f 3) && [ -n "$pids" ]; do
            kill -QUIT $pids; kill -CONT $pids; sleep 0.1
        done 2>/dev/null
        rm -rf "$1""#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "undertaker"]).arg(top).process_group(0).stdin(Stdio::piped()).spawn().unwrap()
}

/// A directory that takes its PostgreSQL with it.
pub struct Place {
    pub top: PathBuf,
    pub data: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        Self::with_data("data")
    }

    pub fn with_data(below: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let top = RUN.top.join(NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&top).unwrap();
        open_to_all(&top);
        Self { data: top.join(below), top }
    }

    pub fn cluster(&self) -> PathBuf {
        self.data.join("postgres")
    }

    /// Until the cluster is being made. The directory that it is made in has another name once it is complete.
    pub async fn cluster_begun(&self) {
        let made = [self.data.join("postgres.new/base"), self.cluster()];
        until("the cluster is begun", async || made.iter().any(|path| path.exists())).await;
    }

    /// The process of the server in this place, if one runs.
    pub fn server(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.cluster().join("postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.parse().ok()?;
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        (cwd == self.cluster()).then(|| Pid::from_raw(pid))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pid) = self.server() {
            let _ = kill(pid, Signal::SIGQUIT);
            let deadline = Instant::now() + Duration::from_secs(6);
            while self.server().is_some() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = fs::remove_dir_all(&self.top);
    }
}
