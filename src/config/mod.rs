//! Configuration: built-in defaults, then a YAML file, then the environment.
//!
//! `config/default.yaml` is the only list of known keys. Everything is checked before the server starts, and all
//! problems are reported together. What the values are used for does not belong here.

mod build;
mod checks;
mod environment;
mod file;
mod keys;
mod listed;
mod service_links;
mod settings;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::secret::Secret;
use keys::Known;
use listed::Given;
pub use listed::Listed;
use settings::Settings;

/// What `to_yaml` shows for a secret, and what is refused as the value of one.
const REDACTED: &str = "[redacted]";

/// The effective configuration; each field is the key of the same name in `config/default.yaml`.
#[derive(Debug, Serialize)]
pub struct Config {
    pub listen: SocketAddr,
    /// Resolved: never empty, even when the key is not set.
    pub data_dir: PathBuf,
    /// For the first start only.
    #[serde(serialize_with = "redacted")]
    pub default_admin_password: Option<Secret>,
    /// For the first start only.
    pub default_admin_email: String,
    pub server: Server,
    pub database: Database,
    pub keys: Keys,
    pub logging: Logging,
    pub user_authentication: UserAuthentication,
    pub saml: Saml,
    pub console: Console,
    pub limits: Limits,
    pub cache: Cache,
    pub metrics: Metrics,
    pub telemetry: Telemetry,
    pub audit: Audit,
    pub roles: Roles,
    pub cleanup: Cleanup,
    /// The keys that the operator set.
    #[serde(skip)]
    given: Given,
}

#[derive(Debug, Serialize)]
pub struct Server {
    /// Without a trailing slash; `None` when the operator set none, which deserves a warning.
    pub external_url: Option<String>,
    pub ssl_cert: Option<PathBuf>,
    pub ssl_key: Option<PathBuf>,
    pub ssl_client_ca: Option<PathBuf>,
    pub max_connections: u32,
    #[serde(rename = "idle_timeout_seconds", serialize_with = "seconds")]
    pub idle_timeout: Duration,
    pub trusted_proxies: Vec<IpNet>,
    pub allow_plain_http: bool,
}

#[derive(Debug, Serialize)]
pub struct Database {
    /// `None`: Kedge runs a private `PostgreSQL`.
    #[serde(serialize_with = "redacted")]
    pub url: Option<Secret>,
    /// Past a pooler; `None`: `url`.
    #[serde(serialize_with = "redacted")]
    pub direct_url: Option<Secret>,
    pub pool_size: u32,
    /// Whether statements are prepared once for a connection.
    pub statement_cache: bool,
    /// Directory with `initdb` and `postgres`.
    pub programs: Option<PathBuf>,
    pub managed_user: Option<String>,
}

/// What signs access tokens.
#[derive(Debug, Serialize)]
pub struct Keys {
    #[serde(serialize_with = "redacted")]
    pub secret: Option<Secret>,
    pub private_key_path: Option<PathBuf>,
    pub public_key_path: Option<PathBuf>,
    #[serde(serialize_with = "redacted")]
    pub sealing_key: Option<Secret>,
}

#[derive(Debug, Serialize)]
pub struct Logging {
    /// Directives that `tracing_subscriber::EnvFilter` accepts.
    pub level: String,
    pub structured: bool,
}

/// A value that administrators can change while the server runs. Whoever goes by it asks for the one that is in force
/// ([`in_force`](crate::system::configurations::in_force)); this is only what is configured.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct Adjustable<T>(T);

impl<T: Copy> Adjustable<T> {
    /// The value where no administrator has changed it.
    #[must_use]
    pub const fn configured(self) -> T {
        self.0
    }
}

#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct UserAuthentication {
    pub max_api_key_age_days: Adjustable<u32>,
    pub max_api_keys_per_user: Adjustable<u32>,
    /// `None`: never removed.
    #[serde(serialize_with = "adjustable_days_or_minus_one")]
    pub remove_deleted_user_api_keys_older_than_days: Adjustable<Option<u32>>,
    pub refuse_common_passwords: Adjustable<bool>,
    pub disallow_native_users: bool,
    /// Whether the user `admin` is excepted from that.
    pub allow_native_admin: bool,
    pub sso_require_existing_users: Adjustable<bool>,
    pub allow_api_keys_for_saml_users: bool,
    pub log_saml_assertions: bool,
    pub oauth: OAuth,
}

impl UserAuthentication {
    /// Whether the native user of that name may sign in, in whatever way.
    #[must_use]
    pub fn lets_native(&self, username: &str) -> bool {
        !self.disallow_native_users || (self.allow_native_admin && username == "admin")
    }
}

/// How long tokens live, and how many sign-ins a user may have at once.
#[derive(Clone, Debug, Serialize)]
pub struct OAuth {
    #[serde(rename = "default_token_expiration_seconds", serialize_with = "seconds")]
    pub token_lifetime: Duration,
    #[serde(rename = "refresh_token_expiration_seconds", serialize_with = "seconds")]
    pub refresh_token_lifetime: Duration,
    #[serde(rename = "refresh_token_reuse_grace_seconds", serialize_with = "seconds")]
    pub refresh_token_reuse_grace: Duration,
    pub max_sessions_per_user: Adjustable<u32>,
}

/// How the metadata of identity providers is fetched.
#[derive(Debug, Serialize)]
pub struct Saml {
    pub metadata_over_http: bool,
    pub metadata_from_private_addresses: bool,
    #[serde(rename = "metadata_refresh_seconds", serialize_with = "seconds")]
    pub metadata_refresh: Duration,
}

/// How long a sign-in to the console lasts.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Console {
    /// Between two things that are done.
    #[serde(rename = "idle_timeout_seconds", serialize_with = "seconds")]
    pub idle_timeout: Duration,
    /// Whatever is done.
    #[serde(rename = "session_limit_seconds", serialize_with = "seconds")]
    pub session_limit: Duration,
}

/// How much is done at once, and how much waits.
#[derive(Debug, Serialize)]
pub struct Limits {
    /// 0: no limit.
    pub sign_in_failures_per_user_and_address: u32,
    /// 0: no limit.
    pub sign_in_failures_per_address: u32,
    #[serde(rename = "sign_in_window_seconds", serialize_with = "seconds")]
    pub sign_in_window: Duration,
    /// `None`: as many as there are cores.
    pub hashes_at_once: Option<u32>,
    pub hashes_waiting: u32,
}

/// What is remembered of callers.
#[derive(Debug, Serialize)]
pub struct Cache {
    #[serde(serialize_with = "seconds")]
    pub lease: Duration,
    pub size_mib: u32,
}

#[derive(Debug, Serialize)]
pub struct Metrics {
    pub enabled: bool,
    /// Whether anyone may read them.
    pub auth_disabled: bool,
}

/// Where traces go.
#[derive(Debug, Serialize)]
pub struct Telemetry {
    /// Without a trailing slash; `None`: nothing is traced.
    pub otlp_endpoint: Option<String>,
    pub service_name: String,
    /// From 0 to 1.
    pub sample_ratio: f64,
}

/// The audit trail.
#[derive(Debug, Serialize)]
pub struct Audit {
    pub enabled: bool,
    /// `None`: kept for ever.
    #[serde(serialize_with = "days_or_minus_one")]
    pub retention_days: Option<u32>,
    #[serde(serialize_with = "redacted")]
    pub seal_key: Option<Secret>,
}

#[derive(Debug, Serialize)]
pub struct Roles {
    /// A file with roles and actions of the deployment's own.
    pub file: Option<PathBuf>,
}

/// Pauses between two runs of each cleanup; at least one second.
#[derive(Debug, Serialize)]
pub struct Cleanup {
    #[serde(rename = "api_keys_interval_seconds", serialize_with = "seconds")]
    pub api_keys_interval: Duration,
    #[serde(rename = "oauth_tokens_interval_seconds", serialize_with = "seconds")]
    pub oauth_tokens_interval: Duration,
    #[serde(rename = "accounts_interval_seconds", serialize_with = "seconds")]
    pub accounts_interval: Duration,
}

/// All that is wrong with a configuration, one sentence each; never shows a configured value of a secret.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigProblems(pub Vec<String>);

impl Config {
    /// Reads the defaults, then `file` (or else the file that `KEDGE_CONFIG` names), then the `KEDGE_…` variables.
    ///
    /// # Errors
    /// Every unknown key or variable and every value that is not as expected.
    pub fn load(file: Option<&Path>, environment: &[(String, String)], is_root: bool) -> Result<Self, ConfigProblems> {
        let known = Known::built_in().map_err(|problem| ConfigProblems(vec![problem]))?;
        let mut settings = Settings::from_defaults(&known);
        let named = environment::variable(environment, environment::CONFIG_FILE).map(Path::new);
        if let Some(path) = file.or(named) {
            file::read(path, &known, &mut settings);
        }
        environment::read(environment, &known, &mut settings);
        let given = settings.given();
        let config = build::config(&mut settings, given, environment, is_root);
        match settings.into_problems() {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigProblems(problems)),
        }
    }

    /// The configuration as YAML, with the keys of `config/default.yaml` in their order; secrets are redacted.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        // Text and numbers always serialize; if that ever changes, the operator reads why instead of nothing.
        yaml_serde::to_string(self).unwrap_or_else(|error| format!("# cannot be shown as YAML: {error}\n"))
    }
}

impl Server {
    /// Where clients reach this server, without a trailing slash.
    #[must_use]
    pub fn external_url(&self) -> &str {
        self.external_url.as_deref().unwrap_or("http://localhost:8228")
    }
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn redacted<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| REDACTED).serialize(serializer)
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn days_or_minus_one<S: Serializer>(days: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    days.map_or(-1, i64::from).serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn adjustable_days_or_minus_one<S: Serializer>(
    days: &Adjustable<Option<u32>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    days_or_minus_one(&days.0, serializer)
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    duration.as_secs().serialize(serializer)
}
