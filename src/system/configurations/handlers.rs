//! The operations on the configuration.

use axum::extract::State;
use serde_json::{Map, Value, json};

use super::{
    rules,
    store::{self, Stored},
    types::{SystemConfiguration, SystemConfigurationList, SystemConfigurationPatch, SystemConfigurationPut},
};
use crate::{
    audit,
    config::Listed,
    error::{Error, Result},
    http::{
        Json, NoContent,
        extract::{JsonList, Path},
    },
    state::App,
    transaction,
};

const NOT_FOUND: Error = Error::NotFound { what: "Configuration" };

/// The configuration, key by key; secrets are not shown
#[utoipa::path(get, path = "/v2/system/configurations", tag = "System Configuration",
    responses((status = 200, body = SystemConfigurationList)))]
pub async fn list_configurations(State(app): State<App>) -> Result<Json<SystemConfigurationList>> {
    list(&app).await
}

/// Changes several keys: either all of them, or none
///
/// In force on all nodes from the next request.
#[utoipa::path(patch, path = "/v2/system/configurations", tag = "System Configuration",
    request_body = SystemConfigurationPatch, responses((status = 200, body = SystemConfigurationList), (status = 409)))]
pub async fn patch_configuration(
    State(app): State<App>,
    JsonList(changes): JsonList<SystemConfigurationPut>,
) -> Result<Json<SystemConfigurationList>> {
    put(&app, changes).await?;
    list(&app).await
}

/// The JSON Schema of the configuration
#[utoipa::path(get, path = "/v2/system/configurations/schema", tag = "System Configuration",
    responses((status = 200, body = Object)))]
pub async fn get_configuration_schema(State(app): State<App>) -> Json<Value> {
    let schema_of = |key: Listed| {
        let is_read_only = rules::read_only(&key).is_some();
        let mut schema = json!({ "description": key.description, "default": key.default, "readOnly": is_read_only });
        if let Some(kind) = rules::kind(&key.path) {
            let bounds = match kind {
                rules::Kind::Number(from, to, _) => json!({ "type": "integer", "minimum": from, "maximum": to }),
                rules::Kind::Flag(_) => json!({ "type": "boolean" }),
            };
            if let (Value::Object(schema), Value::Object(bounds)) = (&mut schema, bounds) {
                schema.extend(bounds);
            }
        }
        (key.path, schema)
    };
    let properties: Map<String, Value> = app.config.listed().into_iter().map(schema_of).collect();
    Json(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    }))
}

/// One key of the configuration
#[utoipa::path(get, path = "/v2/system/configurations/{config_key}", tag = "System Configuration",
    params(("config_key" = String, Path)),
    responses((status = 200, body = SystemConfiguration), (status = 404)))]
pub async fn get_configuration(State(app): State<App>, Path(key): Path<String>) -> Result<Json<SystemConfiguration>> {
    one(&app, &key).await
}

/// Changes a key of the configuration
///
/// In force on all nodes from the next request.
#[utoipa::path(put, path = "/v2/system/configurations/{config_key}", tag = "System Configuration",
    params(("config_key" = String, Path)), request_body = SystemConfigurationPut,
    responses((status = 200, body = SystemConfiguration), (status = 404), (status = 409)))]
pub async fn put_configuration(
    State(app): State<App>,
    Path(key): Path<String>,
    Json(change): Json<SystemConfigurationPut>,
) -> Result<Json<SystemConfiguration>> {
    find(&app, &key)?;
    if change.key != key {
        return Err(Error::malformed("key", "must be the key in the path"));
    }
    put(&app, vec![change]).await?;
    one(&app, &key).await
}

/// Resets a key to its default
#[utoipa::path(delete, path = "/v2/system/configurations/{config_key}", tag = "System Configuration",
    params(("config_key" = String, Path)), responses((status = 204), (status = 404)))]
pub async fn delete_configuration(State(app): State<App>, Path(key): Path<String>) -> Result<NoContent> {
    find(&app, &key)?;
    transaction!(app.db, |db| { Ok(store::delete(db, &key).await?) })?;
    Ok(NoContent)
}

async fn list(app: &App) -> Result<Json<SystemConfigurationList>> {
    let changed = store::list(&mut *app.db.connection().await?).await?;
    let of = |key: Listed| {
        let stored = changed.iter().find(|stored| stored.key == key.path);
        SystemConfiguration::new(key, stored)
    };
    Ok(Json(SystemConfigurationList { items: app.config.listed().into_iter().map(of).collect() }))
}

fn find(app: &App, key: &str) -> Result<Listed> {
    app.config.listed().into_iter().find(|listed| listed.path == key).ok_or(NOT_FOUND)
}

async fn one(app: &App, key: &str) -> Result<Json<SystemConfiguration>> {
    let listed = find(app, key)?;
    let changed = store::list(&mut *app.db.connection().await?).await?;
    Ok(Json(SystemConfiguration::new(listed, changed.iter().find(|stored| stored.key == key))))
}

/// Changes all of them or none.
async fn put(app: &App, mut changes: Vec<SystemConfigurationPut>) -> Result<()> {
    if changes.is_empty() {
        return Err(Error::malformed("body", "must name a key"));
    }
    let now = app.clock.now();
    for change in &mut changes {
        let unknown = |_| Error::malformed("key", format!("there is no key {}", crate::names::shown(&change.key)));
        change.value = rules::becomes(&find(app, &change.key).map_err(unknown)?, &change.value)?;
        audit::about(&change.key);
        audit::change(&change.key, change.value.clone());
    }
    // In one order, so that two who change the same keys wait for each other once.
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    transaction!(app.db, |db| {
        for change in &changes {
            let (key, value) = (change.key.clone(), change.value.clone());
            let stored = Stored { key, id: app.random.uuid(), value, created_at: now, updated_at: now };
            store::put(db, &stored).await?;
        }
        Ok(())
    })
}
