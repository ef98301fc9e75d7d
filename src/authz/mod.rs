//! Who may do what: pure decisions, without HTTP and without SQL.
//!
//! [`action`] is the list of permissions, [`access`] what a route asks for, [`roles`] what a role grants,
//! [`policy`] the decision.

pub mod access;
pub mod action;
pub mod policy;
pub mod roles;
