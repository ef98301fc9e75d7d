//! What a whole load promises.

mod secrets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use yaml_serde::Value;

use super::keys::Known;
use super::{Config, ConfigProblems};

const DEFAULT_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/default.yaml");

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    [("HOME", "/home/k")]
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigProblems> {
    Config::load(None, &environment(variables), false)
}

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    load(variables).unwrap_err().0
}

/// A file that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str) -> Self {
        let name = format!("kedge-config-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn paths(yaml: &str) -> Vec<String> {
    fn add(section: &str, value: &Value, paths: &mut Vec<String>) {
        for (key, value) in value.as_mapping().unwrap() {
            let path = super::keys::join(section, key.as_str().unwrap());
            if value.is_mapping() {
                add(&path, value, paths);
            } else {
                paths.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    add("", &yaml_serde::from_str(yaml).unwrap(), &mut paths);
    paths
}

#[test]
fn defaults_are_those_promised_to_operators() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8228");
    assert_eq!(config.data_dir, Path::new("/home/k/.local/share/kedge"));
    assert!(config.default_admin_password.is_none());
    assert_eq!(config.default_admin_email, "admin@myanchore");
    assert_eq!(config.server.external_url, None);
    assert_eq!(config.server.external_url(), "http://localhost:8228");
    assert!(!config.server.allow_plain_http);
    assert!(config.database.url.is_none());
    assert_eq!(config.database.pool_size, 30);
    assert_eq!(config.database.programs, None);
    assert_eq!(config.database.managed_user, None);
    assert_eq!(config.logging.level, "info");
    assert!(!config.logging.structured);
    let keys = &config.user_authentication;
    assert_eq!(keys.max_api_key_age_days.configured(), 365);
    assert_eq!(keys.max_api_keys_per_user.configured(), 100);
    assert_eq!(keys.remove_deleted_user_api_keys_older_than_days.configured(), Some(365));
    assert!(keys.refuse_common_passwords.configured());
    let cleanup = &config.cleanup;
    assert_eq!(cleanup.api_keys_interval, Duration::from_hours(12));
    assert_eq!(cleanup.accounts_interval, Duration::from_secs(10));
}

#[test]
fn every_known_key_is_read() {
    let names = Known::built_in().unwrap().keys;
    for (key, _) in names {
        let name = format!("KEDGE_{}", key.replace('.', "__").to_uppercase());
        // A control character is right for no key, so a key that complains is a key that is read.
        assert_eq!(problems(&[(&name, "\u{1}")]).len(), 1, "{name}");
    }
}

#[test]
fn shown_configuration_has_the_known_keys_in_their_order() {
    let shown = paths(&load(&[]).unwrap().to_yaml());
    let known = Known::built_in().unwrap().keys;
    assert_eq!(shown, known.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
}

#[test]
fn default_file_as_user_file_changes_nothing() {
    let environment = environment(&[]);
    let from_file = Config::load(Some(Path::new(DEFAULT_FILE)), &environment, false).unwrap();
    assert_eq!(from_file.to_yaml(), load(&[]).unwrap().to_yaml());
}

#[test]
fn shown_configuration_loads_to_itself() {
    let config = load(&[
        ("KEDGE_LOG", "kedge=debug,sqlx=warn"),
        ("KEDGE_SERVER__EXTERNAL_URL", "https://kedge.example.com/"),
        ("KEDGE_USER_AUTHENTICATION__REMOVE_DELETED_USER_API_KEYS_OLDER_THAN_DAYS", "-1"),
        ("KEDGE_DATABASE__MANAGED_USER", "true"),
    ])
    .unwrap();
    assert_eq!(config.user_authentication.remove_deleted_user_api_keys_older_than_days.configured(), None);
    let file = Scratch::new("shown.yaml", &config.to_yaml());
    let again = Config::load(Some(&file.0), &[], false).unwrap();
    assert_eq!(again.to_yaml(), config.to_yaml());
}

#[test]
fn environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = Scratch::new("layers.yaml", "database: {pool_size: 5}\nlisten: 127.0.0.1:1\n");
    let variables = environment(&[("KEDGE_DATABASE__POOL_SIZE", "7")]);
    let config = Config::load(Some(&file.0), &variables, false).unwrap();
    assert_eq!(config.database.pool_size, 7);
    assert_eq!(config.listen.port(), 1);
    assert_eq!(config.logging.level, "info");
}

#[test]
fn file_of_the_command_line_wins_over_the_named_one() {
    let file = Scratch::new("named.yaml", "database: {pool_size: 5}\n");
    let named = load(&[("KEDGE_CONFIG", file.path())]).unwrap();
    assert_eq!(named.database.pool_size, 5);
    let variables = environment(&[("KEDGE_CONFIG", "/nowhere/kedge.yaml")]);
    let config = Config::load(Some(&file.0), &variables, false).unwrap();
    assert_eq!(config.database.pool_size, 5);
}

#[test]
fn all_problems_are_reported_together_one_per_line() {
    let file = Scratch::new("wrong.yaml", "databse: {}\nlogging: {structured: maybe}\n");
    let variables = environment(&[("KEDGE_LISTN", "x"), ("KEDGE_DATABASE__POOL_SIZE", "0")]);
    let error = Config::load(Some(&file.0), &variables, false).unwrap_err();
    let path = file.path();
    assert_eq!(
        error.to_string(),
        format!(
            "{path}: unknown key `databse`: did you mean `database`?\n\
             unknown environment variable KEDGE_LISTN: did you mean `KEDGE_LISTEN`?\n\
             KEDGE_DATABASE__POOL_SIZE: expected a whole number from 1 to 10000\n\
             {path}: `logging.structured`: expected true or false"
        )
    );
}

#[test]
fn public_address_needs_consent_to_plain_http() {
    for address in ["0.0.0.0:8228", "[::]:8228", "192.0.2.1:8228"] {
        let problems = problems(&[("KEDGE_LISTEN", address)]).concat();
        assert!(problems.starts_with("KEDGE_LISTEN: other machines can reach"), "{problems}");
        assert!(problems.contains("`server.allow_plain_http`"), "{problems}");
        let consent = ("KEDGE_SERVER__ALLOW_PLAIN_HTTP", "true");
        assert!(load(&[("KEDGE_LISTEN", address), consent]).is_ok());
    }
    for address in ["127.0.0.2:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
        assert!(load(&[("KEDGE_LISTEN", address)]).is_ok());
    }
}

#[test]
fn data_directory_follows_the_user_and_the_environment() {
    let data_dir = |variables: &[(&str, &str)], is_root| {
        let variables = environment(variables);
        Config::load(None, &variables, is_root).unwrap().data_dir
    };
    assert_eq!(data_dir(&[("XDG_DATA_HOME", "/x")], false), Path::new("/x/kedge"));
    assert_eq!(data_dir(&[("XDG_DATA_HOME", "relative")], false), Path::new("/home/k/.local/share/kedge"));
    assert_eq!(data_dir(&[("XDG_DATA_HOME", "/x")], true), Path::new("/var/lib/kedge"));
    assert_eq!(data_dir(&[("KEDGE_DATA_DIR", "/d")], true), Path::new("/d"));
}

#[test]
fn no_home_and_no_data_directory_is_a_problem() {
    let problems = Config::load(None, &[], false).unwrap_err().0;
    assert_eq!(problems.len(), 1);
    assert!(problems.concat().starts_with("`data_dir` is not set"), "{problems:?}");
}

#[test]
fn pauses_between_cleanups_are_at_least_a_second() {
    assert_eq!(problems(&[("KEDGE_CLEANUP__ACCOUNTS_INTERVAL_SECONDS", "0")]).len(), 1);
}
