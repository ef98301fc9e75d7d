//! Roles and their members on the wire.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::store;
use crate::{
    authz::roles::Role,
    error::{Error, Result},
    http::extract::ReadOnly,
    identity::accounts::types::Account,
    names::AnyName,
    timestamp::Timestamp,
};

/// How a role came to a user: granted to them, through a group, or through a group of their identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum GrantType {
    Direct,
    GroupMembership,
    /// By a group that the user's identity provider vouches for.
    SsoGroupMembership,
}

/// A role in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerRoleSummary {
    name: String,
    description: String,
    created_at: Timestamp,
}

impl RbacManagerRoleSummary {
    /// A role of a deployment that was installed at that moment.
    #[must_use]
    pub fn new(role: &Role, installed_at: OffsetDateTime) -> Self {
        let created_at = Timestamp(role.since.unwrap_or(installed_at));
        Self { name: role.name.clone(), description: role.description.clone(), created_at }
    }
}

/// A role and what it grants in the account that it is held in.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerRole {
    name: String,
    description: String,
    permissions: Vec<RbacManagerPermission>,
    /// Whether it is built in.
    immutable: bool,
    /// The first start of the deployment for a built-in role, the last change of `roles.file` for one of its own.
    created_at: Timestamp,
    last_updated: Timestamp,
}

/// An action that a role grants.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerPermission {
    /// An action, or `*` for all.
    action: String,
    /// Always `*`.
    target: &'static str,
}

impl RbacManagerRole {
    /// A role of a deployment that was installed at that moment.
    #[must_use]
    pub fn new(role: &Role, installed_at: OffsetDateTime) -> Self {
        let since = Timestamp(role.since.unwrap_or(installed_at));
        let permission = |action: &str| RbacManagerPermission { action: action.to_owned(), target: "*" };
        Self {
            name: role.name.clone(),
            description: role.description.clone(),
            permissions: role.action_names().into_iter().map(permission).collect(),
            immutable: role.is_built_in(),
            created_at: since,
            last_updated: since,
        }
    }
}

/// The two names of a domain: the newer, and the one before it. Requests take either, answers carry both.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DomainQuery {
    /// The account.
    #[param(value_type = Option<String>)]
    pub domain_name: Option<AnyName>,
    /// The account, under the older name of this parameter.
    #[param(value_type = Option<String>)]
    pub for_account: Option<AnyName>,
}

/// The account that a request names under one of the names or both, if equal.
///
/// # Errors
/// 400 where they differ.
pub fn domain<'a>(domain_name: Option<&'a AnyName>, for_account: Option<&'a AnyName>) -> Result<Option<&'a str>> {
    if let (Some(newer), Some(older)) = (domain_name, for_account)
        && newer != older
    {
        return Err(Error::malformed("for_account", "differs from domain_name: both mean the account, give only one"));
    }
    Ok(domain_name.or(for_account).map(AnyName::as_str))
}

/// The account that a request must name, under one of the names or both.
///
/// # Errors
/// 400 where none is.
pub fn required_domain<'a>(domain_name: Option<&'a AnyName>, for_account: Option<&'a AnyName>) -> Result<&'a str> {
    domain(domain_name, for_account)?.ok_or_else(|| Error::malformed("domain_name", "is required"))
}

/// The user to grant a role, and the account to grant it in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct NewRoleMember {
    #[schema(value_type = String)]
    pub username: AnyName,
    /// The account, under the older name of this property.
    #[schema(value_type = Option<String>, deprecated)]
    pub for_account: Option<AnyName>,
    /// The account. One of the two names is required.
    #[schema(value_type = Option<String>)]
    pub domain_name: Option<AnyName>,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    pub created_at: ReadOnly,
}

/// A user who holds a role in an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerRoleMember {
    username: String,
    #[schema(deprecated)]
    for_account: String,
    domain_name: String,
    created_at: Timestamp,
}

impl RbacManagerRoleMember {
    #[must_use]
    pub fn new(username: &str, account: &str, created_at: OffsetDateTime) -> Self {
        Self {
            username: username.to_owned(),
            for_account: account.to_owned(),
            domain_name: account.to_owned(),
            created_at: Timestamp(created_at),
        }
    }
}

/// Whose role is taken away, and where.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteRoleMemberQuery {
    /// The user to take the role from.
    // Asked for after the permission.
    #[param(value_type = String, required = true)]
    pub username: Option<AnyName>,
    /// The account, under the older name of this parameter.
    #[param(value_type = Option<String>)]
    pub for_account: Option<AnyName>,
    /// The account. One of the two names is required.
    #[param(value_type = Option<String>)]
    pub domain_name: Option<AnyName>,
}

/// A role that the caller holds in an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerAccountRole {
    #[schema(deprecated)]
    for_account: String,
    domain_name: String,
    roles: RbacManagerRole,
    account: Account,
}

impl RbacManagerAccountRole {
    #[must_use]
    pub fn new(role: &Role, held: store::AccountRole, installed_at: OffsetDateTime) -> Self {
        let account = crate::identity::accounts::Account {
            id: held.id,
            name: held.name.clone(),
            kind: held.kind,
            state: held.state,
            email: held.email,
            created_at: held.created_at,
            last_updated: held.last_updated,
        };
        Self {
            for_account: held.name.clone(),
            domain_name: held.name,
            roles: RbacManagerRole::new(role, installed_at),
            account: (&account).into(),
        }
    }
}

/// Which roles of a user are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListUserRolesQuery {
    /// Only in this account, under the older name of this parameter.
    #[param(value_type = Option<String>)]
    pub for_account: Option<AnyName>,
    /// Only in this account.
    #[param(value_type = Option<String>)]
    pub domain_name: Option<AnyName>,
    /// Only this role.
    #[param(value_type = Option<String>)]
    pub role: Option<AnyName>,
}

/// A role that a user holds in an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerRoleMembership {
    role: String,
    #[schema(deprecated)]
    for_account: String,
    domain_name: String,
    created_at: Timestamp,
}

impl From<store::UnifiedRole> for RbacManagerRoleMembership {
    fn from(held: store::UnifiedRole) -> Self {
        Self {
            role: held.role,
            for_account: held.account.clone(),
            domain_name: held.account,
            created_at: Timestamp(held.granted_at),
        }
    }
}
