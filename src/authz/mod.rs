//! Who may do what: pure decisions, without HTTP and without SQL.
//!
//! [`action`] is the list of permissions, [`access`] what a route asks for, [`roles`] what a role grants, [`rights`]
//! what a user has of them, [`narrowing`] what an API key leaves of it, [`policy`] the decision.

pub mod access;
pub mod action;
pub mod narrowing;
pub mod policy;
pub mod rights;
pub mod roles;
