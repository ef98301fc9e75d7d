//! The environment's layer: `KEDGE_<SECTION>__<KEY>`, a few short names, two of OpenTelemetry, and secrets from files.
//!
//! An empty variable counts as unset: compose files and charts pass on what nobody set as empty text.

use std::collections::HashMap;

use super::keys::{Known, suggestion};
use super::service_links::is_service_link;
use super::settings::{Raw, Settings};

/// Names the configuration file when the command line does not.
pub(super) const CONFIG_FILE: &str = "KEDGE_CONFIG";

const SHORT_NAMES: [(&str, &str); 3] = [
    ("KEDGE_DATABASE_URL", "database.url"),
    ("KEDGE_ADMIN_PASSWORD", "default_admin_password"),
    ("KEDGE_LOG", "logging.level"),
];

/// Names that are not ours but every traced program's: what somebody set for all of them. Ours win over them.
const COMMON_NAMES: [(&str, &str); 2] =
    [("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"), ("OTEL_SERVICE_NAME", "telemetry.service_name")];

/// The keys whose value can also come from a file, named by `…_FILE`.
pub(super) const SECRETS: [&str; 6] = [
    "database.url",
    "database.direct_url",
    "default_admin_password",
    "keys.secret",
    "keys.sealing_key",
    "audit.seal_key",
];

struct Variable {
    name: String,
    key: String,
    names_file: bool,
}

/// The value of a variable that is set and not empty.
pub(super) fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(other, value)| other == name && !value.is_empty()).map(|(_, value)| value.as_str())
}

pub(super) fn read(environment: &[(String, String)], known: &Known, settings: &mut Settings) {
    for (name, key) in COMMON_NAMES {
        if let Some(value) = variable(environment, name) {
            settings.set(key, name.to_owned(), Raw::Text(value.to_owned()));
        }
    }
    let variables = variables(known);
    let mut taken: HashMap<&str, &str> = HashMap::new();
    for (name, value) in environment {
        if !name.starts_with("KEDGE_") || value.is_empty() || name == CONFIG_FILE {
            continue;
        }
        let Some(variable) = variables.iter().find(|variable| variable.name == *name) else {
            note_unknown(name, value, &variables, settings);
            continue;
        };
        if let Some(other) = taken.insert(&variable.key, name) {
            let key = &variable.key;
            settings.note(format!("{other} and {name} both set `{key}`: expected only one of them"));
        } else {
            variable.apply(value, settings);
        }
    }
}

fn variables(known: &Known) -> Vec<Variable> {
    let long = known.keys.iter().map(|(key, _)| {
        let name = format!("KEDGE_{}", key.replace('.', "__").to_uppercase());
        (name, key.clone())
    });
    let short = SHORT_NAMES.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned()));
    let mut variables = Vec::new();
    for (name, key) in long.chain(short) {
        if SECRETS.contains(&key.as_str()) {
            variables.push(Variable { name: format!("{name}_FILE"), key: key.clone(), names_file: true });
        }
        variables.push(Variable { name, key, names_file: false });
    }
    variables
}

impl Variable {
    fn apply(&self, value: &str, settings: &mut Settings) {
        if !self.names_file {
            settings.set(&self.key, self.name.clone(), Raw::Text(value.to_owned()));
            return;
        }
        match std::fs::read_to_string(value) {
            Ok(text) => {
                let source = format!("{} ({value})", self.name);
                settings.set(&self.key, source, Raw::Text(without_newline(text)));
            }
            // The path is not shown: it may be a secret put in the wrong variable.
            Err(error) => settings.note(format!("{}: expected the path of a file with the value: {error}", self.name)),
        }
    }
}

/// Editors and `echo` end a file with a newline that is not part of the secret. Cut in place, to leave no copy.
fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

fn note_unknown(name: &str, value: &str, variables: &[Variable], settings: &mut Settings) {
    if is_service_link(name, value) {
        return;
    }
    let names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).chain([CONFIG_FILE]).collect();
    let suggestion = suggestion(name, &names);
    settings.note(format!("unknown environment variable {name}{suggestion}"));
}

#[cfg(test)]
mod tests {
    use super::{read, variable, without_newline};
    use crate::config::keys::Known;
    use crate::config::settings::Settings;

    fn problems(variables: &[(&str, &str)]) -> Vec<String> {
        let environment: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut settings = Settings::default();
        read(&environment, &Known::built_in().unwrap(), &mut settings);
        settings.into_problems()
    }

    #[test]
    fn unknown_variable_names_the_nearest_known_one() {
        for (wrong, right) in [
            ("KEDGE_DATABASE_POOL_SIZE", "KEDGE_DATABASE__POOL_SIZE"),
            ("KEDGE_LISTN", "KEDGE_LISTEN"),
            ("KEDGE_CONFIGURATION", "KEDGE_CONFIG"),
            ("KEDGE_EXTERNAL_URL", "KEDGE_SERVER__EXTERNAL_URL"),
            ("KEDGE_ADMIN_PASSWORD_FIL", "KEDGE_ADMIN_PASSWORD_FILE"),
        ] {
            assert_eq!(
                problems(&[(wrong, "x")]),
                [format!("unknown environment variable {wrong}: did you mean `{right}`?")]
            );
        }
    }

    #[test]
    fn test_variables_are_not_special() {
        assert_eq!(problems(&[("KEDGE_TEST_DATABASE", "x")]).len(), 1);
    }

    #[test]
    fn variables_of_other_programs_are_ignored() {
        assert_eq!(problems(&[("KEDGER_X", "x"), ("PATH", "/bin")]), [""; 0]);
    }

    #[test]
    fn names_of_opentelemetry_count_where_ours_are_not_set() {
        let common = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let ours = ("KEDGE_TELEMETRY__OTLP_ENDPOINT", "http://other:4318");
        for (variables, source) in
            [(vec![common], common.0), (vec![ours, common], ours.0), (vec![common, ours], ours.0)]
        {
            let environment: Vec<_> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let mut settings = Settings::default();
            read(&environment, &Known::built_in().unwrap(), &mut settings);
            assert_eq!(settings.source("telemetry.otlp_endpoint"), source);
            assert_eq!(settings.into_problems(), [""; 0]);
        }
    }

    #[test]
    fn service_links_are_ignored() {
        assert_eq!(problems(&[("KEDGE_SERVICE_HOST", "10.0.0.1")]), [""; 0]);
    }

    #[test]
    fn empty_variable_counts_as_unset() {
        assert_eq!(
            problems(&[("KEDGE_DATABASE_URL", ""), ("KEDGE_DATABASE_URL_FILE", ""), ("KEDGE_NO_SUCH", ""),]),
            [""; 0]
        );
        assert_eq!(variable(&[("A".to_owned(), String::new())], "A"), None);
    }

    #[test]
    fn two_variables_for_one_key_are_refused() {
        assert_eq!(
            problems(&[("KEDGE_DATABASE_URL", "a"), ("KEDGE_DATABASE_URL_FILE", "/nowhere")]),
            ["KEDGE_DATABASE_URL and KEDGE_DATABASE_URL_FILE both set `database.url`: expected only one of them"]
        );
        assert_eq!(problems(&[("KEDGE_LOG", "info"), ("KEDGE_LOGGING__LEVEL", "info")]).len(), 1);
    }

    #[test]
    fn secret_file_that_cannot_be_read_is_a_problem_that_does_not_show_the_value() {
        let problems = problems(&[("KEDGE_ADMIN_PASSWORD_FILE", "hunter22")]).concat();
        assert!(problems.starts_with("KEDGE_ADMIN_PASSWORD_FILE: expected the path of a file"), "{problems}");
        assert!(!problems.contains("hunter22"), "{problems}");
    }

    #[test]
    fn only_secrets_can_come_from_files() {
        assert_eq!(problems(&[("KEDGE_LISTEN_FILE", "/nowhere")]).len(), 1);
    }

    #[test]
    fn one_newline_is_cut_and_no_more() {
        for (text, value) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            assert_eq!(without_newline(text.to_owned()), value);
        }
    }
}
