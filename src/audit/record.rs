//! A record of the audit trail.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    authn::{
        api_key,
        caller::{Caller, Credential},
        method::SignInMethod,
    },
    clock::{Clock, Random},
};

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    /// Something was refused.
    Error,
}

impl Level {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// What begins the type of a change; the operation's id follows.
pub const CHANGE: &str = "user.identity.";

/// What is no change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Sign-ins that failed.
    SignIn,
    /// A permission that was missing.
    Permission,
    /// A key that was used after it was revoked.
    RevokedKey,
}

impl Refusal {
    pub const ALL: [Self; 3] = [Self::SignIn, Self::Permission, Self::RevokedKey];

    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::SignIn => "system.security.sign_in_failed",
            Self::Permission => "system.security.permission_denied",
            Self::RevokedKey => "system.security.revoked_api_key_used",
        }
    }

    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::SignIn => "Sign-ins failed",
            Self::Permission => "A permission was missing",
            Self::RevokedKey => "An API key was used after it had been revoked",
        }
    }
}

/// What has a record though no operation has asked for it: each is written in the transaction that does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityEvent {
    /// A refresh token was used a second time, and its session ended: it was stolen, or its client is careless.
    TokenReused,
    /// Of a user of the account `admin`, on the command line.
    PasswordReset,
    /// On the command line.
    SigningKeyRotated,
    /// By metadata that was fetched in the background.
    CertificatesReplaced,
}

impl SecurityEvent {
    pub const ALL: [Self; 4] =
        [Self::TokenReused, Self::PasswordReset, Self::SigningKeyRotated, Self::CertificatesReplaced];

    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::TokenReused => "system.security.refresh_token_reused",
            Self::PasswordReset => "system.security.password_reset",
            Self::SigningKeyRotated => "system.security.signing_key_rotated",
            Self::CertificatesReplaced => "system.security.idp_certificates_replaced",
        }
    }

    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::TokenReused => "A refresh token was used twice, and its session ended",
            Self::PasswordReset => "A password was set on the command line",
            Self::SigningKeyRotated => "A new key to sign access tokens was created on the command line",
            Self::CertificatesReplaced => "The metadata of an identity provider has other certificates",
        }
    }

    #[must_use]
    pub const fn resource_type(self) -> &'static str {
        match self {
            Self::TokenReused => "session",
            Self::PasswordReset => "user",
            Self::SigningKeyRotated => "signing_key",
            Self::CertificatesReplaced => "identity_provider",
        }
    }

    const fn level(self) -> Level {
        match self {
            Self::TokenReused => Level::Error,
            Self::PasswordReset | Self::SigningKeyRotated | Self::CertificatesReplaced => Level::Info,
        }
    }

    /// The record of what happened to that.
    #[must_use]
    pub fn record(self, clock: &Clock, random: &Random, resource_id: &str) -> Record {
        let mut record = Record::new(clock, random, self.kind().to_owned(), self.level());
        record.message = format!("{} ({} {resource_id})", self.description(), self.resource_type());
        record.resource_type = Some(self.resource_type());
        record.resource_id = Some(resource_id.to_owned());
        record
    }
}

/// A record to be written.
#[derive(Clone, Debug)]
pub struct Record {
    pub event_id: Uuid,
    pub created_at: OffsetDateTime,
    pub kind: String,
    pub level: Level,
    pub message: String,
    /// The account that it concerns.
    pub account: Option<String>,
    pub resource_type: Option<&'static str>,
    pub resource_id: Option<String>,
    pub count: i64,
    pub request_id: Option<String>,
    pub details: Map<String, Value>,
}

impl Record {
    #[must_use]
    pub fn new(clock: &Clock, random: &Random, kind: String, level: Level) -> Self {
        Self {
            event_id: random.uuid(),
            created_at: clock.now(),
            kind,
            level,
            message: String::new(),
            account: None,
            resource_type: None,
            resource_id: None,
            count: 1,
            request_id: None,
            details: Map::new(),
        }
    }

    /// Adds to the details what is there.
    pub fn detail(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.details.insert(name.to_owned(), value.into());
        }
    }

    /// The record as a line of the log.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.details.clone();
        for (name, value) in [
            ("event_id", Value::from(self.event_id.to_string())),
            ("type", self.kind.as_str().into()),
            ("level", self.level.name().into()),
            ("account", self.account.as_deref().into()),
            ("resource_type", self.resource_type.into()),
            ("resource_id", self.resource_id.as_deref().into()),
            ("count", self.count.into()),
            ("request_id", self.request_id.as_deref().into()),
        ] {
            line.insert(name.to_owned(), value);
        }
        Value::Object(line).to_string()
    }
}

/// How much older a record may say it is than the transaction that writes it: one that came later would be in no seal,
/// and a node's clock may be behind.
pub const LATEST: time::Duration = time::Duration::minutes(2);

/// Who did it, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    pub user: Option<String>,
    /// The account that the user lives in.
    pub account: Option<String>,
    /// How it signed in.
    pub method: Option<SignInMethod>,
    /// The beginning of the key's id.
    pub key_hint: Option<String>,
}

impl Actor {
    pub fn tell(&self, record: &mut Record) {
        record.detail("user", self.user.clone());
        record.detail("user_account", self.account.clone());
        record.detail("signed_in_by", self.method.map(SignInMethod::name));
        record.detail("key_hint", self.key_hint.clone());
    }

    /// How a sentence begins that says what was done.
    #[must_use]
    pub fn name(&self) -> &str {
        self.user.as_deref().unwrap_or("somebody")
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        let (method, key_hint) = match &caller.credential {
            Credential::Password => (SignInMethod::Password, None),
            Credential::Token { .. } => (SignInMethod::Token, None),
            Credential::ApiKey { id, .. } => (SignInMethod::ApiKey, Some(api_key::hint(id).to_owned())),
        };
        let method = Some(method);
        Self { user: Some(caller.user.username.clone()), account: Some(caller.account.name.clone()), method, key_hint }
    }
}
