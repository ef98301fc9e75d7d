//! `/v2/user`, `/v2/accounts/users` and `/v2/accounts/{account_name}/users`.

mod create;
mod delete;
mod get;
mod passwords;
