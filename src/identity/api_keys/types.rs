//! API keys on the wire.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr,
        schema::{Schema, Type},
    },
};

use super::ApiKey;
use crate::{
    authn::api_key::{FORMAT, hint},
    http::extract::{ReadOnly, given, word},
    names::{AnyName, Description, KeyName},
    secret::Secret,
    timestamp::Timestamp,
};
use time::OffsetDateTime;

/// The status of a key. Only an `active` one authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    Active,
    Expired,
    Revoked,
}

impl KeyStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Which keys are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListApiKeysQuery {
    /// Kedge's addition: only keys with this status.
    #[param(inline)]
    pub status: Option<KeyStatus>,
}

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserApiKey {
    /// Unique among the user's keys, deleted ones aside.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    expires_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The version of the format of the value.
    version: &'static str,
    /// The key itself, present only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    value: Option<ShownOnce>,
    #[schema(inline)]
    status: KeyStatus,
    /// When the key was last used, to the minute; updated a few seconds after the use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, extensions(("x-kedge-addition" = json!(true))))]
    last_used_at: Option<Timestamp>,
    /// The first 4 characters of the value after `kedge_`.
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    hint: String,
    /// The actions that the key is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    actions: Option<Vec<String>>,
    /// The accounts that the key is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    accounts: Option<Vec<String>>,
    /// The networks that the key may be used from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    cidrs: Option<Vec<String>>,
}

/// The value of a key, on its only way out.
#[derive(Debug)]
struct ShownOnce(Secret);

impl Serialize for ShownOnce {
    #[expect(clippy::disallowed_methods, reason = "the one answer that shows the value of a key: its creation")]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.reveal())
    }
}

impl UserApiKey {
    /// The record of a key, as it stands at `now`.
    #[must_use]
    pub fn new(key: ApiKey, now: OffsetDateTime) -> Self {
        Self {
            status: status(&key, now),
            hint: hint(&key.id).to_owned(),
            name: key.name,
            description: key.description,
            expires_at: Timestamp(key.expires_at),
            created_at: Timestamp(key.created_at),
            updated_at: Timestamp(key.updated_at),
            version: FORMAT,
            value: None,
            last_used_at: key.last_used_at.map(Timestamp),
            actions: key.actions,
            accounts: key.accounts,
            cidrs: key.cidrs,
        }
    }

    /// The record with the value in it.
    #[must_use]
    pub fn showing(self, value: Secret) -> Self {
        Self { value: Some(ShownOnce(value)), ..self }
    }
}

fn status(key: &ApiKey, now: OffsetDateTime) -> KeyStatus {
    if key.revoked_at.is_some() {
        KeyStatus::Revoked
    } else if key.expires_at <= now {
        KeyStatus::Expired
    } else {
        KeyStatus::Active
    }
}

/// The keys of a user, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyList {
    pub items: Vec<UserApiKey>,
}

/// A key to create. Properties that only the server sets are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct NewApiKey {
    /// 1 to 128 characters, without control characters and `/`; neither `.` nor `..`.
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub name: KeyName,
    #[schema(value_type = Option<String>, max_length = 1024)]
    pub description: Option<Description>,
    // Not `date-time` in what is sent: generated clients would write its offset in another way than the pattern has it.
    /// A time in the future, no later than the deployment allows; left out, the latest time allowed.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
    pub expires_at: Option<Timestamp>,
    /// Limits the key to these of its user's actions.
    #[serde(default, deserialize_with = "short")]
    #[schema(value_type = Option<Vec<String>>, max_items = 256, extensions(("x-kedge-addition" = json!(true))))]
    pub actions: Option<Vec<AnyName>>,
    /// Limits the key to these of its user's accounts.
    #[serde(default, deserialize_with = "short")]
    #[schema(value_type = Option<Vec<String>>, max_items = 256, extensions(("x-kedge-addition" = json!(true))))]
    pub accounts: Option<Vec<AnyName>>,
    /// Limits the key to requests from these networks, such as `10.0.0.0/8` or `2001:db8::/32`.
    #[serde(default, deserialize_with = "short")]
    #[schema(value_type = Option<Vec<String>>, max_items = 256, extensions(("x-kedge-addition" = json!(true))))]
    pub cidrs: Option<Vec<Cidr>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    pub created_at: ReadOnly,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    pub updated_at: ReadOnly,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    pub version: ReadOnly,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    pub value: ReadOnly,
    #[serde(default)]
    #[schema(value_type = Option<KeyStatus>, inline, read_only)]
    pub status: ReadOnly,
}

/// A change of a key: at least one of these properties, and no others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
#[serde(deny_unknown_fields)]
pub struct ApiKeyChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 128)]
    pub name: Option<KeyName>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    pub description: Option<Description>,
    /// A revoked key stays revoked.
    #[serde(default, deserialize_with = "revoked")]
    #[schema(value_type = Revoked, required = false)]
    pub status: Option<Revoked>,
    /// A time in the future, earlier than the present one.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$", extensions(("x-kedge-addition" = json!(true))))]
    pub expires_at: Option<Timestamp>,
    /// A subset of those that the key has.
    #[serde(default, deserialize_with = "short_not_null")]
    #[schema(value_type = Vec<String>, required = false, max_items = 256, extensions(("x-kedge-addition" = json!(true))))]
    pub actions: Option<Vec<AnyName>>,
    /// A subset of those that the key has.
    #[serde(default, deserialize_with = "short_not_null")]
    #[schema(value_type = Vec<String>, required = false, max_items = 256, extensions(("x-kedge-addition" = json!(true))))]
    pub accounts: Option<Vec<AnyName>>,
    /// Networks within those that the key has.
    #[serde(default, deserialize_with = "short_not_null")]
    #[schema(value_type = Vec<String>, required = false, max_items = 256, extensions(("x-kedge-addition" = json!(true))))]
    pub cidrs: Option<Vec<Cidr>>,
}

/// IPv4-mapped networks as what they are: addresses are compared in that form, too.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let v4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    let v4 = v4.and_then(|(address, length)| ipnet::Ipv4Net::new(address, length).ok());
    v4.map_or(network, IpNet::V4)
}

impl ApiKeyChange {
    /// Whether it would change nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let Self { name, description, status, expires_at, actions, accounts, cidrs } = self;
        name.is_none()
            && description.is_none()
            && status.is_none()
            && expires_at.is_none()
            && actions.is_none()
            && accounts.is_none()
            && cidrs.is_none()
    }
}

/// A network; an address alone is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(pub IpNet);

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        // Host bits mean nothing, so none are kept.
        network
            .map(|network| Self(canonical(network.trunc())))
            .map_err(|_| D::Error::custom("must be a network such as 10.0.0.0/8 or 2001:db8::/32, or an address"))
    }
}

/// The one status that a change may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoked {
    Revoked,
}

impl PartialSchema for Revoked {
    // Derived, an enum of one becomes an object.
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["revoked"]))
            .description(Some("The one status to set."))
            .into()
    }
}

impl ToSchema for Revoked {}

/// How many items a list that narrows may have.
const MOST_ITEMS: usize = 256;

/// A list that is not too long, or none.
fn short<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    let list = Option::<Vec<T>>::deserialize(deserializer)?;
    if list.as_ref().is_some_and(|list| list.len() > MOST_ITEMS) {
        return Err(D::Error::custom(format!("must have at most {MOST_ITEMS} items")));
    }
    Ok(list)
}

/// As [`short`], and not null.
fn short_not_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<T>>, D::Error> {
    match short(deserializer)? {
        None => Err(D::Error::custom("must be a list, not null")),
        list => Ok(list),
    }
}

/// As [`given`], for the enum.
fn revoked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Revoked>, D::Error> {
    word(deserializer).map(Some)
}
