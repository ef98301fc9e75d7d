//! Names and other short texts that a request may carry, as types that cannot hold a wrong one.
//!
//! The patterns are the contract's. Look-ups take whatever text a path holds: what is not a possible name is
//! simply not found.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::secret::Secret;

/// Why a text is not the name it should be: completes the sentence "`field` …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadName(&'static str);

/// Declares a text type that is checked by `$check` when it is parsed and when it is deserialized.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Takes `text` if it is possible.
            ///
            /// # Errors
            /// Says what a possible one looks like.
            pub fn parse(text: String) -> Result<Self, BadName> {
                $check(&text).map(|()| Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

checked_text!(
    /// The name of an account (`AccountCreationRequest.name`).
    AccountName, check_account_name
);
checked_text!(
    /// The name of a user (`UserCreationRequest.username`).
    Username, check_username
);
checked_text!(
    /// The name of a user group (`UserGroupPost.name`).
    GroupName, check_group_name
);
checked_text!(
    /// The name of an API key, unique among the live keys of its user.
    KeyName, check_key_name
);
checked_text!(
    /// The name of an identity provider (`RbacManagerSamlConfiguration.name`).
    IdpName, check_idp_name
);
checked_text!(
    /// A free text beside a name.
    Description, check_description
);
checked_text!(
    /// A name to look something up by: any text that the database can be asked for.
    AnyName, check_any_name
);
checked_text!(
    /// An e-mail address, by the contract's (unanchored) pattern.
    Email, check_email
);

/// What an answer repeats of a word that a client made up: its beginning, and nothing that would end a line.
#[must_use]
pub fn shown(word: &str) -> String {
    word.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// What ends a name that was tried where it is not kept as it was: no user's name has it.
pub const SHORTENED: char = '…';

/// A name that somebody tried to sign in by, as it is recorded: whole where a user could have it.
#[must_use]
pub fn tried(name: &str) -> String {
    if name.chars().count() <= 128 && !name.chars().any(char::is_control) {
        return name.to_owned();
    }
    let mut beginning = shown(name);
    beginning.push(SHORTENED);
    beginning
}

/// Names that mean something to the system and can be given to no account.
pub const RESERVED: [&str; 3] = ["admin", "system", "anchore-system"];

fn check_account_name(name: &str) -> Result<(), BadName> {
    if matches_name_pattern(name, b" @.!$+=^_`~;-") {
        return Ok(());
    }
    Err(BadName("must match ^[a-zA-Z0-9][ a-zA-Z0-9@.!$+=^_`~;-]{1,126}[a-zA-Z0-9_]$"))
}

fn check_group_name(name: &str) -> Result<(), BadName> {
    if matches_name_pattern(name, b" @.!#$+=^_`~;-") {
        return Ok(());
    }
    Err(BadName("must match ^[a-zA-Z0-9][ a-zA-Z0-9@.!#$+=^_`~;-]{1,126}[a-zA-Z0-9_]$"))
}

fn check_username(name: &str) -> Result<(), BadName> {
    if matches_name_pattern(name, b" @.!#$+=^_`~;:-") {
        return Ok(());
    }
    Err(BadName("must match ^[a-zA-Z0-9][ a-zA-Z0-9@.!#$+=^_`~;:-]{1,126}[a-zA-Z0-9_]$"))
}

/// The contract's shape of names: an alphanumeric, 1 to 126 of a set, an alphanumeric or underscore.
fn matches_name_pattern(name: &str, extra: &[u8]) -> bool {
    match name.as_bytes() {
        [first, middle @ .., last] => {
            first.is_ascii_alphanumeric()
                && (1..=126).contains(&middle.len())
                && middle.iter().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte))
                && (last.is_ascii_alphanumeric() || *last == b'_')
        }
        _ => false,
    }
}

fn check_key_name(name: &str) -> Result<(), BadName> {
    // `.` and `..` vanish from a URL before it is sent (RFC 3986, 5.2.4): such a key could never be revoked.
    let reachable = name != "." && name != "..";
    if reachable && (1..=128).contains(&name.chars().count()) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(());
    }
    Err(BadName("must have 1 to 128 characters, no control character, no `/`, and be neither `.` nor `..`"))
}

fn check_idp_name(name: &str) -> Result<(), BadName> {
    let possible = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=128).contains(&name.len()) && name.chars().all(possible) {
        return Ok(());
    }
    Err(BadName("must match ^[a-zA-Z0-9_-]+$ and have at most 128 characters"))
}

fn check_any_name(name: &str) -> Result<(), BadName> {
    if name.is_empty() || name.contains('\0') {
        return Err(BadName("must not be empty or contain U+0000"));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), BadName> {
    if text.chars().count() > 1024 || text.contains('\0') {
        return Err(BadName("must have at most 1024 characters and no U+0000"));
    }
    Ok(())
}

fn check_email(text: &str) -> Result<(), BadName> {
    if text.chars().count() <= 320 && !text.chars().any(char::is_control) && holds_address(text) {
        return Ok(());
    }
    Err(BadName("must be an e-mail address in lower case, such as ops@example.com"))
}

/// Whether the contract's pattern is found somewhere in `text`: a local character, `@`, a label, `.`, a label.
fn holds_address(text: &str) -> bool {
    let lower = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.match_indices('@').any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let local = before.bytes().last().is_some_and(|byte| lower(&byte) || b"!#$%&'*+/=?^_`{|}~-".contains(&byte));
        let Some((label, rest)) = after.split_once('.') else { return false };
        let ends = label.as_bytes().first().is_some_and(lower) && label.as_bytes().last().is_some_and(lower);
        let inside = label.bytes().all(|byte| lower(&byte) || byte == b'-');
        local && ends && inside && rest.as_bytes().first().is_some_and(lower)
    })
}

/// A password to be set: 6 to 128 characters, no control characters (RFC 7617, section 2, could not carry them).
#[derive(Debug)]
pub struct NewPassword(Secret);

impl NewPassword {
    /// Takes `text` if it may be a password.
    ///
    /// # Errors
    /// Says what a possible one looks like, never what was given.
    #[expect(clippy::disallowed_methods, reason = "its length and characters are checked")]
    pub fn parse(text: Secret) -> Result<Self, BadName> {
        let shown = text.reveal();
        if (6..=128).contains(&shown.chars().count()) && !shown.chars().any(char::is_control) {
            return Ok(Self(text));
        }
        Err(BadName("must have 6 to 128 characters and no control character"))
    }

    /// Whether it is one of the thousand passwords that guessers try first (OWASP ASVS 5.0, 6.2.4).
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "it is compared with the list")]
    pub fn is_common(&self) -> bool {
        let lower = self.0.reveal().to_lowercase();
        COMMON_PASSWORDS.lines().any(|common| common == lower)
    }

    /// The password, to be hashed.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.0
    }
}

const COMMON_PASSWORDS: &str = include_str!("../config/common-passwords.txt");

impl<'de> Deserialize<'de> for NewPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Secret::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    // The contract's patterns, to the letter.
    const ACCOUNT_NAME: &str = "^[a-zA-Z0-9][ a-zA-Z0-9@.!$+=^_`~;-]{1,126}[a-zA-Z0-9_]$";
    const USERNAME: &str = "^[a-zA-Z0-9][ a-zA-Z0-9@.!#$+=^_`~;:-]{1,126}[a-zA-Z0-9_]$";
    const EMAIL: &str = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";

    fn matches(pattern: &str, text: &str) -> bool {
        Regex::new(pattern).unwrap().is_match(text)
    }

    /// What we ask of an address beyond the contract, which sets no length and looks at no more than a part of it.
    fn can_be_stored(text: &str) -> bool {
        text.chars().count() <= 320 && !text.chars().any(char::is_control)
    }

    fn account_name(text: &str) -> bool {
        AccountName::parse(text.to_owned()).is_ok()
    }

    fn username(text: &str) -> bool {
        Username::parse(text.to_owned()).is_ok()
    }

    fn email(text: &str) -> bool {
        Email::parse(text.to_owned()).is_ok()
    }

    #[test]
    fn name_has_3_to_128_characters() {
        for (length, possible) in [(0, false), (1, false), (2, false), (3, true), (128, true), (129, false)] {
            let name = "a".repeat(length);
            assert_eq!(account_name(&name), possible, "{length}");
            assert_eq!(username(&name), possible, "{length}");
        }
    }

    #[test]
    fn tried_name_is_kept_or_marked_as_none_that_a_user_has() {
        let longest = "a".repeat(128);
        for name in ["alice", "al ice", "älice", "", &longest] {
            assert_eq!(tried(name), name);
        }
        for name in ["al\u{1}ice", "alice\n", "alice\u{85}", &"a".repeat(129)] {
            let tried = tried(name);
            assert!(tried.ends_with(SHORTENED) && !username(&tried), "{tried}");
            assert!(tried.chars().count() <= 65 && !tried.chars().any(char::is_control), "{tried}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_judged_as_by_the_contract(text in any::<String>()) {
            prop_assert_eq!(account_name(&text), matches(ACCOUNT_NAME, &text));
            prop_assert_eq!(username(&text), matches(USERNAME, &text));
            prop_assert_eq!(email(&text), matches(EMAIL, &text) && can_be_stored(&text));
        }

        /// Mostly possible characters, now and then one that is not, and lengths around the limits.
        #[test]
        fn nearly_possible_name_is_judged_as_by_the_contract(
            text in "[a-zA-Z0-9_-]?([ a-zA-Z0-9@.!#$+=^_`~;:-]{0,5}|[a-z]{122,128})[ %/\\\\\\nä]?[a-zA-Z0-9_.@ -]?[\\n]?",
        ) {
            prop_assert_eq!(account_name(&text), matches(ACCOUNT_NAME, &text));
            prop_assert_eq!(username(&text), matches(USERNAME, &text));
        }

        #[test]
        fn possible_name_is_taken_and_kept(text in "[a-zA-Z0-9][ a-zA-Z0-9@.!$+=^_`~;-]{1,126}[a-zA-Z0-9_]") {
            let (account, user) = (AccountName::parse(text.clone()).unwrap(), Username::parse(text.clone()).unwrap());
            prop_assert_eq!([account.as_str(), user.as_str()], [&text, &text]);
        }

        #[test]
        fn nearly_possible_address_is_judged_as_by_the_contract(
            text in "[a-zA.!#@ -]{0,4}[a-z0-9.!A]{0,3}@?[a-z0-9A.@-]{0,4}@?[a-z-]{0,3}\\.?[a-z0-9.-]{0,4}[\\n ä]?",
        ) {
            prop_assert_eq!(email(&text), matches(EMAIL, &text) && can_be_stored(&text));
        }

        #[test]
        fn address_has_at_most_320_characters(local in 300..330_usize) {
            let text = format!("{}@acme.test", "a".repeat(local));
            prop_assert_eq!(email(&text), local + 10 <= 320);
        }

        #[test]
        fn password_is_counted_in_characters(text in "[a-zß🐇]{0,12}|[ä]{120,135}") {
            let possible = (6..=128).contains(&text.chars().count());
            prop_assert_eq!(NewPassword::parse(Secret::new(text)).is_ok(), possible);
        }
    }
}
