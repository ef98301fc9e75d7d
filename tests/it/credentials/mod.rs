//! `/v2/user/credentials` and `/v2/accounts/{account_name}/users/{username}/credentials`.

mod delete;
mod list;
mod set;
