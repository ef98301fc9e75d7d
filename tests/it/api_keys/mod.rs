//! API keys: `/v2/user/api-keys`, and the same of a user of an account.

mod create;
mod delete;
mod expiry;
mod get;
mod last_used;
mod list;
mod names;
mod narrowed;
mod narrowed_further;
mod narrowed_store;
mod narrowed_use;
mod owners;
mod patch;
mod races;
mod use_of_key;

use kedge::clock::Clock;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use time::{OffsetDateTime, macros::datetime};

use crate::support::{Client, Options, Server};

/// The keys of the caller.
const KEYS: &str = "/v2/user/api-keys";

/// The moment at which a test with a fixed clock begins.
const NOON: OffsetDateTime = datetime!(2026-11-22 12:00:00.75 UTC);

/// The path of one of the caller's keys.
fn key_path(name: &str) -> String {
    format!("{KEYS}/{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// A Kedge whose clock stands at `moment`, with the user alice of the account tea-party.
async fn alice_at(moment: OffsetDateTime) -> (Server, Client) {
    alice_with(Options { clock: Some(Clock::fixed(moment)), ..Options::default() }).await
}

/// A Kedge like that, with the user alice of the account tea-party.
async fn alice_with(options: Options) -> (Server, Client) {
    let server = Server::start_with(options).await;
    let alice = server.user("tea-party", "alice").await;
    (server, alice)
}
