//! The known keys, as `config/default.yaml` lists them, and the nearest of them to a mistaken name.

use yaml_serde::{Mapping, Value};

pub(super) const DEFAULTS: &str = include_str!("../../config/default.yaml");

/// Every key and section, in the order of the file, as dotted paths.
#[derive(Default)]
pub(super) struct Known {
    /// Each key with its default; null where it has none.
    pub keys: Vec<(String, Value)>,
    pub sections: Vec<String>,
}

impl Known {
    pub fn built_in() -> Result<Self, String> {
        let defaults: Mapping =
            yaml_serde::from_str(DEFAULTS).map_err(|error| format!("built-in defaults: {error}"))?;
        let mut known = Self::default();
        known.add("", defaults);
        Ok(known)
    }

    fn add(&mut self, section: &str, mapping: Mapping) {
        for (key, value) in mapping {
            let Value::String(key) = key else { continue };
            let path = join(section, &key);
            if let Value::Mapping(inner) = value {
                self.sections.push(path.clone());
                self.add(&path, inner);
            } else {
                self.keys.push((path, value));
            }
        }
    }

    pub fn is_key(&self, path: &str) -> bool {
        self.keys.iter().any(|(key, _)| key == path)
    }

    /// Whether the key takes a list: its default is one.
    pub fn is_list(&self, path: &str) -> bool {
        self.keys.iter().any(|(key, default)| key == path && default.is_sequence())
    }

    pub fn is_section(&self, path: &str) -> bool {
        self.sections.iter().any(|section| section == path)
    }

    /// All paths, sections included.
    pub fn paths(&self) -> Vec<&str> {
        let keys = self.keys.iter().map(|(key, _)| key);
        self.sections.iter().chain(keys).map(String::as_str).collect()
    }
}

/// The dotted path of a key in a section; the root is the empty section.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// How like a candidate must be to be named, unless one of the two is the other's beginning: what is less like is
/// another thing's name, not a slip.
const LIKE_ENOUGH: f64 = 0.6;

/// ": did you mean …?", with the candidate most like the wanted one; nothing where none is like it.
pub(super) fn suggestion(wanted: &str, candidates: &[&str]) -> String {
    let rated = candidates.iter().map(|candidate| (likeness(wanted, candidate), candidate));
    let like_enough = rated.filter(|(likeness, name)| *likeness >= LIKE_ENOUGH || is_longer(wanted, name));
    let nearest = like_enough.max_by(|(a, _), (b, _)| a.total_cmp(b));
    nearest.map_or_else(String::new, |(_, name)| format!(": did you mean `{name}`?"))
}

/// From 0 to 1. A right key in the wrong section is as like as a mistyped one, so the last part also counts alone.
fn likeness(wanted: &str, candidate: &str) -> f64 {
    let (wanted, candidate) = (dotted(wanted), dotted(candidate));
    let whole = strsim::normalized_damerau_levenshtein(&wanted, &candidate);
    let last = strsim::normalized_damerau_levenshtein(last_part(&wanted), last_part(&candidate));
    // The whole breaks the tie between keys with the same last part.
    whole.max(last) + whole / 100.0
}

/// Whether one is the other with more behind it.
fn is_longer(wanted: &str, candidate: &str) -> bool {
    let (wanted, candidate) = (dotted(wanted), dotted(candidate));
    wanted.starts_with(&candidate) || candidate.starts_with(&wanted)
}

/// A variable's name in the form of a path, so that both are compared alike.
fn dotted(name: &str) -> String {
    let name = name.strip_prefix("KEDGE_").unwrap_or(name);
    name.replace("__", ".").to_lowercase()
}

fn last_part(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

#[cfg(test)]
mod tests {
    use super::{Known, suggestion};

    fn nearest(wanted: &str) -> String {
        suggestion(wanted, &Known::built_in().unwrap().paths())
    }

    #[test]
    fn shortened_key_is_completed() {
        assert_eq!(
            nearest("user_authentication.max_api_key_age"),
            ": did you mean `user_authentication.max_api_key_age_days`?"
        );
    }

    #[test]
    fn key_outside_its_section_is_found() {
        assert_eq!(nearest("external_url"), ": did you mean `server.external_url`?");
        assert_eq!(nearest("server.pool_size"), ": did you mean `database.pool_size`?");
    }

    #[test]
    fn bare_last_part_is_found_before_a_section_of_similar_letters() {
        assert_eq!(nearest("level"), ": did you mean `logging.level`?");
    }

    #[test]
    fn mistyped_section_is_found() {
        assert_eq!(nearest("databse"), ": did you mean `database`?");
    }

    #[test]
    fn nothing_is_said_where_no_key_is_like_it() {
        for wanted in ["enable_hashed_passwords", "KEDGE_FOO__BAR", "tmp_dir", "webhooks", "zzz"] {
            assert_eq!(nearest(wanted), "", "{wanted}");
        }
    }

    #[test]
    fn variable_with_a_single_underscore_is_found() {
        let names = ["KEDGE_LISTEN", "KEDGE_DATABASE__POOL_SIZE"];
        assert_eq!(suggestion("KEDGE_DATABASE_POOL_SIZE", &names), ": did you mean `KEDGE_DATABASE__POOL_SIZE`?");
    }
}
