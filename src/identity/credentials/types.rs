//! Credentials on the wire.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    http::extract::{ReadOnly, word},
    names::NewPassword,
    timestamp::Timestamp,
};

/// What stands where a password would: always the same.
const MASK: &str = "********";

/// The kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CredentialType {
    Password,
}

/// A credential; its value is masked.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessCredential {
    #[serde(rename = "type")]
    #[schema(inline)]
    kind: CredentialType,
    value: &'static str,
    created_at: Timestamp,
}

impl AccessCredential {
    /// A password that was set at that moment.
    #[must_use]
    pub const fn password(created_at: OffsetDateTime) -> Self {
        Self { kind: CredentialType::Password, value: MASK, created_at: Timestamp(created_at) }
    }
}

/// The credentials of a user: none or one.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialList(pub Vec<AccessCredential>);

/// A credential to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct NewCredential {
    #[serde(rename = "type", deserialize_with = "word")]
    #[schema(inline)]
    pub kind: CredentialType,
    /// The password: 6 to 128 characters.
    #[schema(value_type = String, min_length = 6, max_length = 128)]
    pub value: NewPassword,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    pub created_at: ReadOnly,
}

/// What DELETE of a credential takes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteCredentialQuery {
    /// The credential to delete.
    #[param(inline)]
    pub credential_type: CredentialType,
}
