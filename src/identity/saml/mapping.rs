//! Whom an answer of an identity provider means here: its user, the accounts and the roles. Pure.
//!
//! What is configured must be there at every sign-in, though accounts and roles are applied at the first one only.

use super::{Mapping, protocol::Said};
use crate::{
    authz::roles::RoleTable,
    identity::accounts::rules::is_reserved,
    names::{AccountName, RESERVED, Username, shown},
};

/// The attribute that names groups, where the configuration names none.
const GROUPS: &str = "memberOf";

/// Whom the answer means.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    pub username: String,
    /// The account that a new user lives in.
    pub home: String,
    /// The accounts in which it gets the roles, the home among them or not.
    pub accounts: Vec<String>,
    pub roles: Vec<String>,
    /// The names of groups at the provider.
    pub groups: Vec<String>,
}

/// Why nobody is meant, in words for who signs in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    #[error("The identity provider did not send the attribute {0}.")]
    Missing(String),
    #[error("The identity provider names {what} {name}, which is not allowed.")]
    NotAllowed { what: &'static str, name: String },
    #[error("The identity provider names several accounts, but none of them is configured as the home of new users.")]
    NoHome,
    #[error("The identity provider names the role {0}, which does not exist.")]
    UnknownRole(String),
}

impl Mapping {
    /// What the provider calls the user, whether that can be a name here or not.
    ///
    /// # Errors
    /// That it does not say.
    pub fn username<'a>(&self, said: &'a Said) -> Result<&'a str, Unmapped> {
        match &self.username_attribute {
            None => Ok(&said.name_id),
            Some(attribute) => Ok(required(said, attribute)?.first().copied().unwrap_or_default()),
        }
    }

    /// # Errors
    /// Why nobody is meant.
    pub fn person(&self, said: &Said, roles: &RoleTable) -> Result<Person, Unmapped> {
        let username = self.username(said)?;
        if RESERVED.contains(&username) || Username::parse(username.to_owned()).is_err() {
            return Err(not_allowed("the user", username));
        }
        let accounts: Vec<&str> = match (&self.account_attribute, &self.default_account) {
            (Some(attribute), _) => required(said, attribute)?,
            (None, Some(account)) => vec![account],
            (None, None) => return Err(Unmapped::NoHome),
        };
        for account in &accounts {
            self.may_name_account(account)?;
        }
        let home = match (accounts.as_slice(), &self.default_account) {
            ([one], _) => *one,
            (_, Some(account)) => account,
            (_, None) => return Err(Unmapped::NoHome),
        };
        let named = match (&self.role_attribute, &self.default_role) {
            (Some(attribute), _) => required(said, attribute)?,
            (None, role) => role.as_deref().into_iter().collect(),
        };
        for role in &named {
            self.may_name_role(role)?;
            if roles.named(role).is_none() {
                return Err(Unmapped::UnknownRole(shown(role)));
            }
        }
        let groups = self.groups_attribute.as_deref().unwrap_or(GROUPS);
        Ok(Person {
            username: username.to_owned(),
            home: home.to_owned(),
            accounts: distinct(accounts),
            roles: distinct(named),
            groups: distinct(values(said, groups)),
        })
    }

    /// Whether every answer means this account alone, and names no roles itself.
    #[must_use]
    pub fn is_of_account(&self, account: &str) -> bool {
        self.account_attribute.is_none()
            && self.role_attribute.is_none()
            && self.default_account.as_deref() == Some(account)
    }

    /// # Errors
    /// That the provider may not name it.
    pub fn may_name_account(&self, account: &str) -> Result<(), Unmapped> {
        let possible = !is_reserved(account) && AccountName::parse(account.to_owned()).is_ok();
        if possible && is_among(account, self.allowed_accounts.as_deref()) {
            return Ok(());
        }
        Err(not_allowed("the account", account))
    }

    /// # Errors
    /// That the provider may not name it.
    pub fn may_name_role(&self, role: &str) -> Result<(), Unmapped> {
        if is_among(role, self.allowed_roles.as_deref()) { Ok(()) } else { Err(not_allowed("the role", role)) }
    }
}

fn not_allowed(what: &'static str, name: &str) -> Unmapped {
    Unmapped::NotAllowed { what, name: shown(name) }
}

/// The values of an attribute that are not empty.
fn values<'a>(said: &'a Said, attribute: &str) -> Vec<&'a str> {
    let found = said.attributes.iter().filter(|(name, _)| name == attribute);
    found.flat_map(|(_, values)| values).map(String::as_str).filter(|value| !value.is_empty()).collect()
}

/// The same of one that must be there: an empty value is none, whatever stands beside it.
fn required<'a>(said: &'a Said, attribute: &str) -> Result<Vec<&'a str>, Unmapped> {
    let all = said.attributes.iter().filter(|(name, _)| name == attribute).flat_map(|(_, values)| values);
    let found = values(said, attribute);
    if found.is_empty() || found.len() != all.count() {
        return Err(Unmapped::Missing(shown(attribute)));
    }
    Ok(found)
}

fn distinct(mut names: Vec<&str>) -> Vec<String> {
    // Sorted, so that two sign-ins lock the accounts in the same order.
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

fn is_among(name: &str, patterns: Option<&[String]>) -> bool {
    patterns.is_none_or(|patterns| patterns.iter().any(|pattern| matches(pattern, name)))
}

/// Whether the name is of the pattern, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(piece) = last.replace(piece) {
            let Some(at) = rest.find(piece) else { return false };
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
    }
    match last {
        // There was no `*`: the prefix is all there may be.
        None => rest.is_empty(),
        Some(end) => rest.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::matches;

    #[test]
    fn star_stands_for_any_text() {
        for (pattern, name, matching) in [
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "x", false),
            ("team", "team", true),
            ("team", "teams", false),
            ("team-*", "team-a", true),
            ("team-*", "team", false),
            ("*-team", "a-team", true),
            ("*-team", "a-team-b", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            // What the first star takes must leave the end for the last piece.
            ("*ab", "aab", true),
            ("a*a", "a", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, name), matching, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn pattern_means_what_a_regular_expression_of_it_means(pattern in "[abß*]{0,6}", name in "[abß]{0,6}") {
            let regex = Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(matches(&pattern, &name), regex.is_match(&name));
        }
    }
}
