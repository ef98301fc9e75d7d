//! `Prefer: wait=all-nodes` (RFC 7240): a change is answered only when every node obeys it, and the answer says how
//! that came about.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use utoipa::openapi::{
    ObjectBuilder, Required, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

use crate::{
    db::changes::{Everywhere, everywhere},
    state::App,
};

pub const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Every node has said that it obeys.
const ALL_NODES: HeaderValue = HeaderValue::from_static("wait=all-nodes");
/// Some node has not, but goes no more by what it knew before.
const LEASE: HeaderValue = HeaderValue::from_static("wait=lease");

/// Whether the client wants to wait for all nodes.
#[must_use]
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split([',', ';'])).any(|preference| {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        name.trim().eq_ignore_ascii_case("wait") && value.trim().trim_matches('"') == "all-nodes"
    })
}

/// The header as the document has it, of every operation that changes something.
#[must_use]
pub fn parameter() -> Parameter {
    ParameterBuilder::new()
        .name("Prefer")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Kedge's addition: `wait=all-nodes` asks for the answer when every node obeys the change."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

/// Waits, and says what for; where it cannot be found out, says nothing.
pub async fn wait(app: &App, headers: &mut HeaderMap) {
    let applied = match everywhere(&app.db).await {
        Ok(Everywhere::Obeyed) => ALL_NODES,
        Ok(Everywhere::LeasesRanOut) => LEASE,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "who obeys a change is not known");
            return;
        }
    };
    headers.insert(PREFERENCE_APPLIED, applied);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preference_is_found_among_others_and_in_every_spelling() {
        for (value, wanted) in [
            ("wait=all-nodes", true),
            ("respond-async, Wait = \"all-nodes\"", true),
            ("return=minimal; foo=bar, wait=all-nodes", true),
            ("wait=10", false),
            ("wait", false),
            ("all-nodes", false),
            ("", false),
        ] {
            let headers = [(PREFER, HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(is_wanted(&headers), wanted, "{value}");
        }
    }
}
