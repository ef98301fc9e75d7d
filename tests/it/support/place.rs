//! A directory of one test, with the private PostgreSQL that may run in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let top = PathBuf::from(format!("/tmp/kedge-test-{}-{number}", std::process::id()));
        fs::create_dir(&top).unwrap();
        fs::set_permissions(&top, Permissions::from_mode(0o755)).unwrap();
        Self { data: top.join(below), top }
    }

    pub fn cluster(&self) -> PathBuf {
        self.data.join("postgres")
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
