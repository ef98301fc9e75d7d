//! What V1 puts on the wire otherwise than V2, made from V2's.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::extract::given,
    identity::{
        accounts::AccountState,
        oauth::types::{ShownOnce, TokenRequest as TokenRequestOfV2, TokenResponse as TokenResponseOfV2},
        users::{UserType, types::User as UserOfV2},
    },
    secret::Secret,
    system::types::{
        Service as ServiceOfV2, ServiceVersion as ServiceVersionOfV2, StatusResponse,
        SystemStatusResponse as SystemStatusResponseOfV2, VersionOfDatabase, VersionOfService,
    },
    timestamp::Timestamp,
};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    username: String,
    #[serde(rename = "type")]
    #[schema(inline)]
    kind: UserType,
    source: Option<String>,
    created_at: Timestamp,
    last_updated: Timestamp,
}

impl From<UserOfV2> for User {
    fn from(user: UserOfV2) -> Self {
        Self {
            username: user.username,
            kind: user.kind,
            source: user.source,
            created_at: user.created_at,
            last_updated: user.last_updated,
        }
    }
}

/// The answer to deleting an account: the state it is in from then on.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedAccount {
    #[schema(inline)]
    state: AccountState,
}

impl DeletedAccount {
    pub const DELETING: Self = Self { state: AccountState::Deleting };
}

/// The form that requests a token. Without any field, the user and password are taken from the Basic header.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct TokenRequest {
    /// `password`, the only one that V1 knows.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, default = "password")]
    grant_type: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    username: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    password: Option<Secret>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, default = "anonymous")]
    client_id: Option<String>,
}

impl From<TokenRequest> for TokenRequestOfV2 {
    fn from(request: TokenRequest) -> Self {
        let TokenRequest { grant_type, username, password, client_id } = request;
        Self { grant_type, username, password, client_id, ..Self::default() }
    }
}

/// An access token, which is sent as `Authorization: Bearer`.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenResponse {
    #[schema(value_type = String)]
    access_token: ShownOnce,
    /// How long the token is valid, in seconds.
    #[schema(value_type = f64)]
    expires_in: u64,
    token_type: &'static str,
}

impl From<TokenResponseOfV2> for TokenResponse {
    fn from(response: TokenResponseOfV2) -> Self {
        let TokenResponseOfV2 { access_token, expires_in, token_type, .. } = response;
        Self { access_token, expires_in, token_type }
    }
}

/// The versions of the service and the database schema.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceVersion {
    service: VersionOfService,
    api: VersionOfApi,
    db: VersionOfDatabase,
}

/// Always empty: V1 never gave its version here.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOfApi {}

impl From<ServiceVersionOfV2> for ServiceVersion {
    fn from(version: ServiceVersionOfV2) -> Self {
        Self { service: version.service, api: VersionOfApi {}, db: version.db }
    }
}

/// A service of the deployment. Kedge is a single one.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the predecessor's names")]
pub struct Service {
    hostid: String,
    /// `apiext`, by which clients know the service that V2 calls `api`.
    servicename: &'static str,
    base_url: String,
    status_message: &'static str,
    service_detail: StatusResponse,
    status: bool,
    version: &'static str,
}

impl From<ServiceOfV2> for Service {
    fn from(service: ServiceOfV2) -> Self {
        Self {
            hostid: service.host_id,
            servicename: if service.service_name == "api" { "apiext" } else { service.service_name },
            base_url: service.base_url,
            status_message: service.status_message,
            service_detail: service.service_detail,
            status: service.status,
            version: service.version,
        }
    }
}

/// The services of the deployment and their status.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemStatusResponse {
    service_states: [Service; 1],
}

impl From<SystemStatusResponseOfV2> for SystemStatusResponse {
    fn from(status: SystemStatusResponseOfV2) -> Self {
        Self { service_states: status.service_states.0.map(Service::from) }
    }
}
