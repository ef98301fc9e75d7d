//! What a route asks of its caller, declared beside the route and nowhere else.
//!
//! There is no default: an [`Access`] is finished only by saying which account counts and whether an API key will do.
//!
//! ```
//! use kedge::authz::{access::Access, action::Action};
//!
//! let access = Access::action(Action::CreateApiKey)
//!     .in_path_account()
//!     .or_self(Action::SelfCreateApiKey)
//!     .not_with_api_key();
//! assert_eq!(access.action_name(), "createApiKey");
//! ```

use super::action::Action;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone may call: no credential is looked at.
    Public,
    /// Anyone who is signed in.
    SignedIn(ApiKeys),
    /// Users of the account `admin`.
    Admins(ApiKeys),
    /// Who may do the action in the domain.
    Permitted(Permission, ApiKeys),
}

/// Whether an API key will do for the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeys {
    Allowed,
    /// Never, whoever the key's user is.
    Refused,
}

/// An action, and where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    pub action: Action,
    pub domain: DomainSource,
    /// The action asked for instead where the path names the caller in the caller's own account.
    pub self_twin: Option<Action>,
}

/// Which account, or the whole system, an action is asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainSource {
    /// The account that the path names as `account_name`.
    PathAccount,
    /// The account that `x-anchore-account` names, else the caller's.
    CallerAccount,
    /// The account that the request names as `domain_name` or `for_account`, in its body or its query; where it may
    /// name none, the account as of [`DomainSource::CallerAccount`]. The handler reads it and asks.
    RequestAccount,
    /// The account that the caller lives in, whatever the request says.
    CallerHome,
    /// No account: the system, which is for admins.
    System,
}

impl Access {
    /// Anyone may call.
    #[must_use]
    pub const fn public() -> Self {
        Self::Public
    }

    /// Anyone who is signed in; with a key or not must be said.
    #[must_use]
    pub const fn signed_in() -> Unfinished<()> {
        Unfinished(())
    }

    /// Users of the account `admin`, for what has no action; with a key or not must be said.
    #[must_use]
    pub const fn admins() -> Unfinished<Admins> {
        Unfinished(Admins)
    }

    /// Who may do `action`; where must be said.
    #[must_use]
    pub const fn action(action: Action) -> Unplaced {
        Unplaced(action)
    }

    /// `x-anchore-authz-action` of the document: the action's name, or `None`.
    #[must_use]
    pub const fn action_name(self) -> &'static str {
        match self {
            Self::Permitted(permission, _) => permission.action.name(),
            Self::Public | Self::SignedIn(_) | Self::Admins(_) => "None",
        }
    }
}

/// An access that does not yet say where.
#[derive(Clone, Copy, Debug)]
pub struct Unplaced(Action);

impl Unplaced {
    #[must_use]
    pub const fn in_path_account(self) -> Unfinished<Permission> {
        self.placed(DomainSource::PathAccount)
    }

    #[must_use]
    pub const fn in_caller_account(self) -> Unfinished<Permission> {
        self.placed(DomainSource::CallerAccount)
    }

    #[must_use]
    pub const fn in_request_account(self) -> Unfinished<Permission> {
        self.placed(DomainSource::RequestAccount)
    }

    #[must_use]
    pub const fn in_caller_home(self) -> Unfinished<Permission> {
        self.placed(DomainSource::CallerHome)
    }

    #[must_use]
    pub const fn in_system(self) -> Unfinished<Permission> {
        self.placed(DomainSource::System)
    }

    const fn placed(self, domain: DomainSource) -> Unfinished<Permission> {
        Unfinished(Permission { action: self.0, domain, self_twin: None })
    }
}

/// An access that does not yet say whether an API key will do.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished<T>(T);

impl Unfinished<()> {
    #[must_use]
    pub const fn with_api_key(self) -> Access {
        Access::SignedIn(ApiKeys::Allowed)
    }

    #[must_use]
    pub const fn not_with_api_key(self) -> Access {
        Access::SignedIn(ApiKeys::Refused)
    }
}

/// What an access of admins is before it is finished.
#[derive(Clone, Copy, Debug)]
pub struct Admins;

impl Unfinished<Admins> {
    #[must_use]
    pub const fn not_with_api_key(self) -> Access {
        Access::Admins(ApiKeys::Refused)
    }
}

impl Unfinished<Permission> {
    /// Asks for `twin` instead where the path names the caller in the caller's own account.
    #[must_use]
    pub const fn or_self(self, twin: Action) -> Self {
        Self(Permission { self_twin: Some(twin), ..self.0 })
    }

    #[must_use]
    pub const fn with_api_key(self) -> Access {
        Access::Permitted(self.0, ApiKeys::Allowed)
    }

    #[must_use]
    pub const fn not_with_api_key(self) -> Access {
        Access::Permitted(self.0, ApiKeys::Refused)
    }
}
