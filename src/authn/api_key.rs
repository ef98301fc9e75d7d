//! The value of an API key: `kedge_<id>_<secret><checksum>`.
//!
//! `id` (16 characters) finds the row, `secret` (43 characters of base62, 256 bits) proves the right to it, and
//! `checksum` (6 characters, CRC-32 of all that stands before it) lets a scanner tell a key from a random text and
//! a mistyped key be refused without a question to the database. Of the secret only its SHA-256 is stored: with 256
//! random bits behind it, nothing slower is needed.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{clock::Random, secret::Secret};

/// The version of this format, `version` of a key record.
pub const FORMAT: &str = "1";
/// What a scanner for leaked secrets can look for; the README publishes it.
pub const SCANNER_PATTERN: &str = r"\bkedge_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}\b";

const PREFIX: &str = "kedge";
const ID_LENGTH: usize = 16;
const SECRET_LENGTH: usize = 43;
const CHECKSUM_LENGTH: u32 = 6;
/// How many characters of the id a key record shows.
const HINT_LENGTH: usize = 4;

/// A key that has just been made.
#[derive(Debug)]
pub struct NewKey {
    pub id: String,
    pub secret_hash: [u8; 32],
    /// What the user keeps; shown once.
    pub value: Secret,
}

impl NewKey {
    /// Makes a key.
    #[must_use]
    pub fn generate(random: &Random) -> Self {
        let id = random.alphanumeric(ID_LENGTH);
        let secret = Secret::new(random.alphanumeric(SECRET_LENGTH));
        Self { secret_hash: hash(&secret), value: value(&id, &secret), id }
    }
}

/// A key that a request presents: well-formed, its checksum right, not yet known to exist.
#[derive(Debug)]
pub struct Presented {
    pub id: String,
    hash: [u8; 32],
}

impl Presented {
    /// Reads a value; `None` where no key can look like that.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the value that a request carries is taken apart")]
    pub fn parse(value: &Secret) -> Option<Self> {
        let (before, checksum) =
            value.reveal().split_at_checked(value.reveal().len().checked_sub(CHECKSUM_LENGTH as usize)?)?;
        let [prefix, id, secret] = before.split('_').collect::<Vec<_>>().try_into().ok()?;
        let alphanumeric = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if prefix != PREFIX || !alphanumeric(id, ID_LENGTH) || !alphanumeric(secret, SECRET_LENGTH) {
            return None;
        }
        let hash = hash(&Secret::new(secret.to_owned()));
        (checksum == self::checksum(before)).then(|| Self { id: id.to_owned(), hash })
    }

    /// Whether the secret's hash is `stored`, compared in constant time. An unknown key is compared, too.
    #[must_use]
    pub fn has_hash(&self, stored: Option<&[u8]>) -> bool {
        let equal = self.hash.ct_eq(stored.unwrap_or(&[0; 32]));
        bool::from(equal) && stored.is_some()
    }
}

/// What a key record shows of the id.
#[must_use]
pub fn hint(id: &str) -> &str {
    id.get(..HINT_LENGTH).unwrap_or(id)
}

#[expect(clippy::disallowed_methods, reason = "the secret is put into the value that is answered once")]
fn value(id: &str, secret: &Secret) -> Secret {
    let before = format!("{PREFIX}_{id}_{}", secret.reveal());
    let checksum = checksum(&before);
    Secret::new(before + &checksum)
}

#[expect(clippy::disallowed_methods, reason = "the secret is hashed")]
fn hash(secret: &Secret) -> [u8; 32] {
    Sha256::digest(secret.reveal().as_bytes()).into()
}

/// CRC-32 (ISO-HDLC) in base62 with the digits `0-9A-Za-z`, most significant first.
fn checksum(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let crc = crc32fast::hash(text.as_bytes());
    let places = (0..CHECKSUM_LENGTH).rev().map(|place| 62_u32.pow(place));
    places
        .map(|place| (crc / place) % 62)
        .filter_map(|digit| DIGITS.get(digit as usize))
        .copied()
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the tests look at it")]
    fn shown(key: &NewKey) -> String {
        key.value.reveal().to_owned()
    }

    fn parse(value: &str) -> Option<Presented> {
        Presented::parse(&Secret::new(value.to_owned()))
    }

    #[test]
    fn checksum_is_as_published() {
        // The standard check value of CRC-32, 0xCBF43926, in base62.
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    proptest! {
        #[test]
        fn generated_key_is_read_back(seed: u64) {
            let key = NewKey::generate(&Random::seeded(seed));
            let read = parse(&shown(&key)).unwrap();
            prop_assert_eq!(&read.id, &key.id);
            prop_assert!(read.has_hash(Some(&key.secret_hash)));
            prop_assert!(!read.has_hash(None));
        }

        #[test]
        fn generated_key_matches_the_scanners_pattern(seed: u64) {
            let value = shown(&NewKey::generate(&Random::seeded(seed)));
            let text = format!("PASSWORD={value}\n");
            let found = regex::Regex::new(SCANNER_PATTERN).unwrap().find(&text).unwrap();
            prop_assert_eq!(found.as_str(), value);
        }

        #[test]
        fn one_changed_character_is_noticed(seed: u64, at in 0..72_usize, to in "[0-9A-Za-z_]") {
            let value = shown(&NewKey::generate(&Random::seeded(seed)));
            let mut changed = value.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != value);
            prop_assert!(parse(&changed).is_none());
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            prop_assert!(parse(&text).is_none());
        }
    }
}
