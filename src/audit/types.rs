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
    /// Only events of this service; every event is of `identity`.
    pub source_service_name: Option<String>,
    /// Only events of this host.
    pub source_host_id: Option<String>,
    /// Only events of this type, where `*` stands for any text, such as `user.identity.*api_key*`.
    #[param(pattern = "^[a-z0-9-_.*]+$")]
    pub event_type: Option<String>,
    /// Only events on resources of this type, such as `user`, `api_key` or `session`.
    #[param(value_type = Option<String>)]
    pub resource_type: Option<AnyName>,
    /// Only events on the resource with this id, as events show it in `resource`: a name or a UUID.
    #[param(value_type = Option<String>)]
    pub resource_id: Option<AnyName>,
    /// Kedge's addition: only events on API keys of this user; two users may have keys of the same name.
    #[param(value_type = Option<String>)]
    pub resource_user: Option<AnyName>,
    /// Kedge's addition: only events caused by this user.
    #[param(value_type = Option<String>)]
    pub user: Option<AnyName>,
    /// Kedge's addition: only events caused with the key of this hint.
    #[param(value_type = Option<String>)]
    pub key_hint: Option<AnyName>,
    /// Only events of this level: `info` or `error`, in upper or lower case.
    pub level: Option<String>,
    /// Only events at this time or later (RFC 3339).
    pub since: Option<String>,
    /// Only events before this time (RFC 3339).
    pub before: Option<String>,
    /// The page, from 1.
    #[serde(default, deserialize_with = "given")]
    #[param(value_type = i64, required = false, default = 1, minimum = 1)]
    pub page: Option<i64>,
    /// Entries per page, at most 1,000.
    #[serde(default, deserialize_with = "given")]
    #[param(value_type = i64, required = false, default = 100, minimum = 1, maximum = 1000)]
    pub limit: Option<i64>,
}

/// A page of events, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventsList {
    #[schema(required = false)]
    pub results: Vec<EventResponse>,
    /// Whether another page follows.
    #[schema(required = false)]
    pub next_page: bool,
    /// The number of events on this page.
    #[schema(value_type = i64, required = false)]
    pub item_count: usize,
    /// The page that was requested.
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

/// What happened.
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
    /// Who did it, how they had signed in, from which address, the outcome, and how often.
    #[schema(value_type = Object, required = false)]
    details: Map<String, Value>,
    #[schema(required = false)]
    timestamp: Timestamp,
}

/// The service and the request that an event comes from.
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

/// What an event is about.
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

/// The types of events, by category.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventTypesList(Vec<EventCategory>);

/// A category of events, the first part of their types.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventCategory {
    #[schema(required = false)]
    name: &'static str,
    #[schema(required = false)]
    description: &'static str,
    #[schema(required = false)]
    subcategories: Vec<EventSubcategory>,
}

/// A subcategory of events, the second part of their types.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventSubcategory {
    #[schema(required = false)]
    name: &'static str,
    #[schema(required = false)]
    description: &'static str,
    #[schema(required = false)]
    events: Vec<EventDescription>,
}

/// A type of events.
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
                description: "Actions of users",
                subcategories: vec![EventSubcategory {
                    name: "identity",
                    description: "Changes to accounts, users, keys, roles, groups and identity providers",
                    events: operations.iter().map(change).collect(),
                }],
            },
            EventCategory {
                name: SYSTEM,
                description: "Actions of the system",
                subcategories: vec![EventSubcategory {
                    name: "security",
                    description: "Refusals, counted by the minute, and what happens outside the operations",
                    events: refusals.chain(SecurityEvent::ALL.into_iter().map(event)).collect(),
                }],
            },
        ])
    }
}
