//! User groups on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{UserGroup as StoredGroup, store};
use crate::{
    names::{AnyName, Description, GroupName},
    timestamp::Timestamp,
};

/// A group of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserGroup {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    group_uuid: String,
    created_at: Timestamp,
    last_updated: Timestamp,
    account_roles: UserGroupRoles,
}

impl UserGroup {
    /// The group with its roles, which are sorted by account.
    #[must_use]
    pub fn new(group: StoredGroup, roles: Vec<store::GroupRole>) -> Self {
        Self {
            name: group.name,
            description: group.description,
            group_uuid: group.id.to_string(),
            created_at: Timestamp(group.created_at),
            last_updated: Timestamp(group.last_updated),
            account_roles: roles.into(),
        }
    }
}

/// The body of `POST /v2/system/user-groups`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct UserGroupPost {
    #[schema(value_type = String, pattern = "^[a-zA-Z0-9][ a-zA-Z0-9@.!#$+=^_`~;-]{1,126}[a-zA-Z0-9_]$")]
    pub name: GroupName,
    #[schema(value_type = Option<String>, max_length = 1024)]
    pub description: Option<Description>,
}

/// A change of a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct UserGroupPatch {
    #[schema(value_type = String, max_length = 1024)]
    pub description: Description,
}

/// The roles of a group, by account.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct UserGroupRoles {
    items: Vec<UserGroupRole>,
}

/// The roles of a group in one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserGroupRole {
    #[schema(deprecated)]
    for_account: String,
    domain_name: String,
    roles: Vec<GroupRole>,
}

/// A role that a group has.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupRole {
    role: String,
    created_at: Timestamp,
    /// The id of the grant, by which it can be removed.
    membership_id: String,
}

impl From<Vec<store::GroupRole>> for UserGroupRoles {
    fn from(roles: Vec<store::GroupRole>) -> Self {
        let mut items: Vec<UserGroupRole> = Vec::new();
        for held in roles {
            let role = GroupRole {
                role: held.role,
                created_at: Timestamp(held.created_at),
                membership_id: held.id.to_string(),
            };
            match items.last_mut() {
                Some(last) if last.domain_name == held.account => last.roles.push(role),
                _ => items.push(UserGroupRole {
                    for_account: held.account.clone(),
                    domain_name: held.account,
                    roles: vec![role],
                }),
            }
        }
        Self { items }
    }
}

/// Roles to grant to a group, all in one account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct UserGroupRolePost {
    /// The account, under the older name of this property.
    #[schema(value_type = Option<String>, deprecated)]
    pub for_account: Option<AnyName>,
    /// The account. One of the two names is required.
    #[schema(value_type = Option<String>)]
    pub domain_name: Option<AnyName>,
    #[schema(min_items = 1)]
    pub roles: Vec<RoleOfPost>,
}

/// A role to grant to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct RoleOfPost {
    // The contract does not require it, though a role without a name is none.
    #[schema(value_type = String, required = false)]
    pub role: AnyName,
}

/// The members of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserGroupUsers {
    items: Vec<UserGroupUser>,
}

/// A member of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserGroupUser {
    username: String,
    added_on: Timestamp,
}

impl From<Vec<store::GroupUser>> for UserGroupUsers {
    fn from(users: Vec<store::GroupUser>) -> Self {
        let user =
            |user: store::GroupUser| UserGroupUser { username: user.username, added_on: Timestamp(user.added_at) };
        Self { items: users.into_iter().map(user).collect() }
    }
}

/// Users to add to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct UserGroupUsersPost {
    #[schema(min_items = 1)]
    pub usernames: Vec<UsernameOfPost>,
}

/// A user to add to a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct UsernameOfPost {
    // The contract does not require it, though a user without a name is none.
    #[schema(value_type = String, required = false)]
    pub username: AnyName,
}

/// Which groups are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListUserGroupsQuery {
    /// Only groups that this user is in.
    #[param(value_type = Option<String>)]
    pub contains_user: Option<AnyName>,
    /// Only the group with this name.
    #[param(value_type = Option<String>)]
    pub user_group_name: Option<AnyName>,
    /// Only groups that have a role in this account.
    #[param(value_type = Option<String>)]
    pub contains_account: Option<AnyName>,
}

/// Which roles are taken from a group: at least one of the two.
#[derive(Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteGroupRolesQuery {
    /// The grants to remove, by their `membership_id`; may be given several times.
    #[param(value_type = Option<Vec<String>>)]
    pub membership_id: Vec<String>,
    /// Removes all roles in these accounts: separated by commas, or given several times.
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false)]
    pub all_roles_for_account: Vec<String>,
}

/// Which users are taken out of a group.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteGroupUsersQuery {
    /// The users to remove; may be given several times.
    pub username: Vec<String>,
}
