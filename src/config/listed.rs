//! The keys one by one, for whoever wants to see them.

use std::collections::BTreeSet;

use super::{
    Config,
    environment::SECRETS,
    keys::{DEFAULTS, Known, join},
};

/// A key of the configuration.
#[derive(Clone, Debug)]
pub struct Listed {
    pub path: String,
    /// What it is, as `config/default.yaml` says.
    pub description: String,
    pub default: serde_json::Value,
    /// A secret is redacted.
    pub value: serde_json::Value,
    /// Whether the operator set it, in the file or the environment.
    pub is_given: bool,
    pub is_secret: bool,
}

impl Config {
    /// Whether the operator set the key.
    #[must_use]
    pub fn is_given(&self, path: &str) -> bool {
        self.given.contains(path)
    }

    /// Every key, sorted.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed> {
        // Both can be read, or the process had not started.
        let known = Known::built_in().unwrap_or_default();
        let values: serde_json::Value = serde_json::to_value(self).unwrap_or_default();
        let described = descriptions();
        let listed = known.keys.into_iter().map(|(path, default)| Listed {
            description: described
                .iter()
                .find(|(key, _)| *key == path)
                .map(|(_, text)| text.clone())
                .unwrap_or_default(),
            default: serde_json::to_value(default).unwrap_or_default(),
            value: values.pointer(&format!("/{}", path.replace('.', "/"))).cloned().unwrap_or_default(),
            is_given: self.is_given(&path),
            is_secret: SECRETS.contains(&path.as_str()),
            path,
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        listed
    }
}

/// What the comments of `config/default.yaml` say of each key.
fn descriptions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (mut sections, mut comment): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for line in DEFAULTS.lines() {
        let text = line.trim_start();
        if let Some(words) = text.strip_prefix("# ") {
            comment.push(words);
        } else if let Some((key, value)) = text.split_once(':') {
            sections.truncate((line.len() - text.len()) / 2);
            if value.is_empty() {
                sections.push(key);
            } else {
                found.push((join(&sections.join("."), key), comment.join(" ")));
            }
            comment.clear();
        } else {
            comment.clear();
        }
    }
    found
}

/// The keys that a layer above the defaults set.
pub(super) type Given = BTreeSet<String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_listed_with_what_it_is() {
        let environment =
            [("KEDGE_DATA_DIR", "/d"), ("KEDGE_ADMIN_PASSWORD", "not-to-be-seen"), ("KEDGE_LOG", "debug")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::load(None, &environment, false).unwrap();
        let listed = config.listed();
        let undescribed: Vec<_> = listed.iter().filter(|key| key.description.is_empty()).map(|key| &key.path).collect();
        assert_eq!(undescribed, Vec::<&String>::new());
        let of = |path: &str| listed.iter().find(|key| key.path == path).unwrap();
        let given: Vec<_> = listed.iter().filter(|key| key.is_given).map(|key| key.path.as_str()).collect();
        assert_eq!(given, ["data_dir", "default_admin_password", "logging.level"]);
        assert_eq!(of("logging.level").value, "debug");
        assert_eq!(of("default_admin_password").value, "[redacted]");
        assert!(of("default_admin_password").is_secret && !of("data_dir").is_secret);
        let longest = of("user_authentication.max_api_key_age_days");
        assert_eq!((&longest.value, &longest.default), (&365.into(), &365.into()));
        assert_eq!(longest.description, "Maximum lifetime of a new API key, in days.");
    }
}
