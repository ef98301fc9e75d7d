//! How an account's state may change.

use super::{Account, AccountState, AccountType};
use crate::{
    error::{Error, Result},
    names::RESERVED,
};

/// The one account whose name would collide with a path: `GET /v2/accounts/users` lists users.
const UNREACHABLE: &str = "users";

/// Whether no account that is made may have this name, whoever makes it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name == UNREACHABLE
}

/// Whether a new account may have this name and type.
///
/// # Errors
/// 400 with what cannot be.
pub fn may_be_created(name: &str, kind: Option<&str>) -> Result<()> {
    if is_reserved(name) {
        return Err(Error::Refused(format!("Invalid account request: Cannot use name {name}")));
    }
    match kind {
        Some(kind) if kind != "user" => {
            Err(Error::Refused(format!("Invalid account request: Account type must be \"user\", found: {kind}")))
        }
        _ => Ok(()),
    }
}

/// Whether `account` may go into the state `to`. Going where it is already is allowed, but for `deleting`.
///
/// # Errors
/// 400 with the two states.
pub fn may_become(account: &Account, to: AccountState) -> Result<()> {
    use AccountState::{Deleting, Disabled, Enabled};
    if account.kind != AccountType::User {
        return match to {
            Enabled => Ok(()),
            Disabled => Err(Error::WrongState("Cannot disable the admin account".to_owned())),
            Deleting => Err(Error::WrongState("Account cannot be deleted".to_owned())),
        };
    }
    match (account.state, to) {
        (Enabled | Disabled, Enabled | Disabled) | (Disabled, Deleting) => Ok(()),
        (from, to) => {
            let why = format!("Invalid account state change requested. Cannot go from state {from} to state {to}");
            Err(Error::WrongState(why))
        }
    }
}

/// Whether anything about the account may still change.
///
/// # Errors
/// 400 while it is being deleted.
pub fn is_not_deleting(account: &Account) -> Result<()> {
    if account.state == AccountState::Deleting {
        return Err(Error::WrongState(format!("Account {} is being deleted", account.name)));
    }
    Ok(())
}
