//! The server on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{error::ErrorKind, http::extract::word};

/// Which versions answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceVersion {
    pub service: VersionOfService,
    pub api: VersionOfApi,
    pub db: VersionOfDatabase,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfService {
    /// The level of Anchore's API that is spoken.
    pub version: &'static str,
    /// Kedge's own version.
    #[schema(extensions(("x-kedge-addition" = json!(true))))]
    pub kedge_version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfApi {
    /// Always `2`, a string.
    pub version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfDatabase {
    /// The newest migration of the database.
    pub schema_version: String,
}

/// How a service is.
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

/// A service of the deployment: Kedge is one.
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

#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceList(pub [Service; 1]);

#[derive(Debug, Serialize, ToSchema)]
pub struct SystemStatusResponse {
    pub service_states: ServiceList,
}

/// A word that `error_type` can be.
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

/// The services whose level a request may name. Here they are one process.
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

#[derive(Debug, Serialize, ToSchema)]
pub struct LoggingLevelResponse(pub [LoggingLevel; 1]);

/// How much there is of what a licence would count. Kedge sets no limits.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemResourceLimitsList {
    pub items: [SystemResourceLimit; 5],
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SystemResourceLimit {
    #[schema(inline)]
    pub name: ResourceName,
    pub warning_value: Option<i64>,
    pub limit_value: Option<i64>,
    pub current_value: i64,
    pub limit_exceeded: bool,
}

impl SystemResourceLimit {
    #[must_use]
    pub const fn unlimited(name: ResourceName, current_value: i64) -> Self {
        Self { name, warning_value: None, limit_value: None, current_value, limit_exceeded: false }
    }
}

/// What is counted. Of the first three Kedge has none.
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
