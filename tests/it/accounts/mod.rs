//! `/v2/account` and `/v2/accounts`.

mod create;
mod delete;
mod get;
mod header;
mod list;
mod races;
mod state;
mod update;
