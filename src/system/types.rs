//! The server on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{error::ErrorKind, http::extract::word};

/// The versions of the API, the service and the database schema.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceVersion {
    pub service: VersionOfService,
    pub api: VersionOfApi,
    pub db: VersionOfDatabase,
}

/// The version of the service.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfService {
    /// The version of Anchore Enterprise whose API this is.
    pub version: &'static str,
    /// Kedge's own version.
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    pub kedge_version: &'static str,
}

/// The version of the API.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfApi {
    /// Always the string `2`.
    pub version: &'static str,
}

/// The version of the database schema.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfDatabase {
    /// The number of the newest migration of the database.
    pub schema_version: String,
}

/// The status of a service.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusResponse {
    pub available: bool,
    pub busy: bool,
    pub up: bool,
    pub message: &'static str,
    pub version: &'static str,
    pub db_version: String,
    #[schema(value_type = Object)]
    pub detail: serde_json::Map<String, serde_json::Value>,
}

/// A service of the deployment. Kedge is a single one.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
pub struct Service {
    pub host_id: String,
    pub service_name: &'static str,
    pub base_url: String,
    pub status_message: &'static str,
    pub service_detail: StatusResponse,
    pub status: bool,
    pub version: &'static str,
}

/// The services of the deployment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceList(pub [Service; 1]);

/// The status of the deployment.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemStatusResponse {
    pub service_states: ServiceList,
}

/// A value of `error_type`, with its meaning.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnchoreErrorCode {
    name: &'static str,
    description: &'static str,
}

impl From<&ErrorKind> for AnchoreErrorCode {
    fn from(kind: &ErrorKind) -> Self {
        Self { name: kind.name(), description: kind.description() }
    }
}

/// The service. Kedge is a single process, `api`; `all` means the same, the others are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceName {
    All,
    Analyzer,
    Api,
    Catalog,
    Notifications,
    Reports,
    ReportsWorker,
    Simplequeue,
    PolicyEngine,
}

/// The level; `default` is the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelName {
    /// The configured one.
    Default,
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl LevelName {
    /// The level under the name that the log knows; `None` for the configured one.
    #[must_use]
    pub const fn level(self) -> Option<&'static str> {
        match self {
            Self::Default => None,
            Self::Trace => Some("trace"),
            Self::Debug => Some("debug"),
            Self::Info => Some("info"),
            Self::Warning => Some("warn"),
            Self::Error | Self::Critical => Some("error"),
        }
    }
}

/// The log level of a service.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct LoggingLevel {
    #[serde(deserialize_with = "word")]
    #[schema(inline)]
    pub service_name: ServiceName,
    #[serde(deserialize_with = "word")]
    #[schema(inline)]
    pub logging_level: LevelName,
}

/// The log levels of the services that were changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoggingLevelResponse(pub [LoggingLevel; 1]);

/// The numbers that a licence would limit. Kedge sets no limits.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemResourceLimitsList {
    pub items: [SystemResourceLimit; 5],
}

/// A number that a licence would limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemResourceLimit {
    #[schema(inline)]
    pub name: ResourceName,
    /// Always null: there is no limit.
    pub warning_value: Option<i64>,
    /// Always null: there is no limit.
    pub limit_value: Option<i64>,
    /// How many there are now.
    pub current_value: i64,
    /// Always false: there is no limit.
    pub limit_exceeded: bool,
}

impl SystemResourceLimit {
    #[must_use]
    pub const fn unlimited(name: ResourceName, current_value: i64) -> Self {
        Self { name, warning_value: None, limit_value: None, current_value, limit_exceeded: false }
    }
}

/// What is counted. Kedge has none of the first three.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the contract's names")]
pub enum ResourceName {
    SbomInventory,
    ReportInventory,
    ReportExecutionInventory,
    AccountInventory,
    UserInventory,
}
