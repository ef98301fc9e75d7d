//! Whether the caller may, and what the service behind the proxy is told of it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    authn::caller::Known,
    authz::{
        action::Action,
        policy::{self, Domain},
        roles::RoleTable,
    },
    error::{Error, Result},
};

/// What stays as it is in a header: what is unreserved in a URL (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How long a header may be, in bytes: proxies have limits, too.
const LONGEST: usize = 4 * 1024;

/// Whether the caller may do the action in the account; without an action, whether it has anything to do there.
///
/// # Errors
/// 403, or 400 for an action that the deployment does not know.
pub fn permit(caller: &Known, table: &RoleTable, action: Option<&str>, account: &str) -> Result<()> {
    let (rights, narrowing) = (&caller.rights, caller.narrowing());
    let Some(name) = action else { return Ok(policy::permit_reach(rights, narrowing, account)?) };
    match Action::named(name) {
        Some(action) => {
            let domain = if action.is_systems() { Domain::System } else { Domain::Account(account) };
            Ok(policy::permit(rights, narrowing, action, domain)?)
        }
        None if table.knows_action(name) => Ok(policy::permit_own(rights, narrowing, name, account)?),
        None => Err(Error::malformed("action", "is not an action known to this deployment")),
    }
}

/// A name as the value of a header.
#[must_use]
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// The names of the roles that the caller has in the account, as many as fit. None for a key that was narrowed to some
/// actions: it may do less than the roles say, so who goes by them would be misled.
#[must_use]
pub fn roles(caller: &Known, table: &RoleTable, account: &str) -> String {
    let narrowed = caller.narrowing().is_some_and(|key| key.actions.is_some());
    let held = caller.roles.iter().filter(|held| !narrowed && held.account == account);
    let mut names: Vec<_> = held.map(|held| &held.role).filter(|role| table.named(role).is_some()).collect();
    names.sort_unstable();
    names.dedup();
    let mut list = String::new();
    for name in names {
        let name = encoded(name);
        if list.len() + name.len() + 1 > LONGEST {
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&name);
    }
    list
}
