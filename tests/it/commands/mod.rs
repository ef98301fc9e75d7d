//! The program `kedge` as an operator meets it: a process, what it prints, how it ends, what it leaves behind.

mod admin;
mod configuration;
mod external;
mod first_start;
mod logging;
mod migrate;
mod prints;
mod refusals;
mod role_file;
mod signing_keys;
mod stopping;

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::support::{Client, Login, Place, empty_database, new_database, url};

/// After this long a process hangs: generous, for a first start beside many others takes its time.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where the `kedge` of a test keeps its data, and what its environment says.
pub struct Setup {
    pub place: Place,
    pub environment: Vec<(String, String)>,
}

impl Setup {
    /// With a private PostgreSQL, not yet made.
    pub fn private() -> Self {
        let place = Place::new();
        let data = place.data.to_str().unwrap().to_owned();
        Self { place, environment: vec![] }.with("KEDGE_DATA_DIR", &data).with("KEDGE_LISTEN", "127.0.0.1:0")
    }

    /// With a database of the tests' PostgreSQL, as it is after the first start.
    pub async fn external() -> Self {
        Self::private().with("KEDGE_DATABASE_URL", &url(&new_database().await))
    }

    /// With a database of the tests' PostgreSQL that nobody has used.
    pub async fn external_empty() -> Self {
        Self::private().with("KEDGE_DATABASE_URL", &url(&empty_database().await))
    }

    /// The same with another value of a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kedge"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.args(arguments).env_clear().env("PATH", path);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// A `kedge` that is starting.
    pub fn spawn(&self) -> Process {
        self.spawn_reading(Stdio::null())
    }

    /// The same, with something to read.
    pub fn spawn_reading(&self, input: Stdio) -> Process {
        let mut child = self.command(&["serve"]).stdin(input).spawn().unwrap();
        let (out, err) = (Printed::of(child.stdout.take().unwrap()), Printed::of(child.stderr.take().unwrap()));
        Process { child, out, err, url: String::new() }
    }

    /// A `kedge` that listens.
    pub async fn serve(&self) -> Process {
        self.spawn().listening().await
    }

    /// A command, run to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let output = timeout(PATIENCE, self.command(arguments).output()).await.expect("the command ends");
        Ended::from(output.unwrap())
    }

    /// A command that is given something to read, run to its end.
    pub async fn run_reading(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A command that refuses before it reads closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the command ends");
        Ended::from(output.unwrap())
    }
}

/// A `kedge` that serves; killed where the test ends before it.
pub struct Process {
    pub child: Child,
    pub out: Printed,
    pub err: Printed,
    /// `http://127.0.0.1:<port>`; empty while it is starting.
    pub url: String,
}

impl Process {
    /// Once it listens.
    pub async fn listening(self) -> Self {
        let log = self.err.until("listening on http").await;
        let (_, address) = log.split_once("listening on ").unwrap();
        let url = address.split(['\n', '"']).next().unwrap().to_owned();
        Self { url, ..self }
    }

    pub fn client(&self, username: &str, password: &str) -> Client {
        Client::new(&self.url, Login::Basic(username.to_owned(), password.to_owned()))
    }

    /// `127.0.0.1:<port>`
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("it runs")).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Tells it to stop and waits for its end.
    pub async fn stop(self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.end().await
    }

    pub async fn end(mut self) -> Ended {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        Ended { code: status.code(), out: self.out.whole().await, err: self.err.whole().await }
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// `None` where a signal killed it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// What a process prints on one stream, as it comes.
pub struct Printed(watch::Receiver<String>);

impl Printed {
    fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (printed, receiver) = watch::channel(String::new());
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Some(line) = lines.next_line().await.unwrap() {
                printed.send_modify(|text| *text += &(line + "\n"));
            }
        });
        Self(receiver)
    }

    fn so_far(&self) -> String {
        self.0.borrow().clone()
    }

    /// What was printed, once this part has been.
    pub async fn until(&self, part: &str) -> String {
        let mut receiver = self.0.clone();
        let there = timeout(PATIENCE, receiver.wait_for(|text| text.contains(part))).await;
        let there = there.ok().and_then(Result::ok).map(|text| text.clone());
        there.unwrap_or_else(|| panic!("never printed {part:?}, but:\n{}", self.so_far()))
    }

    /// What was printed until the stream was closed.
    async fn whole(mut self) -> String {
        while self.0.changed().await.is_ok() {}
        self.so_far()
    }
}

/// The password that a command shows to the operator, on a line of its own.
fn shown_password(out: &str) -> Option<&str> {
    let shown: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(shown.len() <= 1, "one password at most: {out}");
    shown.first().copied()
}
