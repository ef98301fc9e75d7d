//! The values of all layers, each with where it came from, and how a value of each kind is read.
//!
//! A value that is not as expected is noted as a problem and read as a placeholder, so that one load finds every
//! problem; a configuration with problems never leaves `Config::load`. Problems show no values: any text might
//! be a secret that was put in the wrong place.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use yaml_serde::Value;

use super::REDACTED;
use super::keys::Known;
use super::listed::Given;
use crate::secret::Secret;

/// A value as its layer gave it.
pub(super) enum Raw {
    Yaml(Value),
    /// From the environment: verbatim for a key of text, otherwise a YAML scalar.
    Text(String),
}

struct Setting {
    source: String,
    raw: Raw,
    is_default: bool,
}

/// The last layer's value of each key that has one, and the problems so far.
#[derive(Default)]
pub(super) struct Settings {
    values: HashMap<String, Setting>,
    problems: Vec<String>,
}

impl Settings {
    pub fn from_defaults(known: &Known) -> Self {
        let mut settings = Self::default();
        for (key, value) in &known.keys {
            if !value.is_null() {
                let source = format!("built-in defaults: `{key}`");
                let setting = Setting { source, raw: Raw::Yaml(value.clone()), is_default: true };
                settings.values.insert(key.clone(), setting);
            }
        }
        settings
    }

    pub fn set(&mut self, key: &str, source: String, raw: Raw) {
        self.values.insert(key.to_owned(), Setting { source, raw, is_default: false });
    }

    pub fn note(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub fn into_problems(self) -> Vec<String> {
        self.problems
    }

    /// Where the key's value came from; must be asked before the value is read.
    pub fn source(&self, key: &str) -> String {
        self.values.get(key).map_or_else(|| format!("`{key}`"), |setting| setting.source.clone())
    }

    /// The keys that have another value than the default.
    pub fn given(&self) -> Given {
        let given = self.values.iter().filter(|(_, setting)| !setting.is_default);
        given.map(|(key, _)| key.clone()).collect()
    }

    pub fn is_set(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub fn number<T>(&mut self, key: &str, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        let placeholder = *range.start();
        let expected = format!("expected a whole number from {} to {}", range.start(), range.end());
        self.scalar(key, &expected, |value| {
            let number = T::try_from(value.as_i64()?).ok()?;
            range.contains(&number).then_some(number)
        })
        .unwrap_or(placeholder)
    }

    /// A number from 0 to 1.
    pub fn ratio(&mut self, key: &str) -> f64 {
        let read = |value: Value| value.as_f64().filter(|number| (0.0..=1.0).contains(number));
        self.scalar(key, "expected a number from 0 to 1", read).unwrap_or_default()
    }

    pub fn flag(&mut self, key: &str) -> bool {
        self.scalar(key, "expected true or false", |value| value.as_bool()).unwrap_or_default()
    }

    fn scalar<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let Some(setting) = self.values.remove(key) else {
            self.missing(key, expected);
            return None;
        };
        let value = match setting.raw {
            Raw::Yaml(value) => Some(value),
            Raw::Text(text) => yaml_serde::from_str(&text).ok(),
        };
        let read = value.and_then(read);
        if read.is_none() {
            self.note(format!("{}: {expected}", setting.source));
        }
        read
    }

    /// Text that must be there, as `read` takes it, or the placeholder.
    pub fn text<T>(&mut self, key: &str, expected: &str, placeholder: T, read: impl FnOnce(String) -> Option<T>) -> T {
        if !self.is_set(key) {
            self.missing(key, expected);
        }
        self.optional_text(key, expected, read).unwrap_or(placeholder)
    }

    /// Text, as `read` takes it; `None` when it is not set.
    pub fn optional_text<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(String) -> Option<T>) -> Option<T> {
        let Setting { source, raw, .. } = self.values.remove(key)?;
        let text = match raw {
            Raw::Text(text) | Raw::Yaml(Value::String(text)) => text,
            Raw::Yaml(_) => {
                self.note(format!("{source}: expected text: put the value in quotes"));
                return None;
            }
        };
        let read = read(text);
        if read.is_none() {
            self.note(format!("{source}: {expected}"));
        }
        read
    }

    /// A list of texts, in the environment separated by commas; each as `read` takes it.
    pub fn list<T>(&mut self, key: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let Some(Setting { source, raw, .. }) = self.values.remove(key) else { return Vec::new() };
        let items: Option<Vec<String>> = match raw {
            Raw::Text(text) => Some(text.split(',').map(|item| item.trim().to_owned()).collect()),
            Raw::Yaml(Value::Sequence(items)) => {
                items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect()
            }
            Raw::Yaml(_) => None,
        };
        let read: Option<Vec<T>> = items.and_then(|items| items.iter().map(|item| read(item)).collect());
        if read.is_none() {
            self.note(format!("{source}: {expected}"));
        }
        read.unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "the value is checked where it is read, and stays wrapped")]
    pub fn secret(&mut self, key: &str, expected: &str, is_valid: impl FnOnce(&str) -> bool) -> Option<Secret> {
        self.optional_text(key, expected, |text| {
            let secret = Secret::new(text);
            let valid = secret.reveal() != REDACTED && is_valid(secret.reveal());
            valid.then_some(secret)
        })
    }

    fn missing(&mut self, key: &str, expected: &str) {
        self.note(format!("`{key}` has no value: {expected}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Raw, Settings};

    fn from_environment(text: &str) -> Settings {
        let mut settings = Settings::default();
        settings.set("key", "KEDGE_KEY".to_owned(), Raw::Text(text.to_owned()));
        settings
    }

    fn from_file(yaml: &str) -> Settings {
        let mut settings = Settings::default();
        let value = yaml_serde::from_str(yaml).unwrap();
        settings.set("key", "file: `key`".to_owned(), Raw::Yaml(value));
        settings
    }

    #[test]
    fn environment_text_is_taken_verbatim() {
        for text in ["007", "true", "null", " 'quoted' ", "a: b", "# no comment"] {
            let read = from_environment(text).optional_text("key", "", Some);
            assert_eq!(read.as_deref(), Some(text));
        }
    }

    #[test]
    fn environment_numbers_and_flags_are_yaml_scalars() {
        assert_eq!(from_environment("12").number("key", 1..=20), 12);
        assert!(from_environment("true").flag("key"));
    }

    #[test]
    fn number_of_another_form_or_out_of_range_is_refused() {
        for text in ["0", "21", "1.5", "twelve", "'12'", "null", "[1", "[1]"] {
            let mut settings = from_environment(text);
            settings.number("key", 1..=20);
            assert_eq!(settings.into_problems(), ["KEDGE_KEY: expected a whole number from 1 to 20"], "{text}");
        }
    }

    #[test]
    fn ratio_is_a_number_from_0_to_1() {
        for (text, ratio) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1e-3", 0.001)] {
            let read = from_environment(text).ratio("key");
            assert!((read - ratio).abs() < f64::EPSILON, "{text}: {read}");
        }
        for text in ["-0.1", "1.01", "25%", ".nan", "half", "'0.5'"] {
            let mut settings = from_environment(text);
            settings.ratio("key");
            assert_eq!(settings.into_problems(), ["KEDGE_KEY: expected a number from 0 to 1"], "{text}");
        }
    }

    #[test]
    fn flag_is_true_or_false_and_nothing_else() {
        for text in ["yes", "1", "on", "'true'"] {
            let mut settings = from_environment(text);
            settings.flag("key");
            assert_eq!(settings.into_problems(), ["KEDGE_KEY: expected true or false"]);
        }
    }

    #[test]
    fn file_text_without_quotes_that_reads_as_a_number_is_refused() {
        let mut settings = from_file("12345678");
        assert!(settings.secret("key", "", |_| true).is_none());
        assert_eq!(settings.into_problems(), ["file: `key`: expected text: put the value in quotes"]);
    }

    #[test]
    fn list_is_read_from_both_layers_and_each_of_its_items_counts() {
        let read = |mut settings: Settings| {
            let list = settings.list("key", "expected numbers", |text| text.parse::<u8>().ok());
            (list, settings.into_problems())
        };
        for settings in [from_environment("1, 2,3"), from_file("['1', '2', '3']")] {
            assert_eq!(read(settings), (vec![1, 2, 3], vec![]));
        }
        assert_eq!(read(from_file("[]")), (vec![], vec![]));
        for settings in [from_environment("1,,2"), from_environment("1,x"), from_environment("")] {
            assert_eq!(read(settings), (vec![], vec!["KEDGE_KEY: expected numbers".to_owned()]));
        }
        for yaml in ["[1]", "'1'", "[[]]", "['x']"] {
            assert_eq!(read(from_file(yaml)), (vec![], vec!["file: `key`: expected numbers".to_owned()]), "{yaml}");
        }
    }

    #[test]
    fn key_without_any_value_is_a_problem() {
        let mut settings = Settings::default();
        settings.flag("key");
        assert_eq!(settings.into_problems(), ["`key` has no value: expected true or false"]);
    }
}
