//! Single sign-on by SAML 2.0 (OASIS, 2005, with errata 05): Kedge is the service provider.
//!
//! [`handlers`] are the operations on the configurations of identity providers, [`rules`] what one may say;
//! [`metadata`] reads the provider's metadata, [`fetch`] gets it by its URL and [`refresh`] keeps it up to date.
//! [`doors`] are the operations of a sign-in: the request goes out at one, the answer comes in at another, [`pages`]
//! are what a browser is shown there, and [`sign_in`] is the way from the answer to a session. [`protocol`] finds out
//! what the answer says, [`mapping`] whom it means here (pure), and [`provision`] makes and keeps the user. [`sp_key`]
//! is our own key.

pub mod doors;
pub mod fetch;
pub mod handlers;
pub mod mapping;
pub mod metadata;
pub mod pages;
pub mod protocol;
pub mod provision;
pub mod refresh;
pub mod rules;
pub mod sign_in;
pub mod sign_in_store;
pub mod sp_key;
pub mod store;
pub mod trail;
pub mod types;

use time::OffsetDateTime;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    authz::access::Access,
    http::routes::{Body, Routes, TimeLimit},
};
use metadata::Metadata;

/// The largest form that carries a message: 256 KiB in base64, percent-encoded where it must be, and a little more.
pub const FORM_LIMIT: usize = 512 * 1024;

/// An identity provider as it is stored.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Idp {
    pub id: Uuid,
    pub name: String,
    pub enabled: bool,
    pub sp_entity_id: String,
    pub acs_url: String,
    pub acs_https_port: Option<u16>,
    pub mapping: Mapping,
    pub metadata_source: MetadataSource,
    /// What was read of the last good copy.
    pub metadata: Metadata,
    pub refresh_at: Option<OffsetDateTime>,
    /// The deployment may require it of all.
    pub require_existing_users: bool,
    pub require_signed_assertions: bool,
    pub require_signed_response: bool,
    pub allow_unsolicited: bool,
    pub allow_assertion_grant: bool,
    pub created_at: OffsetDateTime,
    pub last_updated: OffsetDateTime,
}

/// Whom an answer of an identity provider means here.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    pub default_account: Option<String>,
    pub default_role: Option<String>,
    pub account_attribute: Option<String>,
    pub groups_attribute: Option<String>,
    pub role_attribute: Option<String>,
    pub username_attribute: Option<String>,
    /// Patterns; `None`: any but the reserved ones.
    pub allowed_accounts: Option<Vec<String>>,
    pub allowed_roles: Option<Vec<String>>,
    pub allow_account_creation: bool,
}

/// Where the metadata comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataSource {
    Url(String),
    Xml(String),
}

impl Idp {
    /// Where answers must be sent to: the URL, with the port where one is set for https.
    #[must_use]
    pub fn acs(&self) -> String {
        let Some(port) = self.acs_https_port else { return self.acs_url.clone() };
        let Some(rest) = self.acs_url.strip_prefix("https://") else { return self.acs_url.clone() };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let has_port = authority.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
        if has_port { self.acs_url.clone() } else { format!("https://{authority}:{port}{path}") }
    }
}

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    let public = Access::public();
    let admins = Access::admins().not_with_api_key();
    let short = TimeLimit::SHORT;
    routes
        .on(public, Body::None, short, routes!(handlers::list_idps))
        .on(admins, Body::Json, TimeLimit::LONG, routes!(handlers::add_idp))
        .on(admins, Body::None, short, routes!(handlers::get_idp))
        .on(admins, Body::Json, TimeLimit::LONG, routes!(handlers::update_idp))
        .on(admins, Body::None, TimeLimit::LONG, routes!(handlers::delete_idp))
        .on(admins, Body::None, short, routes!(handlers::get_idp_user_groups))
        .on(admins, Body::Json, short, routes!(handlers::add_idp_user_groups))
        .on(admins, Body::None, short, routes!(handlers::delete_idp_user_group))
        .on(public, Body::None, short, routes!(doors::saml_metadata))
        .on(public, Body::None, short, routes!(doors::saml_login))
        .on(public, Body::Form(FORM_LIMIT), short, routes!(doors::saml_sso))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_for_https_is_that_of_a_url_without_one() {
        let acs = |acs_url: &str, acs_https_port| {
            let source = MetadataSource::Url(String::new());
            let metadata = Metadata {
                entity_id: String::new(),
                sso_url: String::new(),
                certificates: Vec::new(),
                wants_signed_requests: false,
                valid_until: None,
            };
            Idp {
                id: Uuid::nil(),
                name: String::new(),
                enabled: true,
                sp_entity_id: String::new(),
                acs_url: acs_url.to_owned(),
                acs_https_port,
                mapping: Mapping::default(),
                metadata_source: source,
                metadata,
                refresh_at: None,
                require_existing_users: false,
                require_signed_assertions: true,
                require_signed_response: true,
                allow_unsolicited: false,
                allow_assertion_grant: false,
                created_at: OffsetDateTime::UNIX_EPOCH,
                last_updated: OffsetDateTime::UNIX_EPOCH,
            }
            .acs()
        };
        for (url, port, expected) in [
            ("https://kedge.test/acs", None, "https://kedge.test/acs"),
            ("https://kedge.test/acs", Some(8443), "https://kedge.test:8443/acs"),
            ("https://kedge.test", Some(8443), "https://kedge.test:8443"),
            ("https://kedge.test:444/acs", Some(8443), "https://kedge.test:444/acs"),
            ("https://[::1]/acs:x", Some(8443), "https://[::1]:8443/acs:x"),
            ("https://[::1]:444/acs", Some(8443), "https://[::1]:444/acs"),
            ("http://kedge.test/acs", Some(8443), "http://kedge.test/acs"),
        ] {
            assert_eq!(acs(url, port), expected);
        }
    }
}
