//! `/v2/system/user-groups` and `/v2/my-user-groups`.

mod groups;
mod hostile;
mod members;
mod mine;
mod races;
mod refusals;
mod roles;

/// The groups of the deployment.
const GROUPS: &str = "/v2/system/user-groups";
