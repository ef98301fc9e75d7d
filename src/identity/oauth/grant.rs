//! What a request for tokens asks: pure, so that each way to ask is one line of a test.

use super::types::TokenRequest;
use crate::{authn::basic::Login, error::OAuthError, names::shown, secret::Secret};

/// The one client: nobody registers clients, and none has a secret.
pub const ANONYMOUS: &str = "anonymous";
const PASSWORD: &str = "password";
const REFRESH_TOKEN: &str = "refresh_token";

/// RFC 7522, 2.1.
const SAML2_BEARER: &str = "urn:ietf:params:oauth:grant-type:saml2-bearer";

/// What can be exchanged for tokens.
pub const GRANT_TYPES: &[&str] = &[PASSWORD, REFRESH_TOKEN, SAML2_BEARER];

/// What is exchanged for tokens.
#[derive(Debug)]
pub enum Grant {
    Password {
        username: String,
        password: Secret,
    },
    Refresh(Secret),
    /// What an identity provider says of a user.
    Assertion(Secret),
}

/// Reads the request. A Basic header holds the user where the form names none, as a form without anything does (the
/// predecessor's way); beside a user in the form it is the client's (RFC 6749, 2.3.1), as some libraries send it.
///
/// # Errors
/// What is missing, or unknown.
pub fn read(request: TokenRequest, basic: Option<Login>) -> Result<Grant, OAuthError> {
    if request.client_id.is_some_and(|client| client != ANONYMOUS) {
        return Err(OAuthError::Client);
    }
    match request.grant_type.as_deref().unwrap_or(PASSWORD) {
        PASSWORD => password(request.username, request.password, basic),
        REFRESH_TOKEN => {
            is_clients(basic)?;
            request.refresh_token.map(Grant::Refresh).ok_or(OAuthError::Missing("refresh_token"))
        }
        SAML2_BEARER => {
            is_clients(basic)?;
            request.assertion.map(Grant::Assertion).ok_or(OAuthError::Missing("assertion"))
        }
        other => Err(OAuthError::GrantType(shown(other))),
    }
}

fn password(username: Option<String>, password: Option<Secret>, basic: Option<Login>) -> Result<Grant, OAuthError> {
    match (username, password, basic) {
        (None, None, Some(login)) => Ok(Grant::Password { username: login.username, password: login.password }),
        (None, ..) => Err(OAuthError::Missing("username")),
        (_, None, _) => Err(OAuthError::Missing("password")),
        (Some(username), Some(password), basic) => {
            is_clients(basic)?;
            Ok(Grant::Password { username, password })
        }
    }
}

fn is_clients(basic: Option<Login>) -> Result<(), OAuthError> {
    if basic.is_some_and(|login| login.username != ANONYMOUS) {
        return Err(OAuthError::Client);
    }
    Ok(())
}

/// A revocation may name the type of its token; only refresh tokens can be revoked.
///
/// # Errors
/// Any other type.
pub fn is_refresh_token(hint: Option<&str>) -> Result<(), OAuthError> {
    match hint {
        None | Some(REFRESH_TOKEN) => Ok(()),
        Some(_) => Err(OAuthError::TokenType),
    }
}

impl TokenRequest {
    /// For V1, which knows no other grant.
    ///
    /// # Errors
    /// A grant that is none of a user and password.
    pub fn is_password_grant(&self) -> Result<(), OAuthError> {
        match self.grant_type.as_deref() {
            None | Some(PASSWORD) => Ok(()),
            Some(other) => Err(OAuthError::GrantType(shown(other))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(username: &str) -> Login {
        Login { username: username.to_owned(), password: Secret::new("basic".to_owned()) }
    }

    fn request(pairs: &[(&str, &str)]) -> TokenRequest {
        let object = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        serde_json::from_value(serde_json::Value::Object(object.collect())).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the test compares it")]
    fn asked(pairs: &[(&str, &str)], basic: Option<Login>) -> Result<String, String> {
        match read(request(pairs), basic) {
            Ok(Grant::Password { username, password }) => Ok(format!("{username}:{}", password.reveal())),
            Ok(Grant::Refresh(token) | Grant::Assertion(token)) => Ok(token.reveal().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_way_to_ask_is_read() {
        let user = ("username", "alice");
        let password = ("password", "form");
        for (pairs, basic, expected) in [
            (vec![user, password], None, "alice:form"),
            (vec![("grant_type", "password"), ("client_id", "anonymous"), user, password], None, "alice:form"),
            (vec![], Some(login("alice")), "alice:basic"),
            (vec![("grant_type", "password")], Some(login("alice")), "alice:basic"),
            (vec![("client_id", "anonymous")], Some(login("anonymous")), "anonymous:basic"),
            (vec![user, password], Some(login("anonymous")), "alice:form"),
            (vec![("grant_type", "refresh_token"), ("refresh_token", "r")], None, "r"),
            (vec![("grant_type", "refresh_token"), ("refresh_token", "r")], Some(login("anonymous")), "r"),
            (vec![("grant_type", SAML2_BEARER), ("assertion", "a")], None, "a"),
            (vec![("grant_type", SAML2_BEARER), ("assertion", "a")], Some(login("anonymous")), "a"),
        ] {
            assert_eq!(asked(&pairs, basic), Ok(expected.to_owned()), "{pairs:?}");
        }
    }

    #[test]
    fn no_grant_type_that_is_listed_is_refused_as_unsupported() {
        let unsupported = |grant_type: &str| {
            matches!(read(request(&[("grant_type", grant_type)]), None), Err(OAuthError::GrantType(_)))
        };
        let refused: Vec<_> = GRANT_TYPES.iter().filter(|grant_type| unsupported(grant_type)).collect();
        assert!(refused.is_empty() && unsupported("client_credentials"), "{refused:?}");
    }

    #[test]
    fn anything_else_is_refused_with_what_is_missing_or_unknown() {
        let user = ("username", "alice");
        let password = ("password", "form");
        for (pairs, basic, expected) in [
            (vec![], None, "Missing \"username\" in request."),
            (vec![password], None, "Missing \"username\" in request."),
            (vec![user], None, "Missing \"password\" in request."),
            (vec![user], Some(login("alice")), "Missing \"password\" in request."),
            (vec![user, password], Some(login("alice")), "The client is unknown"),
            (vec![("client_id", "zzz"), user, password], None, "The client is unknown"),
            (vec![("grant_type", "refresh_token")], None, "Missing \"refresh_token\" in request."),
            (vec![("grant_type", "refresh_token"), ("refresh_token", "r")], Some(login("x")), "The client is unknown"),
            (vec![("grant_type", SAML2_BEARER)], None, "Missing \"assertion\" in request."),
            (vec![("grant_type", SAML2_BEARER), ("assertion", "a")], Some(login("x")), "The client is unknown"),
            (vec![("grant_type", "client_credentials")], None, "Grant type 'client_credentials' is not supported"),
            (vec![("grant_type", "Password"), user, password], None, "Grant type 'Password' is not supported"),
        ] {
            assert_eq!(asked(&pairs, basic), Err(expected.to_owned()), "{pairs:?}");
        }
    }
}
