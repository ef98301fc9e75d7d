//! The operations on the server itself.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use serde_json::json;

use super::{
    API_LEVEL, KEDGE_VERSION,
    types::{
        AnchoreErrorCode, LoggingLevel, LoggingLevelResponse, ResourceName, Service, ServiceList, ServiceName,
        ServiceVersion, StatusResponse, SystemResourceLimit, SystemResourceLimitsList, SystemStatusResponse,
        VersionOfApi, VersionOfDatabase, VersionOfService,
    },
};
use crate::{
    audit,
    error::{Error, ErrorKind, Result},
    http::Json,
    identity::{accounts::store as accounts, users::store as users},
    metrics,
    state::App,
};

/// Which API this is
#[utoipa::path(get, path = "/v2/", tag = "System", responses((status = 200, body = String, content_type = "application/json")))]
pub async fn ping() -> Json<&'static str> {
    Json("v2")
}

/// Which API this is
///
/// The same without the slash: clients try their base URL first, and nothing is redirected.
#[utoipa::path(get, path = "/v2", tag = "System", responses((status = 200, body = String, content_type = "application/json")),
    extensions(("x-kedge-addition" = json!(true))))]
pub async fn ping_bare() -> Json<&'static str> {
    ping().await
}

/// Whether the process is alive
#[utoipa::path(get, path = "/v2/health", tag = "System", responses((status = 200)))]
pub async fn health_check() -> StatusCode {
    StatusCode::OK
}

/// Whether the process is alive
#[utoipa::path(get, path = "/health", tag = "System", responses((status = 200)),
    extensions(("x-kedge-addition" = json!(true))))]
pub async fn health() -> StatusCode {
    health_check().await
}

/// Whether the database can be used
#[utoipa::path(get, path = "/ready", tag = "System", responses((status = 200), (status = 503)),
    extensions(("x-kedge-addition" = json!(true))))]
pub async fn ready(State(app): State<App>) -> Result<StatusCode> {
    app.db.check().await?;
    Ok(StatusCode::OK)
}

/// Metrics
///
/// In the `OpenMetrics` 1.0 format, which Prometheus reads. 404 unless `metrics.enabled` is set.
#[utoipa::path(get, path = "/metrics", tag = "System", extensions(("x-kedge-addition" = json!(true))),
    responses((status = 200, description = "The metrics", body = String, content_type = "application/openmetrics-text"),
              (status = 404)))]
pub async fn get_metrics(State(app): State<App>) -> Result<Response> {
    if !app.config.metrics.enabled {
        return Err(Error::NotFound { what: "Metrics" });
    }
    let text = metrics::text(&app).map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response())
}

/// The versions of API, service and schema
#[utoipa::path(get, path = "/v2/version", tag = "System", responses((status = 200, body = ServiceVersion)))]
pub async fn version_check(State(app): State<App>) -> Json<ServiceVersion> {
    Json(ServiceVersion {
        service: VersionOfService { version: API_LEVEL, kedge_version: KEDGE_VERSION },
        api: VersionOfApi { version: "2" },
        db: VersionOfDatabase { schema_version: app.schema_version.to_string() },
    })
}

/// The versions of API, service and schema
#[utoipa::path(get, path = "/version", tag = "System", responses((status = 200, body = ServiceVersion)),
    extensions(("x-kedge-addition" = json!(true))))]
pub async fn version(app: State<App>) -> Json<ServiceVersion> {
    version_check(app).await
}

/// Server status
#[utoipa::path(get, path = "/v2/status", tag = "System", responses((status = 200, body = StatusResponse)))]
pub async fn get_status(State(app): State<App>) -> Json<StatusResponse> {
    Json(status(&app))
}

/// The services of the deployment and their status
#[utoipa::path(get, path = "/v2/system", tag = "System", responses((status = 200, body = SystemStatusResponse)))]
pub async fn get_service_detail(State(app): State<App>) -> Json<SystemStatusResponse> {
    Json(SystemStatusResponse { service_states: services(&app) })
}

/// The services of the deployment
#[utoipa::path(get, path = "/v2/system/services", tag = "System", responses((status = 200, body = ServiceList)))]
pub async fn list_services(State(app): State<App>) -> Json<ServiceList> {
    Json(services(&app))
}

/// The values of `error_type`
#[utoipa::path(get, path = "/v2/system/error-codes", tag = "System",
    responses((status = 200, body = Vec<AnchoreErrorCode>)))]
pub async fn describe_error_codes() -> Json<Vec<AnchoreErrorCode>> {
    Json(ErrorKind::ALL.iter().map(AnchoreErrorCode::from).collect())
}

/// Changes the log level of this server, until it is changed again or the server restarts
#[utoipa::path(post, path = "/v2/system/logging", tag = "System", request_body = LoggingLevel,
    responses((status = 200, body = LoggingLevelResponse)))]
pub async fn set_new_log_level(
    State(app): State<App>,
    Json(request): Json<LoggingLevel>,
) -> Result<Json<LoggingLevelResponse>> {
    if !matches!(request.service_name, ServiceName::All | ServiceName::Api) {
        return Err(Error::Refused("Only the services `all` and `api` run here".to_owned()));
    }
    audit::changed(&json!({}), &request);
    app.log_level.set(request.logging_level.level()).map_err(Error::internal)?;
    tracing::info!(level = ?request.logging_level, "the log level was changed");
    Ok(Json(LoggingLevelResponse([request])))
}

/// How many accounts and users there are
#[utoipa::path(get, path = "/v2/system/resource-limits", tag = "System",
    responses((status = 200, body = SystemResourceLimitsList)))]
pub async fn get_resource_limits(State(app): State<App>) -> Result<Json<SystemResourceLimitsList>> {
    let mut db = app.db.connection().await?;
    let accounts = accounts::count_accounts(&mut db).await?;
    let users = users::count_users(&mut db, None).await?;
    let items = [
        SystemResourceLimit::unlimited(ResourceName::SbomInventory, 0),
        SystemResourceLimit::unlimited(ResourceName::ReportInventory, 0),
        SystemResourceLimit::unlimited(ResourceName::ReportExecutionInventory, 0),
        SystemResourceLimit::unlimited(ResourceName::AccountInventory, accounts),
        SystemResourceLimit::unlimited(ResourceName::UserInventory, users),
    ];
    Ok(Json(SystemResourceLimitsList { items }))
}

fn status(app: &App) -> StatusResponse {
    StatusResponse {
        available: true,
        busy: false,
        up: true,
        message: "all good",
        version: API_LEVEL,
        db_version: app.schema_version.to_string(),
        detail: serde_json::Map::new(),
    }
}

fn services(app: &App) -> ServiceList {
    let host = nix::unistd::gethostname().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned());
    ServiceList([Service {
        host_id: host,
        service_name: "api",
        base_url: app.config.server.external_url().to_owned(),
        status_message: "available",
        service_detail: status(app),
        status: true,
        version: API_LEVEL,
    }])
}
