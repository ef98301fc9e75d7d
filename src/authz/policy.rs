//! The one decision: may this principal do this action in this domain?

use super::action::Action;

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
    #[error("Not authorized. Account {account} not enabled.")]
    AccountNotEnabled { account: String },
    #[error("Not authorized. Operation not allowed with an API key")]
    NotWithApiKey,
}

/// Who asks, as far as a decision needs it.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    /// Users of the account `admin` are above roles.
    pub is_admin: bool,
    /// The name of the account that the user lives in.
    pub home: &'a str,
}

/// Where the action is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where<'a> {
    Account(&'a str),
    System,
}

impl Where<'_> {
    const fn name(&self) -> &str {
        match self {
            Self::Account(name) => name,
            Self::System => SYSTEM_DOMAIN,
        }
    }
}

/// Decides.
///
/// # Errors
/// The missing permission. Whether the account exists plays no part, so a refusal cannot tell.
pub fn permit(principal: Principal<'_>, action: Action, domain: Where<'_>) -> Result<(), Denial> {
    let at_home = domain == Where::Account(principal.home);
    if principal.is_admin || (at_home && WITHOUT_ROLE.contains(&action)) {
        return Ok(());
    }
    Err(Denial::Permission { domain: domain.name().to_owned(), action })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Principal<'_> = Principal { is_admin: false, home: "acme" };

    #[test]
    fn user_without_role_may_do_at_home_exactly_what_needs_none() {
        for action in Action::ALL {
            let allowed = permit(PLAIN, *action, Where::Account("acme")).is_ok();
            assert_eq!(allowed, WITHOUT_ROLE.contains(action), "{action}");
            assert!(permit(PLAIN, *action, Where::Account("other")).is_err(), "{action}");
            assert!(permit(PLAIN, *action, Where::System).is_err(), "{action}");
        }
    }

    #[test]
    fn account_named_like_the_system_is_not_the_system() {
        let principal = Principal { is_admin: false, home: SYSTEM_DOMAIN };
        assert!(permit(principal, Action::GetAccount, Where::System).is_err());
    }

    #[test]
    fn admin_may_do_everything_everywhere() {
        let admin = Principal { is_admin: true, home: "admin" };
        for action in Action::ALL {
            assert!(permit(admin, *action, Where::System).is_ok());
            assert!(permit(admin, *action, Where::Account("acme")).is_ok());
        }
    }

    #[test]
    fn refusal_reads_as_clients_expect() {
        let denial = permit(PLAIN, Action::CreateUser, Where::Account("acme")).unwrap_err();
        assert_eq!(denial.to_string(), "Not authorized. Requires permissions: domain=acme action=createUser target=*");
    }
}
