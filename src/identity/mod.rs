//! Who there is: accounts, their users, what these sign in by, and what they hold.
//!
//! Each resource has the same rooms: `types` (what stands on the wire), `handlers` (an operation each, named as in
//! the contract), `store` (its SQL), `rules` where there are any. [`bootstrap`] makes what must exist from the first
//! start on, [`collector`] removes what has been deleted.

pub mod accounts;
pub mod api_keys;
pub mod bootstrap;
pub mod collector;
pub mod credentials;
pub mod oauth;
pub mod roles;
pub mod saml;
pub mod sessions;
pub mod user_groups;
pub mod users;
