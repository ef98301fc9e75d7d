//! How long a key may live, and what may change about it.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::{
    ApiKey, store,
    types::{ApiKeyChange, Cidr},
};
use crate::{
    authz::{action::Action, policy::Denial, rights::Rights, roles::RoleTable},
    config::UserAuthentication,
    error::{Error, Result},
    identity::users::{User, UserType},
    names::AnyName,
    system::configurations::InForce,
    timestamp::Timestamp,
};

/// When a new key expires.
///
/// # Errors
/// 400 where the moment asked for is past or too far away.
pub fn expiry(asked: Option<Timestamp>, now: OffsetDateTime, settings: &InForce) -> Result<OffsetDateTime> {
    let days = settings.max_api_key_age_days;
    let latest = now.replace_nanosecond(0).unwrap_or(now) + Duration::days(days.into());
    match asked {
        None => Ok(latest),
        Some(Timestamp(asked)) if asked <= now => Err(Error::malformed("expires_at", "must be in the future")),
        Some(Timestamp(asked)) if asked > latest => {
            Err(Error::malformed("expires_at", format!("must be at most {days} days from now")))
        }
        Some(Timestamp(asked)) => Ok(asked),
    }
}

/// Whether a user may have keys.
///
/// # Errors
/// 403 for a saml user, unless the configuration lets them.
pub fn may_have_keys(user: &User, settings: &UserAuthentication) -> Result<()> {
    if user.kind == UserType::Saml && !settings.allow_api_keys_for_saml_users {
        return Err(Denial::KeysOfSamlUsers.into());
    }
    Ok(())
}

/// Whether one more key may be made beside so many.
///
/// # Errors
/// 400 with the limit.
pub fn one_more(existing: i64, settings: &InForce) -> Result<()> {
    let most = settings.max_api_keys_per_user;
    if existing >= i64::from(most) {
        return Err(Error::TooMany(format!("A user can have at most {most} API keys: delete one first")));
    }
    Ok(())
}

/// The actions and accounts of a key that come from nowhere: all those of a new key (`before` is `None`), of a changed
/// one the lists that it did not have. Fewer of what was judged once need not be judged again.
#[must_use]
pub fn first_lists<'a>(before: Option<&ApiKey>, key: &'a ApiKey) -> (&'a [String], &'a [String]) {
    let had = |list: fn(&ApiKey) -> bool| before.is_some_and(list);
    let actions = key.actions.as_deref().filter(|_| !had(|key| key.actions.is_some()));
    let accounts = key.accounts.as_deref().filter(|_| !had(|key| key.accounts.is_some()));
    (actions.unwrap_or_default(), accounts.unwrap_or_default())
}

/// Whether a key may be narrowed to this: names of actions and accounts that its user holds.
///
/// # Errors
/// 400 naming what the user does not hold.
pub fn may_be_narrowed_to(
    (actions, accounts): (&[String], &[String]),
    rights: &Rights,
    roles: &RoleTable,
) -> Result<()> {
    let holds = |name: &str| match Action::named(name) {
        Some(action) => rights.may_somewhere(action),
        None => roles.knows_action(name) && rights.holds_own_somewhere(name),
    };
    if let Some(action) = actions.iter().find(|name| !holds(name)) {
        return Err(Error::Refused(format!("The user of the key does not hold the action {action}")));
    }
    if let Some(account) = accounts.iter().find(|name| !rights.reach(name)) {
        return Err(does_not_hold_account(account));
    }
    Ok(())
}

/// The answer for an account that is not the user's, or is not there.
#[must_use]
pub fn does_not_hold_account(account: &str) -> Error {
    Error::Refused(format!("The user of the key does not hold anything in the account {account}"))
}

/// The names as they are stored: each once, sorted.
#[must_use]
pub fn distinct(names: Option<&[AnyName]>) -> Option<Vec<String>> {
    let set = names?.iter().map(|name| name.as_str().to_owned()).collect::<BTreeSet<_>>();
    Some(set.into_iter().collect())
}

/// The networks as they are stored: each once, sorted.
#[must_use]
pub fn networks(cidrs: Option<&[Cidr]>) -> Option<Vec<String>> {
    let set = cidrs?.iter().map(|Cidr(network)| *network).collect::<BTreeSet<_>>();
    Some(set.into_iter().map(|network| network.to_string()).collect())
}

/// The key as it is after the change.
///
/// # Errors
/// 400 where nothing is to change, the expiry would move later or into the past, or the key would be widened.
pub fn changed(key: &ApiKey, change: &ApiKeyChange, now: OffsetDateTime) -> Result<ApiKey> {
    if change.is_empty() {
        return Err(Error::malformed("body", "must have at least one property that can be changed"));
    }
    let mut after = key.clone();
    if let Some(name) = &change.name {
        name.as_str().clone_into(&mut after.name);
    }
    if let Some(description) = &change.description {
        after.description = Some(description.as_str().to_owned());
    }
    if change.status.is_some() {
        after.revoked_at = key.revoked_at.or(Some(now));
    }
    if let Some(Timestamp(expires_at)) = change.expires_at {
        if expires_at > key.expires_at || expires_at <= now {
            return Err(Error::malformed(
                "expires_at",
                "can only be changed to an earlier time that is still in the future",
            ));
        }
        after.expires_at = expires_at;
    }
    narrow(&mut after, key, change)?;
    if after != *key {
        after.updated_at = now;
    }
    Ok(after)
}

fn narrow(after: &mut ApiKey, key: &ApiKey, change: &ApiKeyChange) -> Result<()> {
    after.actions = distinct(change.actions.as_deref()).or_else(|| key.actions.clone());
    after.accounts = distinct(change.accounts.as_deref()).or_else(|| key.accounts.clone());
    after.cidrs = networks(change.cidrs.as_deref()).or_else(|| key.cidrs.clone());
    let narrowing = |key: &ApiKey| store::narrowing(key.actions.clone(), key.accounts.clone(), key.cidrs.clone());
    if narrowing(after)?.is_within(&narrowing(key)?) {
        return Ok(());
    }
    Err(Error::Refused("A key can be narrowed further, never widened: actions, accounts, cidrs".to_owned()))
}
