//! The configuration on the wire.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type},
    },
};

use super::{
    rules::{self, Kind},
    store::Stored,
};
use crate::{config::Listed, timestamp::Timestamp};

/// The keys of the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemConfigurationList {
    #[schema(required = false)]
    pub items: Vec<SystemConfiguration>,
}

/// A key of the configuration, its value, and whether it can be changed.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the contract has them")]
pub struct SystemConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, read_only)]
    uuid: Option<String>,
    key: String,
    #[schema(value_type = SystemConfigurationValue)]
    value: Value,
    #[schema(required = false)]
    requires_system_restart: bool,
    #[schema(required = false)]
    category: String,
    #[schema(required = false)]
    config_schema: SystemConfigurationSchema,
    #[schema(required = false)]
    title: String,
    #[schema(required = false)]
    description: String,
    #[schema(value_type = SystemConfigurationValue, required = false)]
    default_value: Value,
    #[schema(inline, required = false)]
    source: ConfigurationSource,
    #[schema(required = false)]
    is_editable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    editable_reason: Option<&'static str>,
    #[schema(required = false)]
    is_secret: bool,
    #[schema(required = false)]
    is_deprecated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    deprecated_reason: Option<&'static str>,
    #[schema(required = false)]
    is_system_internal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false, read_only)]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false, read_only)]
    updated_at: Option<Timestamp>,
}

/// Where the value comes from.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "the contract has all four")]
enum ConfigurationSource {
    Default,
    InheritedDefault,
    Api,
    ConfigFile,
}

/// The values that a key can have. Kedge gives the type, the bounds and whether it is a list, and leaves the rest null.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct SystemConfigurationSchema {
    #[schema(inline, required = false)]
    data_type: DataType,
    #[schema(value_type = SystemConfigurationValue, required = false)]
    default_value: Value,
    #[schema(value_type = Option<f64>, required = false)]
    ge: Option<i64>,
    #[schema(value_type = Option<f64>, required = false)]
    gt: Option<i64>,
    #[schema(value_type = Option<f64>, required = false)]
    le: Option<i64>,
    #[schema(value_type = Option<f64>, required = false)]
    lt: Option<i64>,
    #[schema(value_type = Option<f64>, required = false)]
    multiple_of: Option<i64>,
    #[schema(value_type = Option<bool>, required = false)]
    is_array: Option<bool>,
    #[schema(required = false)]
    allow_inf_nan: Option<bool>,
    #[schema(required = false)]
    decimal_places: Option<i64>,
    #[serde(rename = "enum")]
    #[schema(required = false)]
    words: Option<Vec<String>>,
    #[schema(required = false)]
    max_digits: Option<i64>,
    #[schema(required = false)]
    max_items: Option<i64>,
    #[schema(required = false)]
    min_items: Option<i64>,
    #[schema(required = false)]
    max_length: Option<i64>,
    #[schema(required = false)]
    min_length: Option<i64>,
    #[schema(required = false)]
    regex: Option<String>,
    #[schema(required = false)]
    unique_items: Option<bool>,
}

/// The type of the value.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "the contract has all five")]
enum DataType {
    #[default]
    String,
    Integer,
    Number,
    Boolean,
    StringEnum,
}

/// A value as the document has it; it is read as any JSON, and then judged by its key.
#[derive(Debug)]
pub struct SystemConfigurationValue;

impl PartialSchema for SystemConfigurationValue {
    fn schema() -> RefOr<Schema> {
        let of = |kind| ObjectBuilder::new().schema_type(kind);
        let item = OneOfBuilder::new().item(of(Type::String)).item(of(Type::Integer)).item(of(Type::Object));
        OneOfBuilder::new()
            .item(of(Type::Null))
            .item(of(Type::String))
            .item(of(Type::Number))
            .item(of(Type::Boolean).enum_values(Some([true, false])))
            .item(ArrayBuilder::new().items(item))
            .description(Some("A value of the configuration."))
            .into()
    }
}

impl ToSchema for SystemConfigurationValue {}

/// The new value of a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct SystemConfigurationPut {
    pub key: String,
    #[schema(value_type = SystemConfigurationValue)]
    #[serde(deserialize_with = "any")]
    pub value: Value,
}

/// Whatever is there, null too; but it must be there.
fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Value::deserialize(deserializer)
}

/// The new values of keys: either all of them are set, or none.
#[derive(Debug, ToSchema)]
pub struct SystemConfigurationPatch(#[schema(inline)] pub Vec<SystemConfigurationPut>);

impl SystemConfiguration {
    /// A key, and what was changed of it.
    #[must_use]
    pub fn new(key: Listed, stored: Option<&Stored>) -> Self {
        let editable_reason = rules::read_only(&key);
        let stored = stored.filter(|_| editable_reason.is_none());
        let source = if key.is_given {
            ConfigurationSource::ConfigFile
        } else if stored.is_some() {
            ConfigurationSource::Api
        } else {
            ConfigurationSource::Default
        };
        let (category, name) = key.path.rsplit_once('.').unwrap_or(("general", &key.path));
        Self {
            uuid: stored.map(|stored| stored.id.to_string()),
            value: stored.map_or(key.value, |stored| stored.value.clone()),
            requires_system_restart: rules::kind(&key.path).is_none(),
            category: category.to_owned(),
            title: name.replace('_', " "),
            config_schema: SystemConfigurationSchema::new(&key.path, &key.default),
            key: key.path,
            description: key.description,
            default_value: key.default,
            source,
            is_editable: editable_reason.is_none(),
            editable_reason,
            is_secret: key.is_secret,
            is_deprecated: false,
            deprecated_reason: None,
            is_system_internal: false,
            created_at: stored.map(|stored| Timestamp(stored.created_at)),
            updated_at: stored.map(|stored| Timestamp(stored.updated_at)),
        }
    }
}

impl SystemConfigurationSchema {
    fn new(path: &str, default: &Value) -> Self {
        let (ge, le) = match rules::kind(path) {
            Some(Kind::Number(from, to, _)) => (Some(from), Some(to)),
            _ => (None, None),
        };
        let data_type = match default {
            Value::Bool(_) => DataType::Boolean,
            Value::Number(number) if number.is_f64() => DataType::Number,
            Value::Number(_) => DataType::Integer,
            _ => DataType::String,
        };
        let is_array = Some(default.is_array());
        Self { data_type, default_value: default.clone(), ge, le, is_array, ..Self::default() }
    }
}
