//! The one door: an operation is mounted by [`Routes::on`] together with what it asks of its caller, the body it
//! takes and the time it may take. None of the three has a default; clippy bans the doors behind this one.
//!
//! `on` also stamps what follows from the row into the document, so that no handler writes it by hand.
//!
//! [`Routes::on_v1`] opens an operation that is mounted already under its older path, on the same row: nothing about it
//! can be said anew.

use std::{collections::HashMap, time::Duration};

use axum::{
    Router,
    http::{Method, StatusCode},
    routing::MethodRouter,
};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type,
    extensions::ExtensionsBuilder,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths},
    security::SecurityRequirement,
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::prefer;
use crate::{
    authz::access::{Access, DomainSource, Permission},
    state::App,
};

/// The body that an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// None; one that is sent is not read.
    None,
    /// `application/json`, up to 1 MiB.
    Json,
    /// `application/json`, up to 16 KiB: of what anyone may send at any time.
    SmallJson,
    /// `application/x-www-form-urlencoded`, up to so many bytes; an empty one needs no media type.
    Form(usize),
}

impl Body {
    /// How many bytes it may have.
    #[must_use]
    pub const fn limit(self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Json => Some(1024 * 1024),
            Self::SmallJson => Some(16 * 1024),
            Self::Form(limit) => Some(limit),
        }
    }
}

/// In which form an operation answers its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    /// [`crate::error::ApiErrorResponse`] and [`crate::error::Problem`].
    Api,
    /// RFC 6749, 5.2, of everything under `/oauth/`.
    OAuth,
}

/// How an operation answers and is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    errors: ErrorForm,
    /// Whether no cache may keep the answer, whatever it is.
    never_stored: bool,
    /// Whether it changes nothing, though the method is one of those that do: the audit trail has no record of it.
    asks: bool,
}

impl Profile {
    pub const USUAL: Self = Self { errors: ErrorForm::Api, never_stored: false, asks: false };
    /// Of tokens.
    pub const OAUTH: Self = Self { errors: ErrorForm::OAuth, never_stored: true, asks: false };
    /// A question about a token.
    pub const OAUTH_QUESTION: Self = Self { asks: true, ..Self::OAUTH };
    /// A question about the caller.
    pub const QUESTION: Self = Self { never_stored: true, asks: true, ..Self::USUAL };
}

/// How long an operation may take before the caller is told to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit(pub Duration);

impl TimeLimit {
    /// For what reads or writes a few rows.
    pub const SHORT: Self = Self(Duration::from_secs(15));
    /// For lists that grow with the deployment.
    pub const LONG: Self = Self(Duration::from_mins(1));
}

/// What the guard knows of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub access: Access,
    pub body: Body,
    pub time: TimeLimit,
    pub errors: ErrorForm,
    /// Whether every answer says that nothing on its way may store it.
    pub never_stored: bool,
    /// Whether it changes something of which the audit trail has a record.
    pub recorded: bool,
    /// Its place in the order in which operations were mounted.
    pub number: usize,
}

/// Every operation that is served: path -> method -> row. What is not in it is refused.
#[derive(Debug, Default)]
pub struct RouteTable {
    paths: HashMap<String, Vec<(Method, Row)>>,
    /// The ids of the operations, by their numbers.
    operations: Vec<String>,
}

impl RouteTable {
    fn add(&mut self, path: String, method: Method, row: Row, operation: Option<&str>) {
        let number = self.operations.len();
        self.operations.push(operation.unwrap_or_default().to_owned());
        self.paths.entry(path).or_default().push((method, Row { number, ..row }));
    }

    /// The id of an operation, as the document has it.
    #[must_use]
    pub fn operation(&self, row: &Row) -> &str {
        self.operations.get(row.number).map_or("", String::as_str)
    }

    /// The row of an operation; HEAD is answered wherever GET is, with the same access.
    #[must_use]
    pub fn row(&self, path: &str, method: &Method) -> Option<&Row> {
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.paths.get(path)?.iter().find(|(served, _)| served == wanted).map(|(_, row)| row)
    }

    /// Lets anyone call the operations of a path.
    pub fn open(&mut self, path: &str) {
        for (_, row) in self.paths.get_mut(path).into_iter().flatten() {
            row.access = Access::public();
        }
    }

    /// The methods of a path for the `Allow` header; empty for a path that is not served.
    #[must_use]
    pub fn allow(&self, path: &str) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (method, _) in self.paths.get(path).into_iter().flatten() {
            names.push(method.as_str());
            if method == Method::GET {
                names.push("HEAD");
            }
        }
        names.sort_unstable();
        names.join(", ")
    }

    /// Every (path, method, row), sorted.
    #[must_use]
    pub fn rows(&self) -> Vec<(&str, &Method, Row)> {
        let mut rows: Vec<_> = self
            .paths
            .iter()
            .flat_map(|(path, methods)| methods.iter().map(move |(method, row)| (path.as_str(), method, *row)))
            .collect();
        rows.sort_by_key(|(path, method, _)| (*path, method.as_str()));
        rows
    }
}

/// The documents: one for each version of the API.
pub struct Documents {
    pub v2: OpenApi,
    pub v1: OpenApi,
}

/// The operations, being collected.
pub struct Routes {
    router: OpenApiRouter<App>,
    v1: OpenApiRouter<App>,
    table: RouteTable,
}

impl Routes {
    /// No operation yet; `documents` hold what they say besides operations.
    #[must_use]
    pub fn new(documents: Documents) -> Self {
        Self {
            router: OpenApiRouter::with_openapi(documents.v2),
            v1: OpenApiRouter::with_openapi(documents.v1),
            table: RouteTable::default(),
        }
    }

    /// Mounts one operation.
    #[must_use]
    pub fn on(self, access: Access, body: Body, time: TimeLimit, operation: UtoipaMethodRouter<App>) -> Self {
        self.on_as(Profile::USUAL, access, body, time, operation)
    }

    /// Mounts one operation that answers in another profile than most.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    pub fn on_as(
        mut self,
        profile: Profile,
        access: Access,
        body: Body,
        time: TimeLimit,
        operation: UtoipaMethodRouter<App>,
    ) -> Self {
        let Profile { errors, never_stored, asks } = profile;
        let (schemas, mut paths, handler) = operation;
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                let recorded = method != Method::GET && !asks;
                let row = Row { access, body, time, errors, never_stored, recorded, number: 0 };
                stamp(operation, row);
                self.table.add(path.clone(), method, row, operation.operation_id.as_deref());
            }
        }
        Self { router: self.router.routes((schemas, paths, handler)), ..self }
    }

    /// Mounts what is no operation of the API, so that no document names it: the console's own doors. Everything else
    /// is as of [`Routes::on`].
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    pub fn beside_the_api(
        mut self,
        (access, body): (Access, Body),
        (method, path): (Method, &str),
        recorded: Option<&str>,
        handler: MethodRouter<App>,
    ) -> Self {
        let row = Row {
            access,
            body,
            time: TimeLimit::SHORT,
            errors: ErrorForm::Api,
            never_stored: false,
            recorded: recorded.is_some(),
            number: 0,
        };
        self.table.add(path.to_owned(), method, row, recorded);
        Self { router: self.router.route(path, handler), ..self }
    }

    /// Mounts an operation under its path in V1: the very operation of V2, or one that answers V1's body in its stead.
    /// What it asks of its caller, its body and its time are those of V2's row. What V2 does not serve, V1 does not.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the door itself")]
    pub fn on_v1(mut self, operation: UtoipaMethodRouter<App>) -> Self {
        let (schemas, paths, handler) = operation;
        let mut older = Paths::new();
        for (path, mut item) in paths.paths {
            let (v1, v2) = in_both_versions(&path);
            for (method, operation) in operations(&mut item) {
                let Some(&row) = self.table.row(&v2, &method) else {
                    tracing::error!(%method, path = v1, "not served: it is no operation of V2");
                    return self;
                };
                stamp(operation, row);
                self.table.add(v1.clone(), method, row, operation.operation_id.as_deref());
            }
            older.paths.insert(v1, item);
        }
        Self { v1: self.v1.routes((schemas, older, handler)), ..self }
    }

    /// Mounts the operations of a module.
    #[must_use]
    pub fn with(self, module: fn(Self) -> Self) -> Self {
        module(self)
    }

    /// The finished parts.
    #[expect(clippy::disallowed_methods, reason = "both were filled by the doors above")]
    pub fn finish(self) -> (Router<App>, RouteTable, Documents) {
        let (router, v2) = self.router.split_for_parts();
        let (older, v1) = self.v1.split_for_parts();
        (router.merge(older), self.table, Documents { v2, v1 })
    }
}

/// The paths in V1 and in V2 of the operation that has this one in either.
fn in_both_versions(path: &str) -> (String, String) {
    let rest = path.strip_prefix("/v1").or_else(|| path.strip_prefix("/v2")).unwrap_or(path);
    // The only path of which V2 changed more than the version.
    let (v1, v2) = match rest {
        "/system/error_codes" | "/system/error-codes" => ("/system/error_codes", "/system/error-codes"),
        same => (same, same),
    };
    (format!("/v1{v1}"), format!("/v2{v2}"))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, item.get.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::PATCH, item.patch.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

/// Writes into the document what the row decides: the action, the credentials, the errors that any such operation
/// can answer, and the body of every error.
fn stamp(operation: &mut Operation, row: Row) {
    let action = ExtensionsBuilder::new().add("x-anchore-authz-action", row.access.action_name()).build();
    operation.extensions.get_or_insert_default().merge(action);
    let mut statuses = vec![500, 503];
    if row.access == Access::Public {
        // What credentials can be shown all the same, the handler says.
        operation.security.get_or_insert_default();
    } else {
        // Either of them: a list is an alternative (OpenAPI 3.1, 4.8.30).
        let schemes = ["basic", "bearer"].map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new()));
        operation.security = Some(schemes.to_vec());
        statuses.extend([401, 403, 429]);
    }
    // An empty form is one whose fields are all left out: it needs no body (see `extract::admit`).
    if matches!(row.body, Body::Form(_))
        && let Some(RefOr::T(body)) = &mut operation.request_body
    {
        body.required = Some(Required::False);
    }
    if row.body != Body::None {
        statuses.extend([400, 413, 415]);
    }
    if let Access::Permitted(Permission { domain, .. }, _) = row.access {
        match domain {
            DomainSource::PathAccount => statuses.push(404),
            DomainSource::CallerAccount | DomainSource::RequestAccount => {
                statuses.push(404);
                operation.parameters.get_or_insert_default().push(account_header().into());
            }
            DomainSource::CallerHome | DomainSource::System => {}
        }
    }
    if operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()) {
        statuses.push(400);
    }
    if row.recorded {
        operation.parameters.get_or_insert_default().push(prefer::parameter().into());
    }
    for status in statuses {
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| ResponseBuilder::new().into());
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            reason(status).clone_into(&mut response.description);
        }
        if status.starts_with(['4', '5']) {
            for (media_type, schema) in error_bodies(status, row) {
                let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(*schema))).build();
                response.content.insert((*media_type).to_owned(), content.into());
            }
        }
    }
}

/// The phrase that HTTP has for a status: a response must have a description (OpenAPI 3.1, 4.8.17).
fn reason(status: &str) -> &'static str {
    status.parse().ok().and_then(|status: StatusCode| status.canonical_reason()).unwrap_or_default()
}

fn account_header() -> Parameter {
    ParameterBuilder::new()
        .name("x-anchore-account")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The account to act in; the caller's own if left out"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

const APPLICATION: (&str, &str) = ("application/json", "ApiErrorResponse");
const PROBLEM: (&str, &str) = ("application/problem+json", "Problem");

/// Which bodies an error of this status can have: (media type, schema).
fn error_bodies(status: &str, row: Row) -> &'static [(&'static str, &'static str)] {
    match status {
        // Not the guard's 401 but that of a token of another type, which is known to have no body.
        "401" if row.errors == ErrorForm::OAuth && row.access == Access::Public => &[],
        _ if row.errors == ErrorForm::OAuth => &[("application/json", "OAuthErrorResponse")],
        "400" | "404" => &[APPLICATION, PROBLEM],
        "413" | "415" => &[PROBLEM],
        _ => &[APPLICATION],
    }
}
