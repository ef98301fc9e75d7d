//! Users on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::User as StoredUser;
use crate::{
    http::extract::optional_word,
    identity::roles::{GrantType, store::UnifiedRole},
    names::{NewPassword, Username},
    timestamp::Timestamp,
};

/// Who authenticates a user: Kedge, by a password (`native`), or an identity provider (`saml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum UserType {
    /// Kedge, by a password.
    Native,
    /// An identity provider.
    Saml,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    pub username: String,
    /// The account that the user lives in.
    account_name: String,
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: UserType,
    pub source: Option<String>,
    pub created_at: Timestamp,
    pub last_updated: Timestamp,
    idp_name: Option<String>,
    password_last_updated: Option<Timestamp>,
    /// Every role that the user holds, and how it came to them.
    unified_roles: Vec<UnifiedRoles>,
}

impl User {
    /// The user with the roles it has.
    #[must_use]
    pub fn new(user: StoredUser, roles: Vec<UnifiedRole>) -> Self {
        Self {
            username: user.username,
            account_name: user.account_name,
            kind: user.kind,
            source: user.source,
            created_at: Timestamp(user.created_at),
            last_updated: Timestamp(user.last_updated),
            idp_name: user.idp_name,
            password_last_updated: user.password_last_updated.map(Timestamp),
            unified_roles: roles.into_iter().map(UnifiedRoles::from).collect(),
        }
    }
}

/// A role that a user holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnifiedRoles {
    role_name: String,
    /// The account that the role is held in.
    domain_name: String,
    /// Who granted it: a user, or the group that it comes through.
    granter: String,
    #[schema(inline)]
    grant_type: GrantType,
    granted_at: Timestamp,
}

impl From<UnifiedRole> for UnifiedRoles {
    fn from(held: UnifiedRole) -> Self {
        Self {
            role_name: held.role,
            domain_name: held.account,
            granter: held.granter,
            grant_type: held.grant_type,
            granted_at: Timestamp(held.granted_at),
        }
    }
}

/// Users, sorted by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users {
    pub items: Vec<User>,
    /// The number of users on all pages.
    pub total_rows: i64,
}

/// The body of `POST /v2/accounts/{account_name}/users`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct UserCreationRequest {
    /// Unique across all accounts. The name of a native user cannot contain a colon.
    #[schema(value_type = String, pattern = "^[a-zA-Z0-9][ a-zA-Z0-9@.!#$+=^_`~;:-]{1,126}[a-zA-Z0-9_]$")]
    pub username: Username,
    /// Required for a native user: 6 to 128 characters.
    #[schema(value_type = Option<String>, min_length = 6, max_length = 128, pattern = ".{6,128}$")]
    pub password: Option<NewPassword>,
    /// `native` if left out.
    #[serde(default, deserialize_with = "optional_word")]
    #[schema(inline)]
    pub user_type: Option<UserType>,
    /// Required for a saml user.
    pub idp_name: Option<String>,
}
