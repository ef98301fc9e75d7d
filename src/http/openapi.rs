//! The deployment's own OpenAPI document, made from the code: `GET /v2/openapi.json` and `.yaml`. The text of the one
//! of V1 is made here as well, and served by [`crate::v1`].

use std::sync::OnceLock;

use axum::{
    body::Bytes,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        InfoBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::routes;

use super::{
    prefer,
    routes::{Body, Documents, Routes, TimeLimit},
};
use crate::{
    authz::access::Access,
    config::Server,
    error::{ApiErrorResponse, Error, OAuthErrorResponse, Problem},
    state::App,
};

/// What the document says besides operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kedge",
        version = "2.13.0",
        description = "Anchore's V2 API: accounts, users, credentials, API keys and tokens. Kedge's additions are marked `x-kedge-addition`. Every answer carries `x-request-id`, by which the log knows the request.",
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
#[derive(Debug)]
pub struct Document {
    pub json: Bytes,
    pub yaml: Bytes,
    pub v1_json: Bytes,
}

impl Document {
    /// Makes them, for clients that reach the server at this URL.
    ///
    /// # Errors
    /// Says why they could not be serialised.
    pub fn of(server: &str) -> Result<Self, String> {
        let (_, _, Documents { v2, v1 }) = crate::routes().finish();
        let mut document = finished(&v2, server)?;
        lift_marks(&mut document);
        mark_parameters(&mut document);
        let mut v1 = finished(&v1, server)?;
        drop_marks(&mut v1);
        let json = |document: &Value| serde_json::to_string_pretty(document).map(|text| Bytes::from(text + "\n"));
        Ok(Self {
            json: json(&document).map_err(|error| error.to_string())?,
            yaml: yaml_serde::to_string(&document).map_err(|error| error.to_string())?.into(),
            v1_json: json(&v1).map_err(|error| error.to_string())?,
        })
    }
}

/// The documents of a deployment, made when one of them is asked for.
#[derive(Debug, Default)]
pub struct Served(OnceLock<Result<Document, String>>);

impl Served {
    /// The documents; where no URL is configured, that of the document itself counts.
    ///
    /// # Errors
    /// As of [`Document::of`].
    pub fn get(&self, server: &Server) -> crate::error::Result<&Document> {
        let made = self.0.get_or_init(|| Document::of(server.external_url.as_deref().unwrap_or(OWN_SERVER)));
        made.as_ref().map_err(|error| Error::internal(error.as_str()))
    }
}

/// The URL of the server that the document comes from (OpenAPI 3.1, 4.8.5).
pub const OWN_SERVER: &str = "/";

/// As a value, whose objects are sorted: utoipa keeps extensions in a hash map, in another order each time.
fn finished(document: &utoipa::openapi::OpenApi, server: &str) -> Result<Value, String> {
    let mut document = serde_json::to_value(document).map_err(|error| error.to_string())?;
    declare_headers(&mut document);
    if let Some(document) = document.as_object_mut() {
        document.insert("servers".to_owned(), json!([{ "url": server }]));
    }
    Ok(document)
}

/// Says which headers an answer of each status has, but for `x-request-id`: at every answer it would be a third of the
/// document, and browsers of it take seconds longer. What refers to a declaration utoipa has no type for.
fn declare_headers(document: &mut Value) {
    for operation in operations(document) {
        let is_waited_for = operation.get("parameters").is_some_and(|all| named(all, prefer::PREFER.as_str()));
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
        for (status, response) in responses.into_iter().flatten() {
            let more = match status.as_str() {
                "401" => Some("WWW-Authenticate"),
                "429" | "503" => Some("Retry-After"),
                success if success.starts_with('2') && is_waited_for => Some("Preference-Applied"),
                _ => None,
            };
            if let (Some(name), Some(response)) = (more, response.as_object_mut()) {
                let headers = response.entry("headers").or_insert_with(|| json!({}));
                headers[name] = json!({ "$ref": format!("#/components/headers/{name}") });
            }
        }
    }
    let headers = json!({
        "Preference-Applied": {
            "description": "That every node obeys the change, or that those that did not say so obey it by now.",
            "schema": { "enum": ["wait=all-nodes", "wait=lease"], "type": "string" },
            "x-kedge-addition": true,
        },
        "Retry-After": {
            "description": "How many seconds to wait before the next try.",
            "schema": { "minimum": 0, "type": "integer" },
        },
        "WWW-Authenticate": { "description": "How to sign in.", "schema": { "type": "string" } },
    });
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("headers".to_owned(), headers);
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flat_map(|paths| paths.values_mut()).filter_map(Value::as_object_mut);
    items.flat_map(|methods| methods.values_mut())
}

/// Whether a parameter has this name, which of a header has no case.
fn named(parameters: &Value, name: &str) -> bool {
    let names = parameters.as_array().into_iter().flatten().filter_map(|parameter| parameter.get("name")?.as_str());
    names.into_iter().any(|other| other.eq_ignore_ascii_case(name))
}

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
    let parameters =
        operations(document).filter_map(|operation| operation.get_mut("parameters")?.as_array_mut()).flatten();
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
async fn get_openapi_json(State(app): State<App>) -> crate::error::Result<Response> {
    let document = app.documents.get(&app.config.server)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], document.json.clone()).into_response())
}

/// This document as YAML
#[utoipa::path(get, path = "/v2/openapi.yaml", tag = "System",
    extensions(("x-kedge-addition" = json!(true))),
    responses((status = 200, description = "The document", body = Object, content_type = "application/yaml")))]
async fn get_openapi_yaml(State(app): State<App>) -> crate::error::Result<Response> {
    let document = app.documents.get(&app.config.server)?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], document.yaml.clone()).into_response())
}
