//! Who can be made, and who cannot be deleted.

use super::{User, types::UserCreationRequest};
use crate::{
    config::UserAuthentication,
    error::{Error, Result},
    identity::users::UserType,
    names::{NewPassword, RESERVED},
};

/// The user that exists from the first start on and stays.
pub const ADMIN: &str = "admin";

/// The password of a new native user, once everything else about the request is right.
///
/// # Errors
/// 400 with what is wrong.
pub fn password_of_new(request: UserCreationRequest, settings: &UserAuthentication) -> Result<NewPassword> {
    let name = request.username.as_str();
    // The user `admin` exists, so that name runs into the rule about taken ones.
    if name != ADMIN && RESERVED.contains(&name) {
        return Err(Error::Refused(format!("Invalid user request: Cannot use name {name}")));
    }
    if request.user_type == Some(UserType::Saml) {
        return Err(match request.idp_name {
            None => Error::malformed("idp_name", "is required for a saml user"),
            Some(idp) => Error::Refused(format!("Invalid user request: Unknown identity provider {idp}")),
        });
    }
    if name.contains(':') {
        return Err(Error::malformed("username", "cannot have a colon: Basic authentication could not carry it"));
    }
    let password = request.password.ok_or_else(|| Error::malformed("password", "is required for a native user"))?;
    may_be_set(&password, settings)?;
    Ok(password)
}

/// Whether a password may be set.
///
/// # Errors
/// 400 where it is one of the commonest.
pub fn may_be_set(password: &NewPassword, settings: &UserAuthentication) -> Result<()> {
    if settings.refuse_common_passwords && password.is_common() {
        return Err(Error::Refused("This password is among the first that guessers try, choose another".to_owned()));
    }
    Ok(())
}

/// Whether `user` may be deleted by the caller of that name.
///
/// # Errors
/// 400 for the admin and for oneself.
pub fn may_be_deleted(user: &User, caller: &str) -> Result<()> {
    let why = match user.username.as_str() {
        ADMIN => "User not allowed to be deleted due to system constraints",
        name if name == caller => "Cannot delete credential used for authentication of the request",
        _ => return Ok(()),
    };
    Err(Error::Refused(why.to_owned()))
}
