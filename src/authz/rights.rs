//! What a user may do, account by account, and how two users compare.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    action::Action,
    policy::WITHOUT_ROLE,
    roles::{Grants, Role},
};

/// What is held in one account, from all roles together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// `*`. A list of actions, however complete, does not amount to it.
    everything: bool,
    actions: BTreeSet<Action>,
    /// Actions of the deployment's own, `x-…`.
    own: BTreeSet<String>,
}

impl Powers {
    /// What a role gives.
    #[must_use]
    pub fn of(role: &Role) -> Self {
        match &role.grants {
            Grants::Everything => Self { everything: true, ..Self::default() },
            Grants::Only { actions, own } => Self { everything: false, actions: actions.clone(), own: own.clone() },
        }
    }

    fn add(&mut self, other: Self) {
        self.everything |= other.everything;
        self.actions.extend(other.actions);
        self.own.extend(other.own);
    }

    /// Whether the action is among them.
    #[must_use]
    pub fn has(&self, action: Action) -> bool {
        !action.is_systems() && (self.everything || self.actions.contains(&action))
    }

    /// Whether an action of the deployment's own is among them.
    #[must_use]
    pub fn has_own(&self, action: &str) -> bool {
        self.everything || self.own.contains(action)
    }

    /// Whether all of `other` is among them.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        self.everything
            || (!other.everything && other.actions.is_subset(&self.actions) && other.own.is_subset(&self.own))
    }

    /// Whether all identity actions of `other` are among them.
    #[must_use]
    pub fn cover_identity_of(&self, other: &Self) -> bool {
        let mut identity = other.actions.iter().filter(|action| action.is_about_identity());
        self.everything || (!other.everything && identity.all(|action| self.actions.contains(action)))
    }
}

/// What a user may do.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Users of the account `admin` are above roles.
    is_admin: bool,
    /// The name of the account that the user lives in.
    home: String,
    /// By the name of the account.
    accounts: BTreeMap<String, Powers>,
}

impl Rights {
    /// The rights of a user without any role.
    #[must_use]
    pub fn new(is_admin: bool, home: &str) -> Self {
        Self { is_admin, home: home.to_owned(), accounts: BTreeMap::new() }
    }

    /// Adds what `role` gives in the account.
    pub fn grant(&mut self, account: &str, role: &Role) {
        self.accounts.entry(account.to_owned()).or_default().add(Powers::of(role));
    }

    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// Whether the user may do the action in the account.
    #[must_use]
    pub fn may(&self, action: Action, account: &str) -> bool {
        self.is_admin
            || (account == self.home && WITHOUT_ROLE.contains(&action))
            || self.accounts.get(account).is_some_and(|powers| powers.has(action))
    }

    /// Whether the user may do the action in any account.
    #[must_use]
    pub fn may_somewhere(&self, action: Action) -> bool {
        self.is_admin || WITHOUT_ROLE.contains(&action) || self.accounts.values().any(|powers| powers.has(action))
    }

    /// Whether the user holds this action of the deployment's own in the account.
    #[must_use]
    pub fn may_own(&self, action: &str, account: &str) -> bool {
        self.is_admin || self.accounts.get(account).is_some_and(|powers| powers.has_own(action))
    }

    /// Whether the user holds this action of the deployment's own in any account.
    #[must_use]
    pub fn holds_own_somewhere(&self, action: &str) -> bool {
        self.is_admin || self.accounts.values().any(|powers| powers.has_own(action))
    }

    /// Whether the user has anything to do in the account.
    #[must_use]
    pub fn reach(&self, account: &str) -> bool {
        self.is_admin || account == self.home || self.accounts.contains_key(account)
    }

    /// What the user has in the account, what needs no role among it.
    fn powers_in(&self, account: &str) -> Powers {
        let mut powers = self.accounts.get(account).cloned().unwrap_or_default();
        if account == self.home {
            powers.actions.extend(WITHOUT_ROLE);
        }
        powers
    }

    /// No escalation, rule 1: a role is granted or taken away only by who holds all its identity actions there.
    #[must_use]
    pub fn may_hand_out(&self, role: &Role, account: &str) -> bool {
        self.is_admin || self.powers_in(account).cover_identity_of(&Powers::of(role))
    }

    /// No escalation, rule 2, the half about the home account: a user is deleted only by who has all identity
    /// actions that the user has there.
    #[must_use]
    pub fn may_delete(&self, target: &Self) -> bool {
        let here = self.powers_in(&target.home).cover_identity_of(&target.powers_in(&target.home));
        self.is_admin || (!target.is_admin && here)
    }

    /// No escalation, rule 2 whole: a way into a user (a password, a key) is made only by who has, besides, all
    /// actions that the user has elsewhere.
    #[must_use]
    pub fn may_enter(&self, target: &Self) -> bool {
        let elsewhere = target.accounts.iter().filter(|(account, _)| **account != target.home);
        self.may_delete(target)
            && (self.is_admin || elsewhere.into_iter().all(|(account, powers)| self.powers_in(account).cover(powers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What needs no role is had at home without one, so a user who has just that there is no reason to refuse.
    #[test]
    fn what_needs_no_role_counts_where_users_are_compared() {
        let actions = [Action::GetAccount].into();
        let grants = Grants::Only { actions, own: BTreeSet::new() };
        let visitor = Role { name: "visitor".to_owned(), description: String::new(), grants, since: None };
        let mut target = Rights::new(false, "acme");
        target.grant("home", &visitor);
        assert!(Rights::new(false, "home").may_enter(&target));
        assert!(!Rights::new(false, "elsewhere").may_enter(&target));
    }
}
