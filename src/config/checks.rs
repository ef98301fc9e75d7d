//! What a value must look like: pure functions from text to a value or nothing.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr as _;

use ipnet::IpNet;
use sqlx::postgres::PgConnectOptions;

/// An absolute `http` or `https` URL without user, query or fragment; the result has no trailing slash.
///
/// The URL becomes part of identifiers that clients compare as text, so anything unusual is refused, not repaired.
pub(super) fn external_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let valid = is_authority(authority) && path.chars().all(is_path_character);
    valid.then(|| text.trim_end_matches('/').to_owned())
}

fn is_authority(text: &str) -> bool {
    let host_ends = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let port_starts = text.get(host_ends..).and_then(|tail| tail.find(':')).map(|colon| host_ends + colon);
    let (host, port) = match port_starts {
        Some(colon) => (text.get(..colon), text.get(colon + 1..)),
        None => (Some(text), None),
    };
    host.is_some_and(is_host) && port.is_none_or(is_port)
}

fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_host_character = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_host_character)
}

fn is_port(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// RFC 3986, section 3.3, and the slash between segments.
fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:@".contains(c)
}

pub(super) fn admin_password(text: &str) -> bool {
    (6..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

pub(super) fn database_url(text: &str) -> bool {
    let has_scheme = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    has_scheme && PgConnectOptions::from_str(text).is_ok()
}

/// A network, or a single address.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().map(|address: IpAddr| address.into()).ok())
}

/// RFC 7518, 3.2: a key for HS256 has at least as many bits as its hash.
pub(super) fn long_secret(text: &str) -> bool {
    text.len() >= 32
}

pub(super) fn email(text: String) -> Option<String> {
    (text.contains('@') && !text.chars().any(char::is_control)).then_some(text)
}

pub(super) fn log_directives(text: String) -> Option<String> {
    let valid = !text.trim().is_empty() && tracing_subscriber::EnvFilter::try_new(&text).is_ok();
    valid.then_some(text)
}

pub(super) fn name(text: String) -> Option<String> {
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

pub(super) fn directory(text: String) -> Option<PathBuf> {
    name(text).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::{admin_password, database_url, email, external_url, log_directives};

    #[test]
    fn external_url_is_kept_without_trailing_slash() {
        for (given, kept) in [
            ("http://localhost:8228", "http://localhost:8228"),
            ("https://kedge.example.com/", "https://kedge.example.com"),
            ("https://example.com/kedge/", "https://example.com/kedge"),
            ("https://[::1]:8228", "https://[::1]:8228"),
            ("https://10.0.0.1", "https://10.0.0.1"),
        ] {
            assert_eq!(external_url(given).as_deref(), Some(kept));
        }
    }

    #[test]
    fn url_that_is_not_plain_and_absolute_is_refused() {
        for given in [
            "",
            "kedge.example.com",
            "/kedge",
            "ftp://example.com",
            "https://",
            "https:///path",
            "https://:8228",
            "https://a?x=1",
            "https://a/b?x",
            "https://a#top",
            "https://a/b#",
            "https://user:secret@a",
            "https://a:0",
            "https://a:",
            "https://a:+80",
            "https://a:70000",
            "https://a b",
            "https://a/b c",
            "https://[::1",
            "https://[::1]x",
            "https://[no]",
            "https://::1",
            "https://a\n",
        ] {
            assert_eq!(external_url(given), None, "{given:?}");
        }
    }

    #[test]
    fn admin_password_has_6_to_128_characters_and_no_control_characters() {
        assert!(admin_password("äöüäöü"));
        assert!(admin_password(&"x".repeat(128)));
        for refused in ["", "12345", "abc\tdef", "abcdef\n", &"x".repeat(129)] {
            assert!(!admin_password(refused), "{refused:?}");
        }
    }

    #[test]
    fn database_url_is_of_postgres() {
        assert!(database_url("postgres://u:p@h/d"));
        assert!(database_url("postgresql:///d?host=/run/postgresql"));
        assert!(!database_url("mysql://h/d"));
        for wrong in
            ["", "postgres://h:port/d", "postgres://u:p@h:99999/d", "postgres://[::1/d", "postgres://h/d?sslmode=maybe"]
        {
            assert!(!database_url(wrong), "{wrong}");
        }
    }

    #[test]
    fn email_has_an_at_sign() {
        assert!(email("admin@myanchore".to_owned()).is_some());
        assert!(email("admin".to_owned()).is_none());
        assert!(email("admin\0@myanchore".to_owned()).is_none());
    }

    #[test]
    fn log_directives_are_those_of_the_filter() {
        for accepted in ["info", "off", "kedge=debug,sqlx=warn"] {
            assert!(log_directives(accepted.to_owned()).is_some(), "{accepted}");
        }
        for refused in ["", " ", "kedge=loud", "a=b=c"] {
            assert!(log_directives(refused.to_owned()).is_none(), "{refused}");
        }
    }
}
