//! The record of the request that runs: made when a request begins that changes something, written by the transaction
//! that does it, in the same commit.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{Method, Uri};
use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::{
    changes,
    record::{Actor, CHANGE, Level, Record},
    store, tally,
};
use crate::{authz::policy::Denial, state::App};

tokio::task_local! {
    static RECORDING: Arc<Recording>;
}

/// What is known of the request that runs.
#[derive(Debug)]
pub struct Recording {
    app: App,
    operation: String,
    resource: Resource,
    method: Method,
    path: String,
    address: Option<IpAddr>,
    request_id: Option<String>,
    state: Mutex<State>,
}

/// What the request has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Outcome {
    #[default]
    Open,
    /// There is no change, whatever transaction commits.
    Nothing,
    /// The records of the change are written.
    Recorded,
}

#[derive(Debug, Default)]
struct State {
    /// Who did it; `None`: not known yet.
    actor: Option<Actor>,
    /// The account that it concerns, where the path does not name it.
    account: Option<String>,
    /// The user whose the resource is.
    owner: Option<String>,
    /// What the body names.
    about: Vec<String>,
    /// Properties that changed, and what they are now.
    changes: Map<String, Value>,
    beside: Vec<Beside>,
    /// The records that the last transaction wrote, until it is known to be committed.
    written: Vec<Record>,
    outcome: Outcome,
}

/// What has a record beside the request's own: another change that came with it, or the same one where another account
/// or another name leads to it.
#[derive(Debug)]
pub struct Beside {
    /// The operation that makes such a change alone; `None`: it is the request's.
    pub operation: Option<&'static str>,
    pub resource: Resource,
    pub names: Vec<String>,
}

/// What a request is about, as its path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    pub account: Option<String>,
    pub kind: Option<&'static str>,
    pub id: Option<String>,
}

/// The collections of the API, and what is in them.
const COLLECTIONS: [(&str, &str); 16] = [
    ("accounts", "account"),
    ("users", "user"),
    ("credentials", "credential"),
    ("api-keys", "api_key"),
    ("members", "role_member"),
    ("roles", "role"),
    ("user-groups", "user_group"),
    ("idps", "identity_provider"),
    ("user-group-mappings", "user_group_mapping"),
    ("sso", "identity_provider"),
    ("sessions", "session"),
    // The console's, under `/console/session`.
    ("session", "session"),
    ("token", "session"),
    ("revoke", "session"),
    ("logging", "logging"),
    ("configurations", "configuration"),
];

impl Resource {
    /// What a path is about, by the route that it matches.
    #[must_use]
    pub fn of(route: &str, path: &str) -> Self {
        let mut found = Self::default();
        for (pattern, part) in route.split('/').zip(path.split('/')) {
            if let Some(kind) = COLLECTIONS.iter().find(|(name, _)| *name == pattern).map(|(_, kind)| *kind) {
                // Whoever joins a group or is mapped to it changes the group, or the provider.
                if matches!(found.kind, Some("user_group" | "identity_provider")) && found.id.is_some() {
                    continue;
                }
                found.kind = Some(kind);
                // A password has the name of its user.
                found.id = found.id.filter(|_| kind == "credential");
            } else if pattern.starts_with('{') {
                let value = percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
                if pattern == "{account_name}" {
                    found.account = Some(value.clone());
                }
                found.id = Some(value);
            }
        }
        found
    }
}

/// Where a request comes from.
#[derive(Debug)]
pub struct Origin<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub route: &'a str,
    pub address: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Recording {
    /// The record of a request, whose caller is known already, or will be when it has signed in.
    #[must_use]
    pub fn new(app: &App, operation: &str, origin: Origin<'_>, actor: Option<Actor>, account: Option<String>) -> Self {
        Self {
            app: Arc::clone(app),
            operation: operation.to_owned(),
            resource: Resource::of(origin.route, origin.uri.path()),
            method: origin.method.clone(),
            path: origin.uri.path().to_owned(),
            address: origin.address,
            request_id: origin.request_id,
            state: Mutex::new(State { actor, account, ..State::default() }),
        }
    }

    /// Runs the request with its record at hand.
    pub async fn during<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        RECORDING.scope(self, work).await
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request's record and those beside it, if they are to be written.
    fn records(&self) -> Vec<Record> {
        let state = self.state();
        let Some(actor) = state.actor.as_ref().filter(|_| state.outcome == Outcome::Open) else { return Vec::new() };
        let own = Beside {
            operation: None,
            resource: Resource {
                account: self.resource.account.clone().or_else(|| state.account.clone()),
                kind: self.resource.kind,
                id: self.resource.id.clone().or_else(|| state.about.first().cloned()),
            },
            names: state.about.clone(),
        };
        std::iter::once(&own).chain(&state.beside).map(|one| self.record(actor, one, &state)).collect()
    }

    fn record(&self, actor: &Actor, one: &Beside, state: &State) -> Record {
        let app = &self.app;
        let operation = one.operation.unwrap_or(&self.operation);
        let mut record = Record::new(&app.clock, &app.random, format!("{CHANGE}{operation}"), Level::Info);
        record.message = match (one.resource.kind, &one.resource.id) {
            (Some(kind), Some(id)) => format!("{}: {operation} ({kind} {id})", actor.name()),
            _ => format!("{}: {operation}", actor.name()),
        };
        record.account.clone_from(&one.resource.account);
        record.resource_type = one.resource.kind;
        record.resource_id.clone_from(&one.resource.id);
        record.request_id.clone_from(&self.request_id);
        actor.tell(&mut record);
        record.detail("resource_user", state.owner.clone());
        record.detail("operation", Some(self.operation.as_str()));
        record.detail("method", Some(self.method.as_str()));
        record.detail("path", Some(self.path.as_str()));
        record.detail("address", self.address.map(|address| address.to_string()));
        record.detail("outcome", Some("success"));
        record.detail("names", Some(one.names.clone()).filter(|names| !names.is_empty()));
        let changes = Some(&state.changes).filter(|changes| one.operation.is_none() && !changes.is_empty());
        record.detail("changes", changes.cloned());
        record
    }

    /// After the answer: what changed something without a transaction has its record written with what is counted, and
    /// what the answer refuses to somebody who is known is counted.
    pub fn finish(&self, answer: &mut axum::response::Response) {
        if answer.status().is_success() {
            self.records().into_iter().for_each(|record| self.app.tally.push(record));
            self.state().outcome = Outcome::Recorded;
        }
        let denial = answer.extensions_mut().remove::<Denial>();
        if let (Some(denial), Some(actor)) = (denial, self.state().actor.clone()) {
            tally::note_denial(&self.app, &denial, actor, self.address, &self.operation, self.request_id.as_deref());
        }
    }
}

/// The record of the request that runs, where there is one that is not written yet.
fn current() -> Option<Arc<Recording>> {
    RECORDING.try_with(Arc::clone).ok()
}

/// Says what the request is about, where its path does not.
pub fn about(name: &str) {
    if let Some(recording) = current() {
        recording.state().about.push(name.to_owned());
    }
}

/// Says whose the resource is, where its name is one among others of its user's.
pub fn belongs_to(username: &str) {
    if let Some(recording) = current() {
        recording.state().owner = Some(username.to_owned());
    }
}

/// Says which account the change concerns, where neither the path nor the caller's account is that.
pub fn concerns(account: &str) {
    if let Some(recording) = current() {
        recording.state().account = Some(account.to_owned());
    }
}

/// Says that there is no change after all, though a transaction is committed: a refusal is counted all the same.
pub fn nothing_happened() {
    if let Some(recording) = current() {
        recording.state().outcome = Outcome::Nothing;
    }
}

/// Says who does it, where nobody had signed in before, and on what.
pub fn done_by(actor: Actor, what: &str) {
    if let Some(recording) = current() {
        let mut state = recording.state();
        state.account.clone_from(&actor.account);
        state.about = vec![what.to_owned()];
        state.actor = Some(actor);
    }
}

/// Says which properties changed, by what the API shows before and after.
pub fn changed(before: &impl Serialize, after: &impl Serialize) {
    if let Some(recording) = current() {
        recording.state().changes = changes::between(before, after);
    }
}

/// Says what a property was set to.
pub fn change(name: &str, value: impl Into<Value>) {
    if let Some(recording) = current() {
        recording.state().changes.insert(name.to_owned(), changes::shortened(value.into()));
    }
}

/// Says what has a record beside the request's own, all of it at once: a transaction that is run again says it again.
pub fn beside(all: Vec<Beside>) {
    if let Some(recording) = current() {
        recording.state().beside = all;
    }
}

/// Says which accounts the change concerns, each with what its record names; where there are none, it is of the
/// caller's account as ever. Each account has a record of its own, so that its auditors see it, and nothing of the
/// others.
pub fn concerns_each(accounts: impl IntoIterator<Item = (String, Vec<String>)>) {
    let Some(recording) = current() else { return };
    let mut accounts = accounts.into_iter();
    let Some((account, names)) = accounts.next() else { return };
    let resource = &recording.resource;
    let one = |(account, names)| Beside {
        operation: None,
        resource: Resource { account: Some(account), ..resource.clone() },
        names,
    };
    let beside = accounts.map(one).collect();
    let mut state = recording.state();
    (state.account, state.about, state.beside) = (Some(account), names, beside);
}

/// Says which accounts the change concerns besides its own: each has the same record, without the names.
pub fn concerns_also(accounts: impl IntoIterator<Item = String>) {
    let Some(recording) = current() else { return };
    let mut state = recording.state();
    let own = recording.resource.account.as_ref().or(state.account.as_ref());
    let others = accounts.into_iter().filter(|account| Some(account) != own);
    let one = |account| Beside {
        operation: None,
        resource: Resource { account: Some(account), ..recording.resource.clone() },
        names: Vec::new(),
    };
    let beside = others.map(one).collect();
    state.beside = beside;
}

/// Says from where the request came during which something else happened, where one runs that has a record.
pub fn tell_origin(record: &mut Record) {
    if let Some(recording) = current() {
        record.request_id.clone_from(&recording.request_id);
        record.detail("operation", Some(recording.operation.as_str()));
        record.detail("address", recording.address.map(|address| address.to_string()));
    }
}

/// Writes the records of the request that runs into the transaction that is about to commit.
///
/// # Errors
/// What the database says: then nothing is committed.
pub async fn write(db: &mut PgConnection) -> sqlx::Result<()> {
    let Some(recording) = current() else { return Ok(()) };
    let records = recording.records();
    for record in &records {
        store::insert(db, record).await?;
    }
    recording.state().written = records;
    Ok(())
}

/// Says that the transaction was committed: it has its records, and the log gets them, too.
pub fn committed() {
    let Some(recording) = current() else { return };
    let mut state = recording.state();
    for record in std::mem::take(&mut state.written) {
        state.outcome = Outcome::Recorded;
        tracing::info!(target: "kedge::audit", "{}", record.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_says_what_it_is_about() {
        let about = |route: &str, path: &str| Resource::of(route, path);
        let resource = |account: Option<&str>, kind, id: Option<&str>| Resource {
            account: account.map(str::to_owned),
            kind,
            id: id.map(str::to_owned),
        };
        for (route, path, expected) in [
            ("/v2/accounts", "/v2/accounts", resource(None, Some("account"), None)),
            (
                "/v2/accounts/{account_name}",
                "/v2/accounts/tea%20party",
                resource(Some("tea party"), Some("account"), Some("tea party")),
            ),
            (
                "/v2/accounts/{account_name}/state",
                "/v2/accounts/a-1/state",
                resource(Some("a-1"), Some("account"), Some("a-1")),
            ),
            ("/v2/accounts/{account_name}/users", "/v2/accounts/a-1/users", resource(Some("a-1"), Some("user"), None)),
            (
                "/v2/accounts/{account_name}/users/{username}/api-keys/{key_name}",
                "/v2/accounts/a-1/users/alice/api-keys/ci",
                resource(Some("a-1"), Some("api_key"), Some("ci")),
            ),
            (
                "/v2/accounts/{account_name}/users/{username}/credentials",
                "/v2/accounts/a-1/users/alice/credentials",
                resource(Some("a-1"), Some("credential"), Some("alice")),
            ),
            (
                "/v2/system/user-groups/{group_uuid}/users",
                "/v2/system/user-groups/g-1/users",
                resource(None, Some("user_group"), Some("g-1")),
            ),
            ("/v2/user/api-keys", "/v2/user/api-keys", resource(None, Some("api_key"), None)),
            ("/console/session", "/console/session", resource(None, Some("session"), None)),
            ("/v2/system/logging", "/v2/system/logging", resource(None, Some("logging"), None)),
        ] {
            assert_eq!(about(route, path), expected, "{route}");
        }
    }
}
