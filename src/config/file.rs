//! The YAML file's layer. A key without a value (null) leaves what was there: the default.

use std::path::Path;

use yaml_serde::{Mapping, Value};
use zeroize::Zeroizing;

use super::keys::{Known, join, suggestion};
use super::settings::{Raw, Settings};

pub(super) fn read(path: &Path, known: &Known, settings: &mut Settings) {
    match std::fs::read_to_string(path) {
        // The text may hold secrets.
        Ok(text) => parse(&Zeroizing::new(text), path, known, settings),
        Err(error) => settings.note(format!("{}: the configuration file cannot be read: {error}", path.display())),
    }
}

fn parse(text: &str, path: &Path, known: &Known, settings: &mut Settings) {
    let file = path.display().to_string();
    match yaml_serde::from_str(text) {
        Ok(Value::Null) => {}
        Ok(Value::Mapping(root)) => {
            let mut layer = Layer { file, known, settings };
            layer.section("", root);
        }
        Ok(_) => settings.note(format!("{file}: expected keys with values, `key: value`")),
        Err(error) => settings.note(format!("{file}: expected YAML: {error}")),
    }
}

struct Layer<'a> {
    file: String,
    known: &'a Known,
    settings: &'a mut Settings,
}

impl Layer<'_> {
    fn section(&mut self, section: &str, mapping: Mapping) {
        for (key, value) in mapping {
            match key {
                Value::String(key) if key.contains('.') => {
                    self.note(&format!("key `{key}` has a dot: write the last part indented below its section"));
                }
                Value::String(key) => self.entry(&join(section, &key), value),
                _ if section.is_empty() => self.note("expected keys that are text"),
                _ => self.note(&format!("`{section}`: expected keys that are text")),
            }
        }
    }

    fn entry(&mut self, path: &str, value: Value) {
        if self.known.is_section(path) {
            match value {
                Value::Mapping(inner) => self.section(path, inner),
                Value::Null => {}
                _ => self.note(&format!("`{path}`: expected a section with keys, not a value")),
            }
        } else if self.known.is_key(path) {
            self.value(path, value);
        } else {
            let suggestion = suggestion(path, &self.known.paths());
            self.note(&format!("unknown key `{path}`{suggestion}"));
        }
    }

    fn value(&mut self, key: &str, value: Value) {
        match value {
            Value::Null => {}
            Value::Mapping(_) => {
                self.note(&format!("`{key}`: expected a value, not a section"));
            }
            Value::Tagged(_) => self.note(&format!("`{key}`: expected a single plain value")),
            Value::Sequence(_) if !self.known.is_list(key) => {
                self.note(&format!("`{key}`: expected a single plain value"));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Sequence(_) => {
                let source = format!("{}: `{key}`", self.file);
                self.settings.set(key, source, Raw::Yaml(value));
            }
        }
    }

    fn note(&mut self, problem: &str) {
        self.settings.note(format!("{}: {problem}", self.file));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{parse, read};
    use crate::config::keys::Known;
    use crate::config::settings::Settings;

    fn problems(text: &str) -> Vec<String> {
        let mut settings = Settings::default();
        let known = Known::built_in().unwrap();
        parse(text, Path::new("kedge.yaml"), &known, &mut settings);
        settings.into_problems()
    }

    #[test]
    fn empty_file_and_empty_sections_are_fine() {
        for text in ["", "\n", "# only a comment\n", "---\n", "server:\nlisten:\n"] {
            assert_eq!(problems(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn unknown_key_names_the_nearest_known_one() {
        assert_eq!(
            problems("user_authentication:\n  max_api_key_age: 3\n"),
            ["kedge.yaml: unknown key `user_authentication.max_api_key_age`: \
                 did you mean `user_authentication.max_api_key_age_days`?"]
        );
        assert_eq!(problems("databse:\n  url: x\n"), ["kedge.yaml: unknown key `databse`: did you mean `database`?"]);
    }

    #[test]
    fn every_unknown_key_is_reported() {
        assert_eq!(problems("a: 1\nserver: {b: 2, c: 3}\n").len(), 3);
    }

    #[test]
    fn section_and_value_are_not_mistaken_for_each_other() {
        assert_eq!(
            problems("database: postgres://u:hunter22@h/d\nlisten: {port: 1}\n"),
            [
                "kedge.yaml: `database`: expected a section with keys, not a value",
                "kedge.yaml: `listen`: expected a value, not a section",
            ]
        );
        assert_eq!(
            problems("listen: [a, b]\nlogging: {level: !loud info}\n"),
            [
                "kedge.yaml: `listen`: expected a single plain value",
                "kedge.yaml: `logging.level`: expected a single plain value",
            ]
        );
    }

    #[test]
    fn key_that_is_not_text_or_has_a_dot_is_refused() {
        assert_eq!(
            problems("1: a\nserver: {true: b}\nserver.external_url: c\n"),
            [
                "kedge.yaml: expected keys that are text",
                "kedge.yaml: `server`: expected keys that are text",
                "kedge.yaml: key `server.external_url` has a dot: write the last part indented below its section",
            ]
        );
    }

    #[test]
    fn file_that_is_not_a_mapping_is_refused() {
        for text in ["just text", "- a\n- b\n"] {
            assert_eq!(problems(text), ["kedge.yaml: expected keys with values, `key: value`"]);
        }
    }

    #[test]
    fn file_that_is_not_yaml_is_refused_without_showing_it() {
        for text in [
            "database: {url: 'hunter22",
            "database:\n  url: hunter22\n url: [",
            "url: *hunter",
            "a: 1\n---\na: hunter22\n",
        ] {
            let problems = problems(text);
            let [problem] = problems.as_slice() else { panic!("{problems:?}") };
            assert!(problem.starts_with("kedge.yaml: expected YAML: "), "{problem}");
            assert!(!problem.contains("hunter22"), "{problem}");
        }
    }

    #[test]
    fn duplicate_key_is_refused_at_any_depth() {
        for text in ["listen: a\nlisten: b\n", "database:\n  url: a\n  url: b\n"] {
            let problems = problems(text);
            assert_eq!(problems.len(), 1);
            assert!(problems.concat().contains("duplicate"), "{problems:?}");
        }
    }

    #[test]
    fn file_that_cannot_be_read_is_named() {
        let mut settings = Settings::default();
        let known = Known::built_in().unwrap();
        read(Path::new("/nowhere/kedge.yaml"), &known, &mut settings);
        assert!(
            settings
                .into_problems()
                .concat()
                .starts_with("/nowhere/kedge.yaml: the configuration file cannot be read: ")
        );
    }
}
