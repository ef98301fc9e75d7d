//! The operations on events.

use std::sync::LazyLock;

use axum::{extract::State, http::HeaderMap};
use time::{
    Date, OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::well_known::{Iso8601, Rfc3339},
};
use uuid::Uuid;

use super::{
    recording::Resource,
    store::{self, Filter},
    types::{EventResponse, EventTypesList, EventsList, ListEventsQuery, SERVICE},
};
use crate::{
    authn::caller::Caller,
    error::{Error, Result},
    http::{
        Json,
        extract::{Path, Query},
        guard::{Target, account_header},
        paging::within,
    },
    identity::accounts::Account,
    names::AnyName,
    state::App,
};

const NOT_FOUND: Error = Error::NotFound { what: "Event" };

/// Lists events, the newest first
///
/// Lists events of the selected account since it was created. Admins also see earlier events, and those of all accounts
/// unless they name one or use an account-restricted key.
#[utoipa::path(get, path = "/v2/events", tag = "Events", params(ListEventsQuery),
    responses((status = 200, body = EventsList)))]
pub async fn list_events(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    headers: HeaderMap,
    Query(query): Query<ListEventsQuery>,
) -> Result<Json<EventsList>> {
    let page = within("page", query.page.unwrap_or(1), 1_000_000)?;
    let limit = within("limit", query.limit.unwrap_or(100), 1000)?;
    let level = query.level.as_deref().map(level).transpose()?;
    let kind = query.event_type.as_deref().map(pattern).transpose()?;
    let seen = seen_by(&caller, &account, &headers)?;
    let since = query.since.as_deref().map(|text| moment("since", text)).transpose()?;
    let filter = Filter {
        account: seen.account,
        kind: kind.as_deref(),
        level,
        resource_type: query.resource_type.as_ref().map(AnyName::as_str),
        resource_id: query.resource_id.as_ref().map(AnyName::as_str),
        resource_user: query.resource_user.as_ref().map(AnyName::as_str),
        user: query.user.as_ref().map(AnyName::as_str),
        key_hint: query.key_hint.as_ref().map(AnyName::as_str),
        since: since.max(seen.since),
        before: query.before.as_deref().map(|text| moment("before", text)).transpose()?,
    };
    let host = host();
    let elsewhere = query.source_service_name.as_deref().is_some_and(|name| name != SERVICE)
        || query.source_host_id.as_deref().is_some_and(|id| id != host);
    // One more than the page has tells whether there is another.
    let mut found = if elsewhere {
        Vec::new()
    } else {
        store::list(&mut *app.db.connection().await?, &filter, limit + 1, (page - 1) * limit).await?
    };
    let next_page = i64::try_from(found.len()).is_ok_and(|count| count > limit);
    if next_page {
        found.pop();
    }
    let url = app.config.server.external_url();
    let results: Vec<_> = found.into_iter().map(|event| EventResponse::new(event, &host, url)).collect();
    Ok(Json(EventsList { next_page, item_count: results.len(), results, page }))
}

/// One event
#[utoipa::path(get, path = "/v2/events/{event_id}", tag = "Events", params(("event_id" = String, Path)),
    responses((status = 200, body = EventResponse), (status = 404)))]
pub async fn get_event(
    State(app): State<App>,
    caller: Caller,
    Target(account): Target,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<EventResponse>> {
    let id = Uuid::parse_str(&id).map_err(|_| NOT_FOUND)?;
    let seen = seen_by(&caller, &account, &headers)?;
    let found = store::find(&mut *app.db.connection().await?, id, seen.account, seen.since).await?;
    let event = found.ok_or(NOT_FOUND)?;
    Ok(Json(EventResponse::new(event, &host(), app.config.server.external_url())))
}

/// Lists the types of events
#[utoipa::path(get, path = "/v2/event-types", tag = "Events", responses((status = 200, body = EventTypesList)))]
pub async fn list_event_types() -> Json<&'static EventTypesList> {
    Json(&EVENT_TYPES)
}

/// The types, by what the table of routes says.
static EVENT_TYPES: LazyLock<EventTypesList> = LazyLock::new(|| {
    let (_, table, _) = crate::routes().finish();
    let mut operations: Vec<_> = table
        .rows()
        .into_iter()
        .filter(|(path, _, row)| !path.starts_with("/v1/") && row.recorded)
        .map(|(path, _, row)| (table.operation(&row).to_owned(), Resource::of(path, path).kind))
        .collect();
    operations.sort_unstable();
    EventTypesList::new(&operations)
});

/// Which events a caller sees.
struct Seen<'a> {
    /// `None`: of all accounts.
    account: Option<&'a str>,
    /// Names are given again: what was before belongs to others. `None`: all that there are.
    since: Option<OffsetDateTime>,
}

fn seen_by<'a>(caller: &Caller, target: &'a Account, headers: &HeaderMap) -> Result<Seen<'a>> {
    let is_named = account_header(headers)?.is_some();
    let is_kept_to_accounts = caller.narrowing().is_some_and(|narrowing| narrowing.accounts.is_some());
    let sees_all = caller.is_admin() && !is_named && !is_kept_to_accounts;
    Ok(Seen {
        account: (!sees_all).then_some(target.name.as_str()),
        since: (!caller.is_admin()).then_some(target.created_at),
    })
}

fn level(text: &str) -> Result<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "info" => Ok("info"),
        "error" => Ok("error"),
        _ => Err(Error::malformed("level", "must be info or error")),
    }
}

/// The pattern of `like` for a type with stars.
fn pattern(text: &str) -> Result<String> {
    let possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.*".contains(c);
    if text.is_empty() || !text.chars().all(possible) {
        return Err(Error::malformed("event_type", "must match ^[a-z0-9-_.*]+$"));
    }
    Ok(text.replace('_', "\\_").replace('*', "%"))
}

fn moment(field: &str, text: &str) -> Result<OffsetDateTime> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok();
    // As dates are written without a zone: it is UTC.
    let parsed = parsed.or_else(|| Some(PrimitiveDateTime::parse(text, &Iso8601::DATE_TIME).ok()?.assume_utc()));
    let parsed = parsed.or_else(|| Some(Date::parse(text, &Iso8601::DATE).ok()?.midnight().assume_utc()));
    // PostgreSQL's calendar begins later than that of ISO 8601 with a sign.
    let utc = parsed.and_then(|parsed| parsed.checked_to_offset(UtcOffset::UTC)).filter(|utc| utc.year() >= 0);
    utc.ok_or_else(|| Error::malformed(field, "must be a time such as 2027-01-31T23:59:59Z"))
}

fn host() -> String {
    nix::unistd::gethostname().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned())
}
