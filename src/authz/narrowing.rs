//! What an API key leaves of the rights of its user.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::policy::Domain;

/// What an API key was narrowed to; an absent list narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Names of actions, the deployment's own among them.
    pub actions: Option<BTreeSet<String>>,
    /// Names of accounts.
    pub accounts: Option<BTreeSet<String>>,
    /// Where requests may come from.
    pub cidrs: Option<Vec<IpNet>>,
}

impl Narrowing {
    /// Whether the key leaves this action in this domain. The system is in no list of accounts.
    #[must_use]
    pub fn leaves(&self, action: &str, domain: Domain<'_>) -> bool {
        let domain_left = match domain {
            Domain::Account(name) => self.leaves_account(name),
            Domain::System => self.accounts.is_none(),
        };
        self.leaves_somewhere(action) && domain_left
    }

    /// Whether the key leaves anything in this account.
    #[must_use]
    pub fn leaves_account(&self, account: &str) -> bool {
        self.accounts.as_ref().is_none_or(|accounts| accounts.contains(account))
    }

    /// Whether the key leaves this action anywhere.
    #[must_use]
    pub fn leaves_somewhere(&self, action: &str) -> bool {
        self.actions.as_ref().is_none_or(|actions| actions.contains(action))
    }

    /// Whether a request may come from there. Without an address, only where none is asked for.
    #[must_use]
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        let Some(cidrs) = &self.cidrs else { return true };
        // An IPv4 client of a dual-stack listener has an IPv4-mapped address (RFC 4291, 2.5.5.2).
        address.is_some_and(|address| cidrs.iter().any(|cidr| cidr.contains(&address.to_canonical())))
    }

    /// About how many bytes of memory its lists take.
    #[must_use]
    pub fn size(&self) -> usize {
        /// What a name takes beside its letters, in the tree and in the allocator.
        const NAME: usize = 96;
        let names = self.actions.iter().chain(&self.accounts).flatten().map(|name| name.len() + NAME);
        let networks = self.cidrs.as_ref().map_or(0, |cidrs| size_of_val(cidrs.as_slice()));
        names.sum::<usize>() + networks
    }

    /// Whether whatever this one leaves, `wider` leaves too.
    #[must_use]
    pub fn is_within(&self, wider: &Self) -> bool {
        let cidrs_within = match (&self.cidrs, &wider.cidrs) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(narrow), Some(wide)) => narrow.iter().all(|cidr| wide.iter().any(|wide| wide.contains(cidr))),
        };
        is_within(self.actions.as_ref(), wider.actions.as_ref())
            && is_within(self.accounts.as_ref(), wider.accounts.as_ref())
            && cidrs_within
    }
}

fn is_within(narrow: Option<&BTreeSet<String>>, wide: Option<&BTreeSet<String>>) -> bool {
    match (narrow, wide) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(narrow), Some(wide)) => narrow.is_subset(wide),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowed(actions: Option<&[&str]>, accounts: Option<&[&str]>, cidrs: Option<&[&str]>) -> Narrowing {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Narrowing {
            actions: actions.map(set),
            accounts: accounts.map(set),
            cidrs: cidrs.map(|cidrs| cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect()),
        }
    }

    #[test]
    fn size_grows_with_the_lists() {
        let many: Vec<_> = (0..=255).map(|number| format!("10.0.{number}.0/24")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(Narrowing::default().size(), 0);
        assert!(narrowed(None, None, Some(&many)).size() >= 256 * 17);
        assert!(narrowed(Some(&["getImage"]), Some(&["acme", "croquet"]), None).size() > 3 * 96);
    }

    #[test]
    fn absent_lists_narrow_nothing_and_empty_ones_everything() {
        let acme = Domain::Account("acme");
        assert!(
            Narrowing::default().leaves("getImage", acme)
                && Narrowing::default().leaves("listAccounts", Domain::System)
        );
        assert!(!narrowed(Some(&[]), None, None).leaves("getImage", acme));
        assert!(!narrowed(None, Some(&[]), None).leaves("getImage", acme));
        assert!(!narrowed(None, None, Some(&[])).admits(Some("127.0.0.1".parse().unwrap())));
    }

    #[test]
    fn list_of_accounts_never_holds_the_system() {
        assert!(!narrowed(None, Some(&["system"]), None).leaves("listAccounts", Domain::System));
    }

    #[test]
    fn address_is_compared_in_its_canonical_form() {
        let narrow = narrowed(None, None, Some(&["10.0.0.0/8", "2001:db8::/32"]));
        for (address, admitted) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("2001:db8::1", true), ("::1", false)]
        {
            assert_eq!(narrow.admits(Some(address.parse().unwrap())), admitted, "{address}");
        }
        assert!(!narrow.admits(None));
    }

    #[test]
    fn only_the_same_or_less_is_within() {
        let wide = narrowed(Some(&["a", "b"]), None, Some(&["10.0.0.0/8"]));
        assert!(wide.is_within(&wide) && wide.is_within(&Narrowing::default()));
        assert!(narrowed(Some(&["a"]), Some(&["acme"]), Some(&["10.1.0.0/16"])).is_within(&wide));
        assert!(!narrowed(Some(&["a", "c"]), None, Some(&["10.0.0.0/8"])).is_within(&wide));
        assert!(!narrowed(Some(&["a"]), None, Some(&["0.0.0.0/0"])).is_within(&wide));
        assert!(!narrowed(Some(&["a"]), None, None).is_within(&wide));
    }
}
