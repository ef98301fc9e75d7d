//! From settings to the typed configuration: the kind and bounds of each key, and what must hold between keys.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::listed::Given;
use super::settings::Settings;
use super::{
    Adjustable, Audit, Cache, Cleanup, Config, Console, Database, Keys, Limits, Logging, Metrics, OAuth, Roles, Saml,
    Server, Telemetry, UserAuthentication, checks, environment,
};

pub(super) fn config(settings: &mut Settings, given: Given, environment: &[(String, String)], is_root: bool) -> Config {
    // Asked here because reading the value forgets its source.
    let listen_source = settings.source("listen");
    let config = Config {
        listen: listen(settings),
        data_dir: data_dir(settings, environment, is_root),
        default_admin_password: settings.secret(
            "default_admin_password",
            "expected 6 to 128 characters, no control characters, and not the redaction `kedge config` shows",
            checks::admin_password,
        ),
        default_admin_email: settings.text(
            "default_admin_email",
            "expected an email address",
            String::new(),
            checks::email,
        ),
        server: server(settings),
        database: database(settings),
        keys: keys(settings),
        logging: logging(settings),
        user_authentication: user_authentication(settings),
        saml: Saml {
            metadata_over_http: settings.flag("saml.metadata_over_http"),
            metadata_from_private_addresses: settings.flag("saml.metadata_from_private_addresses"),
            metadata_refresh: interval(settings, "saml.metadata_refresh_seconds"),
        },
        console: Console {
            idle_timeout: interval(settings, "console.idle_timeout_seconds"),
            session_limit: interval(settings, "console.session_limit_seconds"),
        },
        limits: limits(settings),
        cache: Cache {
            lease: Duration::from_secs(settings.number::<u32>("cache.lease", 1..=10).into()),
            size_mib: settings.number("cache.size_mib", 1..=1_048_576),
        },
        metrics: Metrics {
            enabled: settings.flag("metrics.enabled"),
            auth_disabled: settings.flag("metrics.auth_disabled"),
        },
        telemetry: telemetry(settings),
        audit: audit(settings),
        roles: Roles { file: settings.optional_text("roles.file", "expected the path of a file", checks::directory) },
        cleanup: cleanup(settings),
        given,
    };
    refuse_public_plain_http(&config, &listen_source, settings);
    config
}

fn listen(settings: &mut Settings) -> SocketAddr {
    settings.text(
        "listen",
        "expected an IP address and a port, such as 127.0.0.1:8228 or [::1]:8228",
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        |text| text.parse().ok(),
    )
}

fn data_dir(settings: &mut Settings, environment: &[(String, String)], is_root: bool) -> PathBuf {
    let is_set = settings.is_set("data_dir");
    let given = settings.optional_text("data_dir", "expected a directory", checks::directory);
    if is_set {
        return given.unwrap_or_default();
    }
    default_data_dir(environment, is_root).unwrap_or_else(|| {
        settings.note(
            "`data_dir` is not set and there is no home directory: expected `data_dir` (KEDGE_DATA_DIR) or HOME, \
             an absolute path"
                .to_owned(),
        );
        PathBuf::new()
    })
}

/// `None` when the environment names no home. Relative paths are ignored, as the XDG base directory specification asks.
fn default_data_dir(environment: &[(String, String)], is_root: bool) -> Option<PathBuf> {
    if is_root {
        return Some(PathBuf::from("/var/lib/kedge"));
    }
    let absolute = |name| environment::variable(environment, name).map(Path::new).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .map(|data_home| data_home.join("kedge"))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share/kedge")))
}

fn server(settings: &mut Settings) -> Server {
    const EXPECTED: &str = "expected the path of a PEM file";
    let source = settings.source("server.ssl_cert");
    let server = Server {
        external_url: settings.optional_text(
            "server.external_url",
            "expected an absolute URL with http:// or https://, without user, query or fragment, such as \
             https://kedge.example.com",
            |text| checks::external_url(&text),
        ),
        ssl_cert: settings.optional_text("server.ssl_cert", EXPECTED, checks::directory),
        ssl_key: settings.optional_text("server.ssl_key", EXPECTED, checks::directory),
        ssl_client_ca: settings.optional_text("server.ssl_client_ca", EXPECTED, checks::directory),
        max_connections: settings.number("server.max_connections", 1..=1_000_000),
        idle_timeout: interval(settings, "server.idle_timeout_seconds"),
        trusted_proxies: settings.list(
            "server.trusted_proxies",
            "expected networks such as 10.0.0.0/8",
            checks::network,
        ),
        allow_plain_http: settings.flag("server.allow_plain_http"),
    };
    let parts = [server.ssl_cert.is_some(), server.ssl_key.is_some()];
    if parts[0] != parts[1] || (server.ssl_client_ca.is_some() && !parts[0]) {
        settings.note(format!("{source}: TLS needs both `server.ssl_cert` and `server.ssl_key`"));
    }
    server
}

fn database(settings: &mut Settings) -> Database {
    const EXPECTED: &str = "expected a URL such as postgres://user:password@host:5432/name";
    let direct_source = settings.source("database.direct_url");
    let database = Database {
        url: settings.secret("database.url", EXPECTED, checks::database_url),
        direct_url: settings.secret("database.direct_url", EXPECTED, checks::database_url),
        pool_size: settings.number("database.pool_size", 1..=10_000),
        statement_cache: settings.flag("database.statement_cache"),
        programs: settings.optional_text("database.programs", "expected a directory", checks::directory),
        managed_user: settings.optional_text(
            "database.managed_user",
            "expected the name of a system user",
            checks::name,
        ),
    };
    if database.direct_url.is_some() && database.url.is_none() {
        settings.note(format!("{direct_source}: there is nothing to go past: expected `database.url` with it"));
    }
    database
}

fn keys(settings: &mut Settings) -> Keys {
    const EXPECTED: &str = "expected at least 32 bytes that nobody can guess, such as `openssl rand -base64 48` prints, \
                            and not the redaction `kedge config` shows";
    let public_source = settings.source("keys.public_key_path");
    let keys = Keys {
        secret: settings.secret("keys.secret", EXPECTED, checks::long_secret),
        private_key_path: settings.optional_text(
            "keys.private_key_path",
            "expected the path of a PEM file",
            checks::directory,
        ),
        public_key_path: settings.optional_text(
            "keys.public_key_path",
            "expected the path of a PEM file",
            checks::directory,
        ),
        sealing_key: settings.secret("keys.sealing_key", EXPECTED, checks::long_secret),
    };
    if keys.public_key_path.is_some() && keys.private_key_path.is_none() {
        settings.note(format!("{public_source}: a public key signs nothing: expected `keys.private_key_path` with it"));
    }
    keys
}

fn logging(settings: &mut Settings) -> Logging {
    Logging {
        level: settings.text(
            "logging.level",
            "expected a level (error, warn, info, debug, trace, off) or directives such as kedge=debug,sqlx=warn",
            String::new(),
            checks::log_directives,
        ),
        structured: settings.flag("logging.structured"),
    }
}

fn user_authentication(settings: &mut Settings) -> UserAuthentication {
    let days_until_removal: i32 =
        settings.number("user_authentication.remove_deleted_user_api_keys_older_than_days", -1..=36_500);
    UserAuthentication {
        max_api_key_age_days: Adjustable(settings.number("user_authentication.max_api_key_age_days", 1..=36_500)),
        max_api_keys_per_user: Adjustable(settings.number("user_authentication.max_api_keys_per_user", 1..=100_000)),
        remove_deleted_user_api_keys_older_than_days: Adjustable(u32::try_from(days_until_removal).ok()),
        refuse_common_passwords: Adjustable(settings.flag("user_authentication.refuse_common_passwords")),
        disallow_native_users: settings.flag("user_authentication.disallow_native_users"),
        allow_native_admin: settings.flag("user_authentication.allow_native_admin"),
        sso_require_existing_users: Adjustable(settings.flag("user_authentication.sso_require_existing_users")),
        allow_api_keys_for_saml_users: settings.flag("user_authentication.allow_api_keys_for_saml_users"),
        log_saml_assertions: settings.flag("user_authentication.log_saml_assertions"),
        oauth: oauth(settings),
    }
}

fn telemetry(settings: &mut Settings) -> Telemetry {
    Telemetry {
        otlp_endpoint: settings.optional_text(
            "telemetry.otlp_endpoint",
            "expected an absolute URL with http:// or https://, without user, query or fragment, such as \
             http://localhost:4318",
            |text| checks::external_url(&text),
        ),
        service_name: settings.text(
            "telemetry.service_name",
            "expected a name without control characters",
            String::new(),
            checks::name,
        ),
        sample_ratio: settings.ratio("telemetry.sample_ratio"),
    }
}

fn audit(settings: &mut Settings) -> Audit {
    const EXPECTED: &str = "expected at least 32 bytes that nobody can guess, such as `openssl rand -base64 48` prints, \
                            and not the redaction `kedge config` shows";
    let days: i32 = settings.number("audit.retention_days", -1..=36_500);
    Audit {
        enabled: settings.flag("audit.enabled"),
        retention_days: u32::try_from(days).ok(),
        seal_key: settings.secret("audit.seal_key", EXPECTED, checks::long_secret),
    }
}

fn oauth(settings: &mut Settings) -> OAuth {
    const YEAR: u32 = 366 * 24 * 3600;
    const HOUR: u32 = 3600;
    let mut seconds = |key, range| Duration::from_secs(settings.number::<u32>(key, range).into());
    OAuth {
        token_lifetime: seconds("user_authentication.oauth.default_token_expiration_seconds", 1..=YEAR),
        refresh_token_lifetime: seconds("user_authentication.oauth.refresh_token_expiration_seconds", 1..=YEAR),
        refresh_token_reuse_grace: seconds("user_authentication.oauth.refresh_token_reuse_grace_seconds", 0..=HOUR),
        max_sessions_per_user: Adjustable(
            settings.number("user_authentication.oauth.max_sessions_per_user", 1..=100_000),
        ),
    }
}

fn limits(settings: &mut Settings) -> Limits {
    let is_set = settings.is_set("limits.hashes_at_once");
    Limits {
        sign_in_failures_per_user_and_address: settings
            .number("limits.sign_in_failures_per_user_and_address", 0..=1_000_000),
        sign_in_failures_per_address: settings.number("limits.sign_in_failures_per_address", 0..=1_000_000),
        sign_in_window: Duration::from_secs(settings.number::<u32>("limits.sign_in_window_seconds", 1..=86_400).into()),
        hashes_at_once: is_set.then(|| settings.number("limits.hashes_at_once", 1..=1024)),
        hashes_waiting: settings.number("limits.hashes_waiting", 1..=100_000),
    }
}

fn cleanup(settings: &mut Settings) -> Cleanup {
    Cleanup {
        api_keys_interval: interval(settings, "cleanup.api_keys_interval_seconds"),
        oauth_tokens_interval: interval(settings, "cleanup.oauth_tokens_interval_seconds"),
        accounts_interval: interval(settings, "cleanup.accounts_interval_seconds"),
    }
}

fn interval(settings: &mut Settings, key: &str) -> Duration {
    let seconds: u32 = settings.number(key, 1..=u32::MAX);
    Duration::from_secs(seconds.into())
}

fn refuse_public_plain_http(config: &Config, listen_source: &str, settings: &mut Settings) {
    let listen = config.listen;
    let encrypted = config.server.ssl_cert.is_some();
    if listen.ip().to_canonical().is_loopback() || encrypted || config.server.allow_plain_http {
        return;
    }
    settings.note(format!(
        "{listen_source}: other machines can reach {listen}, and passwords and keys would travel unencrypted: \
         expected `server.ssl_cert` and `server.ssl_key`, or a loopback address (with a proxy that does TLS in front), \
         or `server.allow_plain_http` (KEDGE_SERVER__ALLOW_PLAIN_HTTP) set to true"
    ));
}
