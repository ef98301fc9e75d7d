//! Sign-ins that answer tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{Answer, Client, PASSWORD, Server};

/// What a sign-in answers.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl From<Value> for Tokens {
    fn from(body: Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// What an access token says.
pub fn claims_of(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

impl Server {
    /// Asks for tokens with a user's name and password.
    pub async fn ask_for_tokens(&self, username: &str, password: &str) -> Answer {
        self.nobody().form("/v2/oauth/token", &[("username", username), ("password", password)]).await
    }

    /// Signs in a user whose password is [`PASSWORD`].
    pub async fn tokens(&self, username: &str) -> Tokens {
        self.ask_for_tokens(username, PASSWORD).await.expect(200).into()
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.nobody().form("/v2/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A client that signs in with an access token of a user whose password is [`PASSWORD`].
    pub async fn signed_in(&self, username: &str) -> Client {
        self.bearer(&self.tokens(username).await.access)
    }
}
