//! What `kedge` does on the command line: one command a file.

mod admin;
mod database;
mod healthcheck;
mod packaging;
mod serve;

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    audit::seal::Broken,
    authn::{
        password::HashError,
        signing_keys::{KeyError, KeyProblem},
    },
    authz::roles::RoleProblems,
    config::{Config, ConfigProblems},
    db::{MigrateError, managed::ManagedError},
    error::Error,
    http::{
        listener::tls::TlsProblem,
        openapi::{Document, OWN_SERVER},
    },
    logging::LogError,
    telemetry::TelemetryError,
};

/// An open server for Anchore's V2 API: accounts, users and API keys.
///
/// Without a command it serves, on 127.0.0.1:8228. Without a database URL it runs a private PostgreSQL of its own
/// in its data directory. At the first start it makes the user `admin` and, where no password is configured, prints
/// one once.
#[derive(Debug, Parser)]
#[command(version = VERSION, after_long_help = ENVIRONMENT)]
pub struct Arguments {
    /// Configuration file (YAML); `kedge config` prints every key
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The version, and the commit that it was built from (see `build.rs`).
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (commit ", env!("BUILT_FROM_COMMIT"), ")");

const ENVIRONMENT: &str = "\
Environment:
  KEDGE_CONFIG          configuration file, where --config is not given
  KEDGE_LISTEN          address and port to listen on
  KEDGE_DATABASE_URL    PostgreSQL to use; without it Kedge runs its own
  KEDGE_DATA_DIR        where Kedge keeps its own PostgreSQL
  KEDGE_ADMIN_PASSWORD  password of the user admin, at the first start only
  KEDGE_LOG             log level (error, warn, info, debug, trace) or directives

Every key of the configuration is a variable, too: server.external_url is KEDGE_SERVER__EXTERNAL_URL. Secrets are
also read from files that such a variable names: KEDGE_DATABASE_URL_FILE, KEDGE_ADMIN_PASSWORD_FILE and so on. A
variable wins over the configuration file.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (what Kedge does without a command)
    Serve,
    /// Bring the database's schema up to date and stop; safe to run from several nodes at once
    Migrate,
    /// Print the OpenAPI document
    Openapi {
        /// The one of the older API
        #[arg(long)]
        v1: bool,
    },
    /// Ask the Kedge that listens here whether it is healthy; exit status 0 if so (for containers)
    Healthcheck,
    /// Print the effective configuration, secrets redacted
    Config,
    /// Print the manual page, kedge(1)
    Man,
    /// Print the completions of the command line for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Administration that needs no sign-in
    #[command(subcommand)]
    Admin(AdminCommand),
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Set a new password for a user of the account admin, and print it
    ResetPassword {
        /// The user
        #[arg(default_value = "admin")]
        username: String,
        /// Read the new password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make a new key that signs access tokens; the one before verifies until its last token has run out
    RotateSigningKey,
    /// Look whether the audit trail is whole: no record altered, none removed
    VerifyAudit {
        /// A seal from the log, which must be in the trail (`12:9f86d0…`)
        #[arg(long, value_name = "SEAL:HASH")]
        checkpoint: Option<String>,
        /// A public key that may have signed, in hexadecimal; can be given several times
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<String>,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the configuration is wrong:\n{0}")]
    Config(#[from] ConfigProblems),
    #[error(transparent)]
    Managed(#[from] ManagedError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error("cannot listen on {0}: {1}")]
    Listen(std::net::SocketAddr, std::io::Error),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Hash(#[from] HashError),
    #[error(transparent)]
    Roles(#[from] RoleProblems),
    #[error("the configuration is wrong:\n{0}")]
    KeyFile(#[from] KeyProblem),
    #[error("the configuration is wrong:\n{0}")]
    Tls(#[from] TlsProblem),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error("{}", told_of_key(.0))]
    Key(#[from] KeyError),
    #[error("{}", told(.0))]
    Request(#[from] Error),
    #[error("the audit trail is not what was written: {0}")]
    Audit(#[from] Broken),
    #[error("{0}")]
    Other(String),
}

/// An internal error hides its cause from clients; the operator at the terminal is told.
fn told(error: &Error) -> String {
    match error {
        Error::Internal(source) => source.to_string(),
        told => told.to_string(),
    }
}

fn told_of_key(error: &KeyError) -> String {
    match error {
        KeyError::Database(error) => told(error),
        other => other.to_string(),
    }
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Roles(_) | Self::KeyFile(_) | Self::Tls(_) => 2,
            _ => 1,
        }
    }
}

/// Runs a command to its end.
pub async fn run(arguments: Arguments) -> ExitCode {
    match Box::pin(dispatch(arguments)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kedge: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints a text. Whoever reads it may stop before its end, as `head` does.
fn put(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_ref()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

async fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    let command = arguments.command.unwrap_or(Command::Serve);
    // What only prints needs no configuration.
    match command {
        Command::Openapi { v1 } => {
            let document = Document::of(OWN_SERVER).map_err(Failure::Other)?;
            return put(if v1 { document.v1_json } else { document.json });
        }
        Command::Man => {
            let page = packaging::man(Arguments::command());
            return put(page.map_err(|error| Failure::Other(format!("cannot write the manual page: {error}")))?);
        }
        Command::Completions { shell } => return put(packaging::completions(shell, Arguments::command())),
        _ => {}
    }
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let config = Config::load(arguments.config.as_deref(), &environment, nix::unistd::geteuid().is_root())?;
    match command {
        Command::Serve => serve::serve(config).await,
        Command::Migrate => database::migrate(&config).await,
        Command::Healthcheck => healthcheck::healthcheck(&config).await,
        Command::Admin(AdminCommand::ResetPassword { username, password_stdin }) => {
            admin::reset_password(config, &username, password_stdin).await
        }
        Command::Admin(AdminCommand::RotateSigningKey) => admin::rotate_signing_key(config).await,
        Command::Admin(AdminCommand::VerifyAudit { checkpoint, keys }) => {
            admin::verify_audit(&config, checkpoint.as_deref(), &keys).await
        }
        Command::Config => put(config.to_yaml()),
        Command::Openapi { .. } | Command::Man | Command::Completions { .. } => Ok(()),
    }
}
