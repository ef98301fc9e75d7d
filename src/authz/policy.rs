//! The one decision: may this principal do this action in this domain?

use super::{action::Action, narrowing::Narrowing, rights::Rights};

/// What a principal may do in the account it lives in without any role.
pub const WITHOUT_ROLE: [Action; 6] = [
    Action::GetAccount,
    Action::SelfCreateApiKey,
    Action::SelfDeleteApiKey,
    Action::SelfGetApiKey,
    Action::SelfListApiKeys,
    Action::SelfUpdateApiKey,
];

/// The name that stands for the whole system where a domain is named.
pub const SYSTEM_DOMAIN: &str = "system";

/// Why a request was refused. The texts are known to clients.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("Not authorized. Requires permissions: domain={domain} action={action} target=*")]
    Permission { domain: String, action: Action },
    /// The denial of an action of the deployment's own.
    #[error("Not authorized. Requires permissions: domain={domain} action={action} target=*")]
    OwnPermission { domain: String, action: String },
    #[error("Not authorized. Account {account} not enabled.")]
    AccountNotEnabled { account: String },
    #[error("Not authorized. Operation not allowed with an API key")]
    NotWithApiKey,
    #[error("Not authorized. API keys are not allowed for SAML users")]
    KeysOfSamlUsers,
    /// Of an operation that has no action.
    #[error("Not authorized. Requires permissions: domain=system action=* target=*")]
    NotAdmin,
    /// Of what only a page of the console may ask.
    #[error("Not authorized. Only for pages of the console")]
    OtherSite,
    /// Whoever an identity provider vouches for is not let in, for this reason.
    #[error("Not authorized. {0}")]
    SignIn(String),
    /// An answer of an identity provider that does not count: why is not for whoever brings it.
    #[error("Not authorized. The response of the identity provider was not accepted.")]
    NotAccepted,
}

/// Where an action is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain<'a> {
    Account(&'a str),
    System,
}

impl Domain<'_> {
    const fn name(&self) -> &str {
        match self {
            Self::Account(name) => name,
            Self::System => SYSTEM_DOMAIN,
        }
    }

    /// The refusal of `action` here.
    #[must_use]
    pub fn denies(&self, action: Action) -> Denial {
        Denial::Permission { domain: self.name().to_owned(), action }
    }
}

/// Decides: what the user may do, less what the key that signs in was narrowed to.
///
/// # Errors
/// The missing permission. Whether the account exists plays no part, so a refusal cannot tell.
pub fn permit(
    rights: &Rights,
    narrowing: Option<&Narrowing>,
    action: Action,
    domain: Domain<'_>,
) -> Result<(), Denial> {
    let held = match domain {
        Domain::Account(name) => rights.may(action, name),
        Domain::System => rights.is_admin(),
    };
    if held && narrowing.is_none_or(|narrowing| narrowing.leaves(action.name(), domain)) {
        return Ok(());
    }
    Err(domain.denies(action))
}

/// Decides the same of an action of the deployment's own.
///
/// # Errors
/// The missing permission.
pub fn permit_own(rights: &Rights, narrowing: Option<&Narrowing>, action: &str, account: &str) -> Result<(), Denial> {
    let left = narrowing.is_none_or(|narrowing| narrowing.leaves(action, Domain::Account(account)));
    if left && rights.may_own(action, account) {
        return Ok(());
    }
    Err(Denial::OwnPermission { domain: account.to_owned(), action: action.to_owned() })
}

/// Decides whether the user has anything to do in the account: what is asked where no action is named.
///
/// # Errors
/// The missing permission to see the account, the least there is.
pub fn permit_reach(rights: &Rights, narrowing: Option<&Narrowing>, account: &str) -> Result<(), Denial> {
    if rights.reach(account) && narrowing.is_none_or(|narrowing| narrowing.leaves_account(account)) {
        return Ok(());
    }
    Err(Domain::Account(account).denies(Action::GetAccount))
}

/// Whether there is an account in which the user may do the action.
#[must_use]
pub fn is_permitted_somewhere(rights: &Rights, narrowing: Option<&Narrowing>, action: Action) -> bool {
    rights.may_somewhere(action) && narrowing.is_none_or(|narrowing| narrowing.leaves_somewhere(action.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(home: &str) -> Rights {
        Rights::new(false, home)
    }

    #[test]
    fn user_without_role_may_do_at_home_exactly_what_needs_none() {
        let plain = plain("acme");
        for action in Action::ALL {
            let allowed = permit(&plain, None, *action, Domain::Account("acme")).is_ok();
            assert_eq!(allowed, WITHOUT_ROLE.contains(action), "{action}");
            assert!(permit(&plain, None, *action, Domain::Account("other")).is_err(), "{action}");
            assert!(permit(&plain, None, *action, Domain::System).is_err(), "{action}");
        }
    }

    #[test]
    fn account_named_like_the_system_is_not_the_system() {
        assert!(permit(&plain(SYSTEM_DOMAIN), None, Action::GetAccount, Domain::System).is_err());
    }

    #[test]
    fn admin_may_do_everything_everywhere() {
        let admin = Rights::new(true, "admin");
        for action in Action::ALL {
            assert!(permit(&admin, None, *action, Domain::System).is_ok());
            assert!(permit(&admin, None, *action, Domain::Account("acme")).is_ok());
        }
    }

    #[test]
    fn narrowed_key_takes_from_the_admin_too() {
        let admin = Rights::new(true, "admin");
        let narrowing = Narrowing { actions: Some(["getUser".to_owned()].into()), ..Narrowing::default() };
        assert!(permit(&admin, Some(&narrowing), Action::GetUser, Domain::Account("acme")).is_ok());
        assert!(permit(&admin, Some(&narrowing), Action::ListUsers, Domain::Account("acme")).is_err());
    }

    #[test]
    fn refusal_reads_as_clients_expect() {
        let denial = permit(&plain("acme"), None, Action::CreateUser, Domain::Account("acme")).unwrap_err();
        assert_eq!(denial.to_string(), "Not authorized. Requires permissions: domain=acme action=createUser target=*");
    }
}
