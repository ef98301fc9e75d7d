//! What the configuration of an identity provider may say.

use super::{Mapping, MetadataSource, metadata::is_web_url, types::RbacManagerSamlConfiguration};
use crate::{
    authz::roles::RoleTable,
    error::{Error, Result},
    identity::accounts::rules::is_reserved,
    names::{AnyName, IdpName},
};

/// The longest text of a configuration, in bytes.
const LENGTH: usize = 1024;
/// The most patterns of a list.
const PATTERNS: usize = 100;

/// Where the metadata is to come from, and whom the provider's answers mean: checked, as far as it can be without the
/// metadata.
///
/// # Errors
/// 400 naming what is wrong.
pub fn checked(request: &RbacManagerSamlConfiguration, roles: &RoleTable) -> Result<(MetadataSource, Mapping)> {
    IdpName::parse(request.name.clone()).map_err(|why| Error::malformed("name", why.to_string()))?;
    for (field, text) in [
        ("sp_entity_id", Some(&request.sp_entity_id)),
        ("acs_url", Some(&request.acs_url)),
        ("default_account", request.default_account.as_ref()),
        ("default_role", request.default_role.as_ref()),
        ("idp_account_attribute", request.idp_account_attribute.as_ref()),
        ("idp_groups_attribute", request.idp_groups_attribute.as_ref()),
        ("idp_role_attribute", request.idp_role_attribute.as_ref()),
        ("idp_username_attribute", request.idp_username_attribute.as_ref()),
        ("idp_metadata_url", request.idp_metadata_url.as_ref()),
    ] {
        let possible = |text: &String| (1..=LENGTH).contains(&text.len()) && !text.chars().any(char::is_control);
        if !text.is_none_or(possible) {
            return Err(Error::malformed(field, "must have 1 to 1,024 bytes and no control character"));
        }
    }
    for (field, patterns) in
        [("allowed_accounts", &request.allowed_accounts), ("allowed_roles", &request.allowed_roles)]
    {
        let patterns = patterns.as_deref().unwrap_or_default();
        let possible = |pattern: &String| pattern.len() <= LENGTH && AnyName::parse(pattern.clone()).is_ok();
        if patterns.len() > PATTERNS || !patterns.iter().all(possible) {
            return Err(Error::malformed(field, "must be at most 100 patterns of 1 to 1,024 bytes, none with U+0000"));
        }
    }
    if !is_web_url(&request.acs_url) {
        return Err(Error::malformed("acs_url", "must be an absolute http or https URL"));
    }
    if request.acs_https_port == Some(0) {
        return Err(Error::malformed("acs_https_port", "must be a port, 1 to 65535"));
    }
    let source = match (&request.idp_metadata_url, &request.idp_metadata_xml) {
        (Some(url), None) => MetadataSource::Url(url.clone()),
        (None, Some(xml)) if xml.contains('\0') => return Err(Error::malformed("idp_metadata_xml", "contains U+0000")),
        (None, Some(xml)) => MetadataSource::Xml(xml.clone()),
        _ => return Err(refused("exactly one of idp_metadata_url and idp_metadata_xml must be given")),
    };
    Ok((source, mapping(request, roles)?))
}

fn mapping(request: &RbacManagerSamlConfiguration, roles: &RoleTable) -> Result<Mapping> {
    if request.default_role.is_some() && request.idp_role_attribute.is_some() {
        return Err(refused("default_role and idp_role_attribute exclude each other"));
    }
    if request.default_account.is_none() && request.idp_account_attribute.is_none() {
        return Err(refused("at least one of default_account and idp_account_attribute must be given"));
    }
    let mapping = Mapping {
        default_account: request.default_account.clone(),
        default_role: request.default_role.clone(),
        account_attribute: request.idp_account_attribute.clone(),
        groups_attribute: request.idp_groups_attribute.clone(),
        role_attribute: request.idp_role_attribute.clone(),
        username_attribute: request.idp_username_attribute.clone(),
        allowed_accounts: request.allowed_accounts.clone(),
        allowed_roles: request.allowed_roles.clone(),
        allow_account_creation: request.allow_account_creation,
    };
    if let Some(account) = &mapping.default_account {
        let why = if is_reserved(account) {
            "is reserved"
        } else {
            "must be the name of an account, and be allowed by allowed_accounts"
        };
        mapping.may_name_account(account).map_err(|_| Error::malformed("default_account", why))?;
    }
    if let Some(role) = &mapping.default_role
        && (roles.named(role).is_none() || mapping.may_name_role(role).is_err())
    {
        return Err(Error::malformed("default_role", "must be the name of a role, and be allowed by allowed_roles"));
    }
    Ok(mapping)
}

fn refused(why: &str) -> Error {
    Error::Refused(format!("Invalid identity provider configuration: {why}"))
}
