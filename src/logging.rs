//! The log: one line an event, on standard error, its level changeable while the server runs.

use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt::MakeWriter, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::config::Logging;

/// Crates that print whole headers or frames at `trace`: an `Authorization` header must not get into a log.
const CAPPED: &str = "h2=info,hyper=info,hyper_util=info,rustls=info";
/// The records and seals of the audit trail, whose lines are the proof of it outside of the database: no level keeps
/// them back, only a directive of the operator's that names them.
const ALWAYS: &str = "kedge::audit=info";

/// The level of the running process.
#[derive(Clone, Debug)]
pub struct LogLevel {
    configured: String,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Why the log could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("cannot read the log level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    #[error("cannot set up the log: {0}")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
    #[error("cannot change the log level: {0}")]
    Change(#[from] reload::Error),
}

/// Sets the process's log up.
///
/// # Errors
/// A level that cannot be read, or a second log in one process.
pub fn init<W>(settings: &Logging, writer: W) -> Result<LogLevel, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let lines = if settings.structured { lines.json().boxed() } else { lines.boxed() };
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()?;
    Ok(LogLevel { configured: settings.level.clone(), filter: handle })
}

impl LogLevel {
    /// Changes the level; `None` goes back to the configured one.
    ///
    /// # Errors
    /// A level that cannot be read.
    pub fn set(&self, level: Option<&str>) -> Result<(), LogError> {
        let filter = filter(level.unwrap_or(&self.configured))?;
        Ok(self.filter.reload(filter)?)
    }
}

fn filter(level: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    // Of two directives for the same target the later one counts.
    EnvFilter::builder().parse(format!("{ALWAYS},{level},{CAPPED}"))
}
