//! Who can be made, and who cannot be deleted.

use sqlx::PgConnection;

use super::{User, UserType, types::UserCreationRequest};
use crate::{
    authn::caller::Caller,
    authz::{action::Action, policy::Domain, roles::RoleTable},
    db::WriteError,
    error::{Error, Result},
    identity::{
        accounts::Account,
        roles,
        saml::{self, Idp},
    },
    names::{NewPassword, RESERVED, shown},
    system::configurations::InForce,
};

/// The user that exists from the first start on and stays.
pub const ADMIN: &str = "admin";

/// How a new user will sign in.
#[derive(Debug)]
pub enum SignsIn {
    ByPassword(NewPassword),
    /// By the identity provider of that name.
    By(String),
}

/// How a new user will sign in, once everything else about the request is right.
///
/// # Errors
/// 400 with what is wrong.
pub fn signs_in(request: UserCreationRequest, settings: &InForce) -> Result<SignsIn> {
    let name = request.username.as_str();
    // The user `admin` exists, so that name runs into the rule about taken ones.
    if name != ADMIN && RESERVED.contains(&name) {
        return Err(Error::Refused(format!("Invalid user request: Cannot use name {name}")));
    }
    if request.user_type == Some(UserType::Saml) {
        if request.password.is_some() {
            return Err(Error::malformed("password", "cannot be given for a saml user"));
        }
        if name == ADMIN {
            return Err(Error::Refused(format!("Invalid user request: Cannot use name {name}")));
        }
        let idp = request.idp_name.filter(|idp| !idp.contains('\0'));
        return idp.map(SignsIn::By).ok_or_else(|| Error::malformed("idp_name", "is required for a saml user"));
    }
    if name.contains(':') {
        return Err(Error::malformed("username", "cannot have a colon: Basic authentication could not carry it"));
    }
    let password = request.password.ok_or_else(|| Error::malformed("password", "is required for a native user"))?;
    may_be_set(&password, settings)?;
    Ok(SignsIn::ByPassword(password))
}

/// The identity provider of that name, held as it is, if it may vouch for a user whom the caller makes in `account`.
///
/// A provider gives a user accounts, roles and groups at its first sign-in, and whoever makes a user takes its name
/// from the provider's people. So one who is no admin can use a provider only that is this account's alone, and gives
/// nothing that the caller could not.
///
/// # Errors
/// 400 where there is none, as far as the caller may know; the same refusal as for a missing permission.
pub async fn voucher(
    db: &mut PgConnection,
    roles: &RoleTable,
    caller: &Caller,
    account: &Account,
    name: &str,
) -> Result<Idp, WriteError> {
    // The names of disabled ones are for admins to know.
    let idp = saml::store::hold_by_name(db, name).await?.filter(|idp| idp.enabled || caller.is_admin());
    let unknown = || Error::Refused(format!("Invalid user request: Unknown identity provider {}", shown(name)));
    let idp = idp.ok_or_else(unknown)?;
    if caller.is_admin() {
        return Ok(idp);
    }
    let action = Action::CreateUser;
    let denied = || Domain::Account(&account.name).denies(action);
    if !idp.mapping.is_of_account(&account.name) || !saml::store::list_groups(db, idp.id).await?.is_empty() {
        return Err(denied().into());
    }
    if let Some(role) = &idp.mapping.default_role {
        let role = roles.named(role).ok_or_else(denied)?;
        roles::rules::may_hand_out(db, roles, caller, (account, role), action).await?;
    }
    Ok(idp)
}

/// Whether a password may be set.
///
/// # Errors
/// 400 where it is one of the commonest.
pub fn may_be_set(password: &NewPassword, settings: &InForce) -> Result<()> {
    if settings.refuse_common_passwords && password.is_common() {
        return Err(Error::Refused("This password is too common; choose another".to_owned()));
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
