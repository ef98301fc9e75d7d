//! Which keys can be changed while the server runs, and to what.

use serde_json::Value;

use super::{InForce, store::Stored};
use crate::{
    config::{Config, Listed},
    error::{Error, Result},
};

/// What a key can be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number in these bounds.
    Number(i64, i64, fn(&mut InForce, i64)),
    Flag(fn(&mut InForce, bool)),
}

/// The keys that can be changed. The others are read when the process starts, or it depends on them how long something
/// is remembered.
const EDITABLE: [(&str, Kind); 6] = [
    (
        "user_authentication.max_api_key_age_days",
        Kind::Number(1, 36_500, |to, days| to.max_api_key_age_days = most(days)),
    ),
    (
        "user_authentication.max_api_keys_per_user",
        Kind::Number(1, 100_000, |to, count| to.max_api_keys_per_user = most(count)),
    ),
    (
        "user_authentication.remove_deleted_user_api_keys_older_than_days",
        Kind::Number(-1, 36_500, |to, days| to.remove_deleted_user_api_keys_older_than_days = u32::try_from(days).ok()),
    ),
    ("user_authentication.refuse_common_passwords", Kind::Flag(|to, is_on| to.refuse_common_passwords = is_on)),
    ("user_authentication.sso_require_existing_users", Kind::Flag(|to, is_on| to.sso_require_existing_users = is_on)),
    (
        "user_authentication.oauth.max_sessions_per_user",
        Kind::Number(1, 100_000, |to, count| to.max_sessions_per_user = most(count)),
    ),
];

/// The numbers come from within their bounds.
fn most(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What the key can be changed to; `None`: it cannot be.
#[must_use]
pub fn kind(key: &str) -> Option<Kind> {
    EDITABLE.iter().find(|(name, _)| *name == key).map(|(_, kind)| *kind)
}

/// Why the key cannot be changed, if so.
#[must_use]
pub fn read_only(key: &Listed) -> Option<&'static str> {
    if key.is_given {
        Some("It is set in the configuration file or the environment, which takes precedence")
    } else if kind(&key.path).is_none() {
        Some("It is read when the server starts: set it in the configuration file")
    } else {
        None
    }
}

/// A whole number, however it is written: clients that know one type of numbers send 365.0.
fn whole(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and within what a double can count")]
    let written = |number: f64| (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(written))
}

/// Sets what was stored, unless the operator set it; a value that an older or newer Kedge stored and this one does not
/// know is left aside.
pub fn apply(settings: &mut InForce, config: &Config, stored: &Stored) {
    if config.is_given(&stored.key) {
        return;
    }
    match (kind(&stored.key), &stored.value) {
        (Some(Kind::Number(from, to, set)), value) => {
            if let Some(number) = whole(value).filter(|number| (from..=to).contains(number)) {
                set(settings, number);
            }
        }
        (Some(Kind::Flag(set)), Value::Bool(is_on)) => set(settings, *is_on),
        _ => {}
    }
}

/// What the key becomes where it is changed to the value.
///
/// # Errors
/// The 409 of a key that is read-only, the 400 of a value that it cannot have.
pub fn becomes(key: &Listed, value: &Value) -> Result<Value> {
    if let Some(why) = read_only(key) {
        return Err(Error::NotChangeable(format!("The key {} cannot be changed: {why}", key.path)));
    }
    match kind(&key.path) {
        Some(Kind::Number(from, to, _)) => {
            let number = whole(value).filter(|number| (from..=to).contains(number));
            let expected = || Error::malformed("value", format!("must be a whole number from {from} to {to}"));
            number.map(Value::from).ok_or_else(expected)
        }
        Some(Kind::Flag(_)) if !value.is_boolean() => Err(Error::malformed("value", "must be true or false")),
        _ => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that the API takes and the file refuses would be lost with the next start, and the other way round.
    #[test]
    fn numbers_have_the_bounds_of_the_configuration_file() {
        for (key, kind) in EDITABLE {
            let Kind::Number(from, to, _) = kind else { continue };
            let variable = format!("KEDGE_{}", key.to_ascii_uppercase().replace('.', "__"));
            let is_taken = |number: i64| {
                let given =
                    [("KEDGE_DATA_DIR".to_owned(), "/nowhere".to_owned()), (variable.clone(), number.to_string())];
                Config::load(None, &given, false).is_ok()
            };
            assert_eq!([from - 1, from, to, to + 1].map(is_taken), [false, true, true, false], "{key}");
        }
    }
}
