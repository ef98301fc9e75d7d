//! What a load promises about secrets.

use yaml_serde::Value;

use super::{Scratch, load, problems};
use crate::secret::Secret;

#[expect(clippy::disallowed_methods, reason = "the test compares what was read")]
fn text(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::reveal)
}

#[test]
fn secrets_are_never_shown() {
    let config =
        load(&[("KEDGE_ADMIN_PASSWORD", "hunter22"), ("KEDGE_DATABASE_URL", "postgres://u:hunter22@h/d")]).unwrap();
    let shown = config.to_yaml();
    assert!(!shown.contains("hunter22"), "{shown}");
    assert!(!format!("{config:?}").contains("hunter22"));
    let shown: Value = yaml_serde::from_str(&shown).unwrap();
    assert_eq!(shown["default_admin_password"], "[redacted]");
    assert_eq!(shown["database"]["url"], "[redacted]");
}

#[test]
fn refused_secret_is_not_shown_in_the_problem() {
    for (name, value) in [
        ("KEDGE_ADMIN_PASSWORD", "hunter22\t"),
        ("KEDGE_DATABASE_URL", "mysql://u:hunter22@h/d"),
        ("KEDGE_SERVER__EXTERNAL_URL", "https://u:hunter22@h"),
        ("KEDGE_LISTEN", "hunter22"),
    ] {
        let problems = problems(&[(name, value)]).concat();
        assert!(problems.starts_with(name), "{problems}");
        assert!(!problems.contains("hunter22"), "{problems}");
    }
}

#[test]
fn secret_from_a_file_is_its_text_without_the_last_newline() {
    let file = Scratch::new("password", "  hunter22 \n");
    for name in ["KEDGE_ADMIN_PASSWORD_FILE", "KEDGE_DEFAULT_ADMIN_PASSWORD_FILE"] {
        let config = load(&[(name, file.path())]).unwrap();
        assert_eq!(text(config.default_admin_password.as_ref()), Some("  hunter22 "));
    }
}

#[test]
fn password_that_looks_like_yaml_stays_text() {
    let config = load(&[("KEDGE_ADMIN_PASSWORD", "0x0000")]).unwrap();
    assert_eq!(text(config.default_admin_password.as_ref()), Some("0x0000"));
}

#[test]
fn shown_redaction_is_refused_as_the_value_of_a_secret() {
    let shown = load(&[("KEDGE_ADMIN_PASSWORD", "hunter22")]).unwrap().to_yaml();
    let file = Scratch::new("redacted.yaml", &shown);
    let problems = problems(&[("KEDGE_CONFIG", file.path())]);
    assert_eq!(problems.len(), 1);
    assert!(problems.concat().contains("`default_admin_password`"));
}
