//! Who may call what: the table of routes as a reviewer reads it, every route against every kind of caller and every
//! role, and who may do what to whom.

mod escalation;
mod matrix;
mod policy_model;
mod races;
mod roles_matrix;
mod table;
pub mod world;
