//! The Basic scheme (RFC 7617): `Basic base64(user:password)`, UTF-8.

use base64::{
    Engine, alphabet,
    engine::DecodePaddingMode,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// What a Basic header carries.
#[derive(Debug)]
pub struct Login {
    pub username: String,
    pub password: Secret,
}

/// Some clients leave the padding out; nothing is won by refusing them.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the value of an `Authorization` header; the error is a reason for the log.
pub fn parse(header: &[u8]) -> Result<Login, &'static str> {
    let text = std::str::from_utf8(header).map_err(|_| "the Authorization header is not text")?;
    let (scheme, credentials) = text.trim().split_once(' ').ok_or("the Authorization header has one word")?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err("unknown authentication scheme");
    }
    let decoded = Zeroizing::new(ENGINE.decode(credentials.trim()).map_err(|_| "the credentials are not base64")?);
    // Some clients send Latin-1 where they can (RFC 7617, appendix B.3).
    let latin_1 = || Zeroizing::new(decoded.iter().copied().map(char::from).collect::<String>());
    let decoded = std::str::from_utf8(&decoded).map_or_else(|_| latin_1(), |text| Zeroizing::new(text.to_owned()));
    if decoded.contains('\0') {
        return Err("the credentials hold U+0000");
    }
    let (username, password) = decoded.split_once(':').ok_or("the credentials have no colon")?;
    Ok(Login { username: username.to_owned(), password: Secret::new(password.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the test compares it")]
    fn read(header: &str) -> Result<(String, String), &'static str> {
        parse(header.as_bytes()).map(|login| (login.username, login.password.reveal().to_owned()))
    }

    #[test]
    fn password_keeps_everything_after_the_first_colon() {
        assert_eq!(read("Basic YTpiOmM=").unwrap(), ("a".into(), "b:c".into()));
    }

    #[test]
    fn scheme_is_case_insensitive_and_padding_optional() {
        assert_eq!(read("bAsIc YTpi").unwrap(), ("a".into(), "b".into()));
        assert_eq!(read("Basic YTo").unwrap(), ("a".into(), String::new()));
    }

    #[test]
    fn what_is_no_utf_8_is_latin_1() {
        assert_eq!(read("Basic YWxpY2U6Z2zDpHNz").unwrap(), ("alice".into(), "gläss".into()));
        assert_eq!(read("Basic YWxpY2U6Z2zkc3M=").unwrap(), ("alice".into(), "gläss".into()));
        assert!(read("Basic //8=").is_err(), "no colon");
    }

    #[test]
    fn anything_else_is_refused() {
        for header in ["", "Basic", "Basic ", "Basic !!!!", "Digest YTpi", "Basic YQ==", "Basic YTpiAA=="] {
            assert!(read(header).is_err(), "{header:?}");
        }
    }
}
