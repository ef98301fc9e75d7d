//! Accounts on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Account as StoredAccount;
use crate::{
    http::extract::{given, word},
    names::{AccountName, Email},
    timestamp::Timestamp,
};

/// The kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AccountType {
    User,
    /// Its users may do everything.
    Admin,
    /// Kedge's own, in no list.
    Service,
}

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum AccountState {
    Enabled,
    /// Its users are known, and refused.
    Disabled,
    /// Its users are gone; the rows and the names go when the collector comes.
    Deleting,
}

impl std::fmt::Display for AccountState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Deleting => "deleting",
        })
    }
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    name: String,
    #[serde(rename = "type")]
    #[schema(inline)]
    kind: AccountType,
    #[schema(inline)]
    state: AccountState,
    email: Option<String>,
    created_at: Timestamp,
    last_updated: Timestamp,
}

impl From<&StoredAccount> for Account {
    fn from(account: &StoredAccount) -> Self {
        Self {
            name: account.name.clone(),
            kind: account.kind,
            state: account.state,
            email: account.email.clone(),
            created_at: Timestamp(account.created_at),
            last_updated: Timestamp(account.last_updated),
        }
    }
}

/// All accounts, sorted by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountList(pub Vec<Account>);

/// The body of `POST /v2/accounts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct AccountCreationRequest {
    #[schema(value_type = String, pattern = "^[a-zA-Z0-9][ a-zA-Z0-9@.!$+=^_`~;-]{1,126}[a-zA-Z0-9_]$")]
    pub name: AccountName,
    #[schema(value_type = Option<String>, max_length = 320, pattern = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")]
    pub email: Option<Email>,
    /// Only `user` can be made.
    #[serde(rename = "type")]
    #[schema(ignore)]
    pub kind: Option<String>,
}

/// The body of `PUT /v2/accounts/{account_name}`: an email that is left out stays as it is, `null` removes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct AccountInfo {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 320, pattern = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")]
    pub email: Option<Option<Email>>,
}

/// The states that a request can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettableState {
    Enabled,
    Disabled,
}

impl From<SettableState> for AccountState {
    fn from(state: SettableState) -> Self {
        match state {
            SettableState::Enabled => Self::Enabled,
            SettableState::Disabled => Self::Disabled,
        }
    }
}

/// The state of an account, as the body and the answer of `PUT /v2/accounts/{account_name}/state`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct AccountStatus {
    // The contract does not require it, though nothing could be done without.
    #[serde(deserialize_with = "word")]
    #[schema(inline, required = false)]
    pub state: SettableState,
}

/// What `GET /v2/accounts` takes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListAccountsQuery {
    /// Only accounts in this state.
    #[param(inline)]
    pub state: Option<AccountState>,
}
