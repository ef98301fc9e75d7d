//! The tests of Kedge as a client meets it: a real PostgreSQL, a real socket.
//!
//! The folders follow the URLs. Each test has its own database and its own server, so tests run in any order and at
//! the same time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something else than it expects has failed"
)]

mod accounts;
mod api_keys;
mod audit;
mod authentication;
mod authz;
mod cache;
mod collector;
mod commands;
mod configurations;
mod console;
mod credentials;
mod document;
mod errors;
mod faults;
mod forward_auth;
mod guessing;
mod listener;
mod managed;
mod metrics;
mod oauth;
mod rbac;
mod readme;
mod role_file;
mod saml;
mod secrets;
mod support;
mod system;
mod telemetry;
mod transactions;
mod user_groups;
mod users;
mod v1;
mod walkthroughs;
