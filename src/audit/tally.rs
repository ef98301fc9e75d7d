//! What is no change and can come in floods: counted in memory, a row for each caller, kind and minute, and written
//! when the minute is over. A crash loses a minute of them; a change never.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::PgConnection;
use time::OffsetDateTime;
use tokio::{sync::oneshot, time::timeout};

use super::{
    record::{Actor, LATEST, Level, Record, Refusal},
    store,
};
use crate::{
    authz::policy::Denial, error::Result, identity::users::store as users, names::SHORTENED, state::App,
    timestamp::Timestamp, transaction,
};

/// How often is looked whether a minute is over.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many different things are counted at a time; what comes beyond stands in one row.
const MOST: usize = 1_000;
/// How many of these may come from one address: whoever makes up a name a request stands in one row for the rest.
const MOST_OF_ADDRESS: usize = 50;
/// Whose row it is that stands for the rest.
const OTHERS: &str = "others";

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    minute: i64,
    refusal: Refusal,
    actor: Actor,
    address: Option<IpAddr>,
    /// What was asked for.
    operation: Option<String>,
}

#[derive(Debug)]
struct Counted {
    count: i64,
    first: OffsetDateTime,
    request_id: Option<String>,
    why: String,
}

/// What was counted and is not written yet.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<HashMap<Key, Counted>>,
    whole: Mutex<Vec<Record>>,
}

/// Something that was refused.
#[derive(Debug)]
pub struct Refused<'a> {
    pub refusal: Refusal,
    pub actor: Actor,
    pub address: Option<IpAddr>,
    pub operation: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub why: &'a str,
}

impl<'a> Refused<'a> {
    /// A sign-in, at whatever door: no operation is refused by that.
    #[must_use]
    pub const fn sign_in(actor: Actor, address: Option<IpAddr>, why: &'a str) -> Self {
        Self { refusal: Refusal::SignIn, actor, address, operation: None, request_id: None, why }
    }
}

impl Tally {
    /// Counts it.
    pub fn note(&self, now: OffsetDateTime, refused: Refused<'_>) {
        let mut key = Key {
            minute: now.unix_timestamp().div_euclid(60),
            refusal: refused.refusal,
            actor: refused.actor,
            address: refused.address,
            operation: refused.operation.map(str::to_owned),
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.contains_key(&key) {
            let of_address = counts
                .keys()
                .filter(|other| (other.minute, other.refusal, other.address) == (key.minute, key.refusal, key.address));
            let (is_full, is_full_of_address) = (counts.len() >= MOST, of_address.count() >= MOST_OF_ADDRESS);
            if is_full || is_full_of_address {
                let actor = Actor { user: Some(OTHERS.to_owned()), ..Actor::default() };
                let address = key.address.filter(|_| !is_full);
                key = Key { actor, address, operation: None, ..key };
            }
        }
        let counted = counts.entry(key).or_insert_with(|| Counted {
            count: 0,
            first: now,
            request_id: refused.request_id.map(str::to_owned),
            why: refused.why.to_owned(),
        });
        counted.count += 1;
    }

    /// Takes a record that stands for itself.
    pub fn push(&self, record: Record) {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// Writes what was counted in minutes that are over before `now`.
    ///
    /// # Errors
    /// What the database says: it is counted still then.
    pub async fn write(&self, app: &App, now: OffsetDateTime) -> Result<()> {
        let minute = now.unix_timestamp().div_euclid(60);
        let over: Vec<(Key, Counted)> = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.extract_if(|key, _| key.minute < minute).collect()
        };
        let mut records = std::mem::take(&mut *self.whole.lock().unwrap_or_else(PoisonError::into_inner));
        records.extend(over.iter().map(|(key, counted)| record(app, key, counted)));
        if records.is_empty() {
            return Ok(());
        }
        let written = async {
            transaction!(app.db, |db| {
                name_homes(db, &mut records).await?;
                Ok(insert_all(db, &records).await?)
            })
        };
        let written = app.db.while_it_answers(written).await;
        if written.is_err() {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.extend(over);
            let is_whole = |record: &Record| Refusal::ALL.iter().all(|refusal| refusal.kind() != record.kind);
            let whole = records.into_iter().filter(is_whole);
            self.whole.lock().unwrap_or_else(PoisonError::into_inner).extend(whole);
            return written;
        }
        for record in &records {
            tracing::info!(target: "kedge::audit", "{}", record.line());
        }
        Ok(())
    }
}

/// Names the accounts that those live in whose sign-ins failed, where there are such users: it is these accounts that
/// the guessing concerns. Looked up long after the answer, which takes no longer for it.
async fn name_homes(db: &mut PgConnection, records: &mut [Record]) -> sqlx::Result<()> {
    // Who stands for others is nobody, whoever has that name.
    let tried = |record: &&mut Record| {
        record.kind == Refusal::SignIn.kind() && record.account.is_none() && record.details.contains_key("signed_in_by")
    };
    // A name that is not whole is none that was tried.
    let whole = |user: &&str| !user.ends_with(SHORTENED);
    let user = |record: &Record| record.details.get("user")?.as_str().filter(whole).map(str::to_owned);
    let mut tried: Vec<_> =
        records.iter_mut().filter(tried).filter_map(|record| Some((user(record)?, record))).collect();
    if tried.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tried.iter().map(|(user, _)| user.clone()).collect();
    let homes: HashMap<String, String> =
        users::list_homes(db, &names).await?.into_iter().map(|home| (home.username, home.account)).collect();
    for (user, record) in &mut tried {
        record.account = homes.get(user).cloned();
        record.detail("user_account", record.account.clone());
    }
    Ok(())
}

async fn insert_all(db: &mut PgConnection, records: &[Record]) -> sqlx::Result<()> {
    for record in records {
        store::insert(db, record).await?;
    }
    Ok(())
}

fn record(app: &App, key: &Key, counted: &Counted) -> Record {
    let mut record = Record::new(&app.clock, &app.random, key.refusal.kind().to_owned(), Level::Error);
    if record.created_at - counted.first > LATEST {
        // Then the row does not say so.
        record.detail("first_at", Some(Timestamp(counted.first).to_string()));
    }
    record.created_at = counted.first;
    record.message = format!("{} ({}): {}", key.refusal.description(), key.actor.name(), counted.why);
    record.account.clone_from(&key.actor.account);
    record.count = counted.count;
    record.request_id.clone_from(&counted.request_id);
    key.actor.tell(&mut record);
    record.detail("operation", key.operation.clone());
    record.detail("address", key.address.map(|address| address.to_string()));
    record.detail("outcome", Some("refused"));
    record.detail("why", Some(counted.why.as_str()));
    record
}

/// Counts it, where a trail is kept.
pub fn note(app: &App, refused: Refused<'_>) {
    if app.config.audit.enabled {
        app.tally.note(app.clock.now(), refused);
    }
}

/// Counts what an answer refuses, whoever refused it: the guard or the operation.
pub fn note_denial(
    app: &App,
    denial: &Denial,
    actor: Actor,
    address: Option<IpAddr>,
    operation: &str,
    request_id: Option<&str>,
) {
    let why = denial.to_string();
    let refused = match denial {
        // Counted with its reason, which the answer does not tell.
        Denial::NotAccepted => return,
        Denial::SignIn(_) => Refused::sign_in(actor, address, &why),
        _ => {
            Refused { refusal: Refusal::Permission, actor, address, operation: Some(operation), request_id, why: &why }
        }
    };
    note(app, Refused { request_id, ..refused });
}

/// Runs until `end` is dropped; then writes all that is left. What is being written is finished first.
pub async fn run(app: App, mut end: oneshot::Receiver<()>) {
    while timeout(LOOK_EVERY, &mut end).await.is_err() {
        report(app.tally.write(&app, app.clock.now()).await);
    }
    report(app.tally.write(&app, app.clock.now() + Duration::from_mins(1)).await);
}

fn report(written: Result<()>) {
    if let Err(error) = written {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "could not write what was refused, trying again later"
        );
    }
}
