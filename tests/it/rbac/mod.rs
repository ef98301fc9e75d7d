//! `/v2/rbac-manager`: roles, who holds them, and what they are good for in which account.

mod domains;
mod ends;
mod hostile;
mod members;
mod members_delete;
mod members_refusals;
mod my_roles;
mod races;
mod roles;
mod unified;
mod user_roles;

/// The roles of the caller.
const MY_ROLES: &str = "/v2/rbac-manager/my-roles";
