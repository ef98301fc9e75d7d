//! Events on the wire, in the form that Anchore has for them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    record::{CHANGE, Refusal, SecurityEvent},
    store::Event as Stored,
};
use crate::{http::extract::given, names::AnyName, timestamp::Timestamp};

/// Which events are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListEventsQuery {
    /// Only events of this service: all are of `identity`.
    pub source_service_name: Option<String>,
    /// Only events of this host.
    pub source_host_id: Option<String>,
    /// A type, `*` for any text.
    #[param(pattern = "^[a-z0-9-_.*]+$")]
    pub event_type: Option<String>,
    #[param(value_type = Option<String>)]
    pub resource_type: Option<AnyName>,
    #[param(value_type = Option<String>)]
    pub resource_id: Option<AnyName>,
    /// Kedge's addition: only what this user did.
    #[param(value_type = Option<String>)]
    pub user: Option<AnyName>,
    /// Kedge's addition: only what was done with a key that has this hint.
    #[param(value_type = Option<String>)]
    pub key_hint: Option<AnyName>,
    /// `info` or `error`, in any case.
    pub level: Option<String>,
    /// Events of this moment and later (RFC 3339).
    pub since: Option<String>,
    /// Events before this moment (RFC 3339).
    pub before: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[param(value_type = i64, required = false, default = 1, minimum = 1)]
    pub page: Option<i64>,
    /// How many of a page, at most 1,000.
    #[serde(default, deserialize_with = "given")]
    #[param(value_type = i64, required = false, default = 100, minimum = 1, maximum = 1000)]
    pub limit: Option<i64>,
}

/// A page of events, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventsList {
    #[schema(required = false)]
    pub results: Vec<EventResponse>,
    /// Whether there is a page after this one.
    #[schema(required = false)]
    pub next_page: bool,
    /// How many are on this page.
    #[schema(value_type = i64, required = false)]
    pub item_count: usize,
    #[schema(required = false)]
    pub page: i64,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventResponse {
    #[schema(required = false)]
    event_id: String,
    #[schema(required = false)]
    created_at: Timestamp,
    #[schema(inline, required = false)]
    event: Event,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    #[schema(inline, required = false)]
    source: EventSource,
    #[schema(inline, required = false)]
    resource: EventResource,
    #[serde(rename = "type")]
    #[schema(required = false)]
    kind: String,
    #[schema(required = false)]
    category: &'static str,
    #[schema(required = false)]
    level: String,
    #[schema(required = false)]
    message: String,
    /// Who, how signed in, from where, what came of it, and how often.
    #[schema(value_type = Object, required = false)]
    details: Map<String, Value>,
    #[schema(required = false)]
    timestamp: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventSource {
    #[schema(required = false)]
    service_name: &'static str,
    #[schema(required = false)]
    host_id: String,
    #[schema(required = false)]
    base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    request_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventResource {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    account_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    kind: Option<String>,
}

/// The categories, which the types begin with.
const USER: &str = "user";
const SYSTEM: &str = "system";

/// The one service that events are of.
pub const SERVICE: &str = "identity";

impl EventResponse {
    /// A stored event of a deployment that is reached there.
    #[must_use]
    pub fn new(stored: Stored, host_id: &str, base_url: &str) -> Self {
        let category = if stored.kind.starts_with(CHANGE) { USER } else { SYSTEM };
        let mut details = match stored.details {
            Value::Object(details) => details,
            _ => Map::new(),
        };
        details.insert("count".to_owned(), stored.count.into());
        Self {
            event_id: stored.event_id.to_string(),
            created_at: Timestamp(stored.created_at),
            event: Event {
                source: EventSource {
                    service_name: SERVICE,
                    host_id: host_id.to_owned(),
                    base_url: base_url.to_owned(),
                    request_id: stored.request_id,
                },
                resource: EventResource {
                    account_name: stored.account,
                    id: stored.resource_id,
                    kind: stored.resource_type,
                },
                kind: stored.kind,
                category,
                level: stored.level,
                message: stored.message,
                details,
                timestamp: Timestamp(stored.created_at),
            },
        }
    }
}

/// The types that events can have, by category.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventTypesList(Vec<EventCategory>);

#[derive(Debug, Serialize, ToSchema)]
pub struct EventCategory {
    #[schema(required = false)]
    name: &'static str,
    #[schema(required = false)]
    description: &'static str,
    #[schema(required = false)]
    subcategories: Vec<EventSubcategory>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventSubcategory {
    #[schema(required = false)]
    name: &'static str,
    #[schema(required = false)]
    description: &'static str,
    #[schema(required = false)]
    events: Vec<EventDescription>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EventDescription {
    #[schema(required = false)]
    name: String,
    #[serde(rename = "type")]
    #[schema(required = false)]
    kind: String,
    #[schema(required = false)]
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    resource_type: Option<&'static str>,
}

impl EventTypesList {
    /// All types: a change by each of these operations, what is no change, and what no operation asks for.
    #[must_use]
    pub fn new(operations: &[(String, Option<&'static str>)]) -> Self {
        let change = |(operation, resource_type): &(String, Option<&'static str>)| EventDescription {
            name: operation.clone(),
            kind: format!("{CHANGE}{operation}"),
            message: format!("The operation {operation} was carried out"),
            resource_type: *resource_type,
        };
        let refusal = |refusal: Refusal| EventDescription {
            name: refusal.kind().rsplit('.').next().unwrap_or_default().to_owned(),
            kind: refusal.kind().to_owned(),
            message: refusal.description().to_owned(),
            resource_type: None,
        };
        let event = |event: SecurityEvent| EventDescription {
            name: event.kind().rsplit('.').next().unwrap_or_default().to_owned(),
            kind: event.kind().to_owned(),
            message: event.description().to_owned(),
            resource_type: Some(event.resource_type()),
        };
        let refusals = Refusal::ALL.into_iter().map(refusal);
        Self(vec![
            EventCategory {
                name: USER,
                description: "What users do",
                subcategories: vec![EventSubcategory {
                    name: "identity",
                    description: "Changes of accounts, users, keys, roles, groups and identity providers",
                    events: operations.iter().map(change).collect(),
                }],
            },
            EventCategory {
                name: SYSTEM,
                description: "What the system does",
                subcategories: vec![EventSubcategory {
                    name: "security",
                    description: "What was refused, counted by the minute, and what happens beside the operations",
                    events: refusals.chain(SecurityEvent::ALL.into_iter().map(event)).collect(),
                }],
            },
        ])
    }
}
