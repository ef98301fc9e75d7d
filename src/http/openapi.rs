//! The deployment's own OpenAPI document, made from the code: `GET /v2/openapi.json` and `.yaml`. The text of the one
//! of V1 is made here as well, and served by [`crate::v1`].

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        InfoBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::routes;

use super::routes::{Body, Documents, Routes, TimeLimit};
use crate::{
    authz::access::Access,
    error::{ApiErrorResponse, OAuthErrorResponse, Problem},
};

/// What the document says besides operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kedge",
        version = "2.13.0",
        description = "Anchore's V2 API: accounts, users, credentials, API keys and tokens. Kedge's additions are marked `x-kedge-addition`.",
    ),
    components(schemas(ApiErrorResponse, OAuthErrorResponse, Problem)),
    modifiers(&Credentials),
)]
pub struct Frame;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let basic = HttpBuilder::new()
            .scheme(HttpAuthScheme::Basic)
            .description(Some("User name and password, or the user name `_api_key` and the value of an API key."))
            .build();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("An access token from `POST /v2/oauth/token`."))
            .build();
        // utoipa takes an empty one from the manifest, which client generators refuse.
        document.info.license = None;
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("basic", SecurityScheme::Http(basic));
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// What the documents say besides operations.
#[must_use]
pub fn frames() -> Documents {
    let v2 = Frame::openapi();
    let mut v1 = v2.clone();
    v1.info = InfoBuilder::new()
        .title("Kedge, v1")
        .version("0.20.0")
        .description(Some("The older API, kept for older clients: the same operations as in V2, with V1's bodies."))
        .build();
    Documents { v2, v1 }
}

/// The document of every operation, in both formats, and the one of V1.
struct Document {
    json: String,
    yaml: String,
    v1_json: String,
}

static DOCUMENT: LazyLock<Result<Document, String>> = LazyLock::new(|| {
    let (_, _, Documents { v2: document, v1 }) = crate::routes().finish();
    // By way of a value, whose objects are sorted: utoipa keeps extensions in a hash map, in another order each time.
    let mut document = serde_json::to_value(&document).map_err(|error| error.to_string())?;
    lift_marks(&mut document);
    mark_parameters(&mut document);
    let json = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())? + "\n";
    let mut v1 = serde_json::to_value(&v1).map_err(|error| error.to_string())?;
    drop_marks(&mut v1);
    let v1_json = serde_json::to_string_pretty(&v1).map_err(|error| error.to_string())? + "\n";
    Ok(Document { json, yaml: yaml_serde::to_string(&document).map_err(|error| error.to_string())?, v1_json })
});

/// Moves the mark of an addition from the items of a list, where utoipa puts the extensions of a property that is one,
/// to the property.
fn lift_marks(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let items = object.get_mut("items").and_then(Value::as_object_mut);
            if let Some(mark) = items.and_then(|items| items.remove("x-kedge-addition")) {
                object.insert("x-kedge-addition".to_owned(), mark);
            }
            object.values_mut().for_each(lift_marks);
        }
        Value::Array(values) => values.iter_mut().for_each(lift_marks),
        _ => {}
    }
}

/// Marks parameters that say of themselves that they are additions: utoipa knows no extensions of a field that is one.
fn mark_parameters(document: &mut Value) {
    let operations = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = operations.into_iter().flat_map(|paths| paths.values_mut()).filter_map(Value::as_object_mut);
    let parameters = operations.flat_map(|operations| operations.values_mut());
    let parameters = parameters.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut()).flatten();
    for parameter in parameters.filter_map(Value::as_object_mut) {
        let told = parameter.get("description").and_then(Value::as_str);
        if told.is_some_and(|told| told.starts_with("Kedge's addition: ")) {
            parameter.insert("x-kedge-addition".to_owned(), Value::Bool(true));
        }
    }
}

/// Takes the marks of additions away: what V2 has not is not what V1 had not.
fn drop_marks(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("x-kedge-addition");
            object.values_mut().for_each(drop_marks);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_marks),
        _ => {}
    }
}

/// The document as JSON: what is served, and what `openapi/v2.json` holds.
///
/// # Errors
/// Says why it could not be serialised.
pub fn document_json() -> Result<&'static str, &'static str> {
    DOCUMENT.as_ref().map(|document| document.json.as_str()).map_err(String::as_str)
}

/// The document of V1 as JSON: what is served, and what `openapi/v1.json` holds.
///
/// # Errors
/// Says why it could not be serialised.
pub fn v1_document_json() -> Result<&'static str, &'static str> {
    DOCUMENT.as_ref().map(|document| document.v1_json.as_str()).map_err(String::as_str)
}

/// The operations of this module.
#[must_use]
pub fn routes(routes: Routes) -> Routes {
    routes.on(Access::public(), Body::None, TimeLimit::SHORT, routes!(get_openapi_json)).on(
        Access::public(),
        Body::None,
        TimeLimit::SHORT,
        routes!(get_openapi_yaml),
    )
}

/// This document as JSON
#[utoipa::path(get, path = "/v2/openapi.json", tag = "System",
    extensions(("x-kedge-addition" = json!(true))),
    responses((status = 200, description = "The document", body = Object, content_type = "application/json")))]
async fn get_openapi_json() -> Result<Response, crate::error::Error> {
    let json = document_json().map_err(crate::error::Error::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// This document as YAML
#[utoipa::path(get, path = "/v2/openapi.yaml", tag = "System",
    extensions(("x-kedge-addition" = json!(true))),
    responses((status = 200, description = "The document", body = Object, content_type = "application/yaml")))]
async fn get_openapi_yaml() -> Result<Response, crate::error::Error> {
    let document = DOCUMENT.as_ref().map_err(|error| crate::error::Error::internal(error.as_str()))?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], document.yaml.as_str()).into_response())
}
