//! Text that must not leak: passwords, key values, database URLs.
//!
//! `Secret` has no `Serialize`, `Display` or `Clone`, its `Debug` is redacted, and its memory is wiped on drop.
//! The text comes out through [`Secret::reveal`] alone; clippy bans the call, so every use of it stands under
//! an `#[expect]` that says why.

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A secret text.
pub struct Secret(Zeroizing<String>);

impl Secret {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_print_shows_nothing_of_the_secret() {
        let secret = Secret::new("hunter22".to_owned());
        assert_eq!(format!("{secret:?}"), "[redacted]");
    }
}
