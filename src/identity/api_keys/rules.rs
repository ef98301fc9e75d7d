//! How long a key may live, and what may change about it.

use time::{Duration, OffsetDateTime};

use super::{ApiKey, types::ApiKeyChange};
use crate::{
    config::UserAuthentication,
    error::{Error, Result},
    timestamp::Timestamp,
};

/// When a new key expires.
///
/// # Errors
/// 400 where the moment asked for is past or too far away.
pub fn expiry(asked: Option<Timestamp>, now: OffsetDateTime, settings: &UserAuthentication) -> Result<OffsetDateTime> {
    let days = settings.max_api_key_age_days;
    let latest = now.replace_nanosecond(0).unwrap_or(now) + Duration::days(days.into());
    match asked {
        None => Ok(latest),
        Some(Timestamp(asked)) if asked <= now => Err(Error::malformed("expires_at", "must be in the future")),
        Some(Timestamp(asked)) if asked > latest => {
            Err(Error::malformed("expires_at", format!("must be at most {days} days away")))
        }
        Some(Timestamp(asked)) => Ok(asked),
    }
}

/// Whether one more key may be made beside so many.
///
/// # Errors
/// 400 with the limit.
pub fn one_more(existing: i64, settings: &UserAuthentication) -> Result<()> {
    let most = settings.max_api_keys_per_user;
    if existing >= i64::from(most) {
        return Err(Error::TooMany(format!("A user can have at most {most} API keys: delete one first")));
    }
    Ok(())
}

/// The key as it is after the change.
///
/// # Errors
/// 400 where nothing is to change, or the expiry would move later or into the past.
pub fn changed(key: &ApiKey, change: &ApiKeyChange, now: OffsetDateTime) -> Result<ApiKey> {
    let mut after = key.clone();
    if change.name.is_none() && change.description.is_none() && change.status.is_none() && change.expires_at.is_none() {
        return Err(Error::malformed("body", "must have at least one of name, description, status and expires_at"));
    }
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
            return Err(Error::malformed("expires_at", "can only be moved earlier, to a moment in the future"));
        }
        after.expires_at = expires_at;
    }
    if after != *key {
        after.updated_at = now;
    }
    Ok(after)
}
