//! Tamper evidence: within a second, one node covers the records that were committed since by a seal, which covers the
//! seal before it, too, and signs it with a key that the database does not hold. The log has it as well: with one line
//! of it kept elsewhere, nobody can alter what came before unnoticed.
//!
//! Records are chained after they were committed: a chain inside the writing transactions would make writers wait for
//! each other.

use std::{fmt::Write as _, path::Path, time::Duration};

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{
    record::LATEST,
    store::{self, Event, Seal},
};
use crate::{
    clock::{Clock, Random},
    db::{Db, WriteError, earliest_now},
    error::{Error, Result},
    secret::Secret,
    state::App,
    transaction,
};

/// The pause between two looks for records.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How many records a seal covers at most.
const MOST: i64 = 5_000;
/// How much earlier than a seal a record may have been made that is committed after it, where no transaction is known
/// that runs for longer: a command of another role's is not.
const SLACK: time::Duration = time::Duration::minutes(5);
/// The same where one is known, at most.
const LONGEST: time::Duration = time::Duration::hours(1);
/// How long the text is at least that a key is derived from, in bytes.
const SHORTEST: usize = 32;
/// What the key is derived for.
const PURPOSE: &[u8] = b"kedge: seals of the audit trail, 1";

/// What signs seals.
pub struct Sealer(Ed25519KeyPair);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

struct Seed;

impl KeyType for Seed {
    fn len(&self) -> usize {
        32
    }
}

impl Sealer {
    /// By a key that is derived from the secret.
    ///
    /// # Errors
    /// None that a secret could cause.
    #[expect(clippy::disallowed_methods, reason = "the key is derived from the secret")]
    pub fn new(secret: &Secret) -> Result<Self> {
        let broken = |_| Error::internal("the key of the audit trail's seals cannot be made");
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        let prk = Salt::new(HKDF_SHA256, &[]).extract(secret.reveal().as_bytes());
        prk.expand(&[PURPOSE], Seed).and_then(|okm| okm.fill(&mut *seed)).map_err(broken)?;
        Ed25519KeyPair::from_seed_unchecked(&*seed).map(Self).map_err(|_| broken(aws_lc_rs::error::Unspecified))
    }

    /// By the configured secret, or else one of this machine's, made in its data directory; where there is none, by one
    /// that ends with the process.
    ///
    /// # Errors
    /// A file that holds no key.
    pub fn load(configured: Option<&Secret>, directory: &Path, random: &Random) -> Result<Self> {
        if let Some(secret) = configured {
            return Self::new(secret);
        }
        let path = directory.join("audit-seal-key");
        match std::fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) if text.trim().len() >= SHORTEST => return Self::new(&Secret::new(text)),
            Ok(_) => {
                let path = path.display();
                return Err(Error::internal(format!(
                    "{path} holds no key of the audit trail's seals: put back what was in it, or remove it for another key"
                )));
            }
            // Nobody has made one, or none can be kept there.
            Err(_) => {}
        }
        let text = random.alphanumeric(43);
        if let Err(error) = write_private(directory, &path, &text) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "audit.seal_key is not set, and none can be kept in the data directory: this key ends with the process"
            );
        }
        Self::new(&Secret::new(text))
    }

    /// What verifies the seals, in hexadecimal.
    #[must_use]
    pub fn public_key(&self) -> String {
        hex(self.0.public_key().as_ref())
    }
}

/// Writes the file whole or not at all.
fn write_private(directory: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    use std::{fs, io::Write, os::unix::fs::OpenOptionsExt};
    if path.try_exists()? {
        return Err(std::io::Error::other("the file is there and cannot be read"));
    }
    let new = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    fs::File::open(directory)?.sync_all()
}

/// Runs until the process ends.
pub async fn run(app: App) {
    tracing::info!(target: "kedge::audit", public_key = app.sealer.public_key(), "seals of the audit trail are signed");
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = seal_all(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the audit trail could not be sealed, trying again"
            );
        }
    }
}

/// Seals until no seal is full: what came meanwhile is for the next look.
async fn seal_all(app: &App) -> Result<()> {
    while seal(app).await?.is_some_and(|seal| seal.count == MOST) {}
    Ok(())
}

/// Seals what is there to be sealed, unless another node is at it.
///
/// # Errors
/// What the database says.
pub async fn seal(app: &App) -> Result<Option<Seal>> {
    let made = async { transaction!(app.db, |db| { seal_some(db, &app.sealer, &app.clock).await }) };
    let made = app.db.while_it_answers(made).await?;
    if let Some(seal) = &made {
        tracing::info!(
            target: "kedge::audit",
            checkpoint = format!("{}:{}", seal.id, hex(&seal.hash)),
            records = seal.count,
            signature = hex(&seal.signature),
            "sealed"
        );
    }
    Ok(made)
}

async fn seal_some(db: &mut PgConnection, sealer: &Sealer, clock: &Clock) -> Result<Option<Seal>, WriteError> {
    if !store::lock_seals(db).await? {
        return Ok(None);
    }
    // Before the records are read: whoever commits in between is among them.
    let (now, oldest) = (earliest_now(db, clock).await?, store::oldest_transaction(db).await?);
    let last = store::find_last_seal(db).await?;
    let since = last.as_ref().map_or(OffsetDateTime::UNIX_EPOCH, |last| last.since);
    let records = store::list_unsealed(db, since, MOST).await?;
    if records.is_empty() {
        return Ok(None);
    }
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    let count = i64::try_from(records.len()).unwrap_or(i64::MAX);
    // A full one may have left some behind.
    let since = if count == MOST { since } else { window(now, oldest).max(since) };
    let created_at = now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now);
    let id = last.as_ref().map_or(1, |last| last.id + 1);
    let hash = hash_of(last.as_ref().map(|last| last.hash.as_slice()), id, created_at, &records);
    let seal = Seal {
        id,
        created_at,
        since,
        count,
        signature: sealer.0.sign(&hash).as_ref().to_vec(),
        public_key: sealer.0.public_key().as_ref().to_vec(),
        hash,
    };
    store::insert_seal(db, &seal, &ids).await?;
    Ok(Some(seal))
}

/// Since when records may have been made that are not committed yet, where the oldest transaction began at `oldest`.
fn window(now: OffsetDateTime, oldest: OffsetDateTime) -> OffsetDateTime {
    (now - SLACK).min((oldest - LATEST).max(now - LONGEST))
}

/// SHA-256 over the seal before, this one and each of its records, in the order of their ids.
fn hash_of(before: Option<&[u8]>, id: i64, created_at: OffsetDateTime, records: &[Event]) -> Vec<u8> {
    let mut hash = Sha256::new();
    put(&mut hash, before);
    put(&mut hash, Some(&id.to_be_bytes()));
    put(&mut hash, Some(&micros(created_at)));
    for record in records {
        put(&mut hash, Some(&record.id.to_be_bytes()));
        put(&mut hash, Some(record.event_id.as_bytes()));
        put(&mut hash, Some(&micros(record.created_at)));
        let details = record.details.to_string();
        for text in [&record.kind, &record.level, &record.message, &details] {
            put(&mut hash, Some(text.as_bytes()));
        }
        for text in [&record.account, &record.resource_type, &record.resource_id, &record.request_id] {
            put(&mut hash, text.as_ref().map(String::as_bytes));
        }
        put(&mut hash, Some(&record.count.to_be_bytes()));
    }
    hash.finalize().to_vec()
}

/// A field with its length before it, so that no two lists of fields are alike.
fn put(hash: &mut Sha256, field: Option<&[u8]>) {
    let length = field.map_or(u64::MAX, |field| field.len() as u64);
    hash.update(length.to_be_bytes());
    hash.update(field.unwrap_or_default());
}

fn micros(moment: OffsetDateTime) -> [u8; 16] {
    (moment.unix_timestamp_nanos() / 1000).to_be_bytes()
}

#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a verification found right.
#[derive(Debug, Default)]
pub struct Verified {
    pub seals: i64,
    pub records: i64,
    /// Seals whose records have been dropped with their month.
    pub dropped: i64,
    /// Records that no seal covers, yet.
    pub unsealed: i64,
    /// The last seal, to be kept elsewhere.
    pub checkpoint: Option<String>,
    /// The keys that signed, in hexadecimal.
    pub keys: Vec<String>,
}

/// What is wrong with the trail.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("seal {seal}: {why}")]
    Seal { seal: i64, why: String },
    #[error("{0} records are in no seal, although seals exist for their time: they were added later")]
    Late(i64),
    #[error("the checkpoint {0} is not in the trail")]
    Checkpoint(String),
    #[error(transparent)]
    Other(#[from] Error),
}

/// Looks at every seal and every record that is there. With a checkpoint from a log, whether the trail is the one that
/// it is of; with keys, whether these alone signed.
///
/// # Errors
/// The first thing that is wrong.
pub async fn verify(db: &Db, checkpoint: Option<&str>, keys: &[String]) -> Result<Verified, Broken> {
    let mut db = db.connection().await?;
    let mut verified = Verified::default();
    let kept_since = store::kept_since(&mut db).await.map_err(Error::from)?;
    let mut before: Option<Seal> = None;
    let mut found = checkpoint.is_none();
    loop {
        let after = before.as_ref().map_or(0, |seal| seal.id);
        let seals = store::list_seals(&mut db, after, 1000).await.map_err(Error::from)?;
        if seals.is_empty() {
            break;
        }
        for seal in seals {
            let wrong = |why: &str| Broken::Seal { seal: seal.id, why: why.to_owned() };
            if seal.id != before.as_ref().map_or(0, |before| before.id) + 1 {
                return Err(wrong("the seal before it was removed"));
            }
            let key = hex(&seal.public_key);
            if !keys.is_empty() && !keys.contains(&key) {
                return Err(wrong("signed by a key that is not one of those given"));
            }
            let signed = UnparsedPublicKey::new(&ED25519, &seal.public_key).verify(&seal.hash, &seal.signature);
            signed.map_err(|_| wrong("its signature does not verify"))?;
            let records = store::list_sealed(&mut db, seal.id).await.map_err(Error::from)?;
            let is_kept = kept_since.is_none_or(|since| seal.created_at - LONGEST >= since);
            let there = i64::try_from(records.len()).unwrap_or(i64::MAX);
            if there > seal.count {
                return Err(wrong(&format!("{} records were added to it", there - seal.count)));
            }
            if there == seal.count {
                let previous = before.as_ref().map(|before| before.hash.as_slice());
                if hash_of(previous, seal.id, seal.created_at, &records) != seal.hash {
                    return Err(wrong("one of its records, or the seal before it, was altered"));
                }
                verified.records += seal.count;
            } else if is_kept {
                let missing = seal.count - there;
                return Err(wrong(&format!("{missing} of its records were removed")));
            } else {
                verified.dropped += 1;
            }
            let line = format!("{}:{}", seal.id, hex(&seal.hash));
            found |= checkpoint == Some(line.as_str());
            if !verified.keys.contains(&key) {
                verified.keys.push(key);
            }
            verified.seals += 1;
            verified.checkpoint = Some(line);
            before = Some(seal);
        }
    }
    let since = before.as_ref().map_or(OffsetDateTime::UNIX_EPOCH, |last| last.since);
    let (unsealed, late) = store::count_unsealed(&mut db, since).await.map_err(Error::from)?;
    if late > 0 {
        return Err(Broken::Late(late));
    }
    verified.unsealed = unsealed;
    if found { Ok(verified) } else { Err(Broken::Checkpoint(checkpoint.unwrap_or_default().to_owned())) }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    #[test]
    fn window_reaches_back_to_what_an_open_transaction_may_still_write_and_not_for_ever() {
        let now = datetime!(2026-11-22 12:00 UTC);
        for (runs_for, reaches) in [(Duration::ZERO, SLACK), (SLACK, SLACK + LATEST), (Duration::days(1), LONGEST)] {
            assert_eq!(now - window(now, now - runs_for), reaches, "{runs_for}");
        }
        assert!(LATEST < SLACK && SLACK < LONGEST);
    }
}
