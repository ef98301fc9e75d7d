//! Identity providers on the wire.

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use utoipa::ToSchema;

use super::{Idp, MetadataSource, store};
use crate::{http::extract::given, names::AnyName, secret::Secret, timestamp::Timestamp};

/// The configuration of an identity provider.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(expecting = "an object")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct RbacManagerSamlConfiguration {
    #[schema(pattern = "^[a-zA-Z0-9_-]+$", max_length = 128)]
    pub name: String,
    /// Whether users can sign in through this provider. Existing sessions and keys keep working either way.
    pub enabled: bool,
    /// The entity id of Kedge at the provider: the audience of its assertions.
    pub sp_entity_id: String,
    /// The URL to which the provider's responses are sent: their recipient and destination.
    pub acs_url: String,
    /// The port of `acs_url`, if that is an https URL without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i32, required = false, minimum = 1, maximum = 65535)]
    pub acs_https_port: Option<u16>,
    /// The account of new users, unless an attribute names another.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub default_account: Option<String>,
    /// The role of new users in their account. Cannot be combined with `idp_role_attribute`.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub default_role: Option<String>,
    /// The attribute that names the account. It must be present at every sign-in.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idp_account_attribute: Option<String>,
    /// The attribute that names groups of the provider; `memberOf` if left out.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idp_groups_attribute: Option<String>,
    /// The attribute that names roles. It must be present at every sign-in.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idp_role_attribute: Option<String>,
    /// The attribute that names the user, instead of the `NameID`.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idp_username_attribute: Option<String>,
    /// The URL from which the provider's metadata is fetched regularly. Cannot be combined with `idp_metadata_xml`.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idp_metadata_url: Option<String>,
    /// The provider's metadata itself. Cannot be combined with `idp_metadata_url`.
    #[serde(default, deserialize_with = "not_empty", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub idp_metadata_xml: Option<String>,
    /// Whether only existing users can sign in. Returned as true if the configuration of the deployment requires it of
    /// every provider.
    #[serde(default)]
    #[schema(required = false, default = false)]
    pub require_existing_users: bool,
    /// Whether the assertion itself must be signed.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub require_signed_assertions: bool,
    /// Whether the response must be signed. Even if neither is required to be, one of the two must be signed.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub require_signed_response: bool,
    /// Whether responses are accepted that answer no request.
    #[serde(default)]
    #[schema(required = false, default = false, extensions(("x-kedge-addition" = json!(true))))]
    pub allow_unsolicited: bool,
    /// Whether assertions that answer no request can be exchanged for tokens (RFC 7522). False does not turn the
    /// exchange off: an assertion that answers the request of an API client is always exchanged and, with
    /// `allow_unsolicited`, so is one that answers none.
    #[serde(default)]
    #[schema(required = false, default = false, extensions(("x-kedge-addition" = json!(true))))]
    pub allow_assertion_grant: bool,
    /// Whether accounts that do not exist are created.
    #[serde(default = "yes")]
    #[schema(required = false, default = true, extensions(("x-kedge-addition" = json!(true))))]
    pub allow_account_creation: bool,
    /// Patterns of the accounts that the provider may name, where `*` stands for any text. Left out: any account with a
    /// name that is not reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false, extensions(("x-kedge-addition" = json!(true))))]
    pub allowed_accounts: Option<Vec<String>>,
    /// Patterns of the roles that the provider may name. Left out: any role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false, extensions(("x-kedge-addition" = json!(true))))]
    pub allowed_roles: Option<Vec<String>>,
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, read_only, required = false)]
    pub created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "ignored", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, read_only, required = false)]
    pub last_updated: Option<Timestamp>,
}

const fn yes() -> bool {
    true
}

/// A text that says something: forms send an empty one for a field that nobody filled.
fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// A property that is not the caller's to set.
fn ignored<'de, T: Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| T::default())
}

impl RbacManagerSamlConfiguration {
    /// A stored configuration, in a deployment that requires existing users of every provider or does not.
    #[must_use]
    pub fn new(idp: Idp, all_require_existing_users: bool) -> Self {
        let (idp_metadata_url, idp_metadata_xml) = match idp.metadata_source {
            MetadataSource::Url(url) => (Some(url), None),
            MetadataSource::Xml(xml) => (None, Some(xml)),
        };
        Self {
            name: idp.name,
            enabled: idp.enabled,
            sp_entity_id: idp.sp_entity_id,
            acs_url: idp.acs_url,
            acs_https_port: idp.acs_https_port,
            default_account: idp.mapping.default_account,
            default_role: idp.mapping.default_role,
            idp_account_attribute: idp.mapping.account_attribute,
            idp_groups_attribute: idp.mapping.groups_attribute,
            idp_role_attribute: idp.mapping.role_attribute,
            idp_username_attribute: idp.mapping.username_attribute,
            idp_metadata_url,
            idp_metadata_xml,
            require_existing_users: idp.require_existing_users || all_require_existing_users,
            require_signed_assertions: idp.require_signed_assertions,
            require_signed_response: idp.require_signed_response,
            allow_unsolicited: idp.allow_unsolicited,
            allow_assertion_grant: idp.allow_assertion_grant,
            allow_account_creation: idp.mapping.allow_account_creation,
            allowed_accounts: idp.mapping.allowed_accounts,
            allowed_roles: idp.mapping.allowed_roles,
            created_at: Some(Timestamp(idp.created_at)),
            last_updated: Some(Timestamp(idp.last_updated)),
        }
    }
}

/// The configuration of an identity provider, and the groups that are mapped to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerSamlConfigurationGet {
    #[serde(flatten)]
    pub configuration: RbacManagerSamlConfiguration,
    #[schema(required = false)]
    pub user_groups: Vec<UserGroupOfIdp>,
}

/// A group that is mapped to the provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserGroupOfIdp {
    #[schema(required = false)]
    added_on: Timestamp,
    #[schema(required = false)]
    user_group: String,
}

impl From<store::MappedGroup> for UserGroupOfIdp {
    fn from(group: store::MappedGroup) -> Self {
        Self { added_on: Timestamp(group.mapped_at), user_group: group.name }
    }
}

/// A group that is mapped to the provider, which names its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerIdpUserGroup {
    user_group_uuid: String,
    #[schema(required = false)]
    user_group_name: String,
    #[schema(required = false)]
    mapped_on: Timestamp,
}

/// The groups that are mapped to the provider, sorted by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerIdpUserGroups(pub Vec<RbacManagerIdpUserGroup>);

impl From<Vec<store::MappedGroup>> for RbacManagerIdpUserGroups {
    fn from(groups: Vec<store::MappedGroup>) -> Self {
        let group = |group: store::MappedGroup| RbacManagerIdpUserGroup {
            user_group_uuid: group.id.to_string(),
            user_group_name: group.name,
            mapped_on: Timestamp(group.mapped_at),
        };
        Self(groups.into_iter().map(group).collect())
    }
}

/// Groups to map to the provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct RbacManagerIdpUserGroupPost {
    // The contract does not require it, though nothing could be done without.
    #[schema(value_type = Vec<String>, required = false)]
    pub user_group_uuids: Vec<AnyName>,
}

/// Which groups are no longer mapped.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteIdpUserGroupQuery {
    /// The ids of the groups; may be given several times.
    pub user_group: Vec<String>,
}

/// The answer to a step of a sign-in: from `login` the URL of the provider's sign-in page, from `sso` an access token.
#[derive(Debug, Serialize, ToSchema)]
pub struct RbacManagerTokenResponse {
    pub token: String,
}

/// The form with the provider's response.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SamlResponseForm {
    /// The response, in base64.
    // The contract does not say it, though nothing could be done without.
    #[serde(rename = "SAMLResponse", default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub response: Option<Secret>,
    /// The page of the console to which the browser returns.
    #[serde(rename = "RelayState", default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    pub relay_state: Option<String>,
}

/// What a request to sign in takes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LoginQuery {
    /// Kedge's addition: the page of the console to which the browser returns after the sign-in.
    #[serde(rename = "RelayState")]
    #[param(required = false)]
    pub relay_state: Option<String>,
}
