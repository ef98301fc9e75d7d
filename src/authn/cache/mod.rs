//! The callers whose credentials were verified a short while ago, so that a warm request asks no database and hashes no
//! password.
//!
//! What is remembered is never wrong for longer than [`crate::db::changes`] promises: each use looks whether anything
//! it depends on was changed since the moment before it was read, whether it has run out, and whether the lease holds.
//! Refusals are not remembered, so a flood of bad credentials pushes no good one out. Bounded in bytes.

mod flights;

use std::{
    hash::{BuildHasherDefault, Hasher},
    net::IpAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use hmac::{Hmac, KeyInit, Mac};
use quick_cache::{OptionsBuilder, Weighter, sync};
use sha2::Sha256;
use time::OffsetDateTime;

use self::flights::{Flight, Flights};
use super::{attempts::network, bearer, caller::Caller};
use crate::{
    authz::narrowing::Narrowing,
    clock::{Clock, Random},
    db::changes::{
        Changes,
        freshness::{Moment, Stripe},
    },
    error::Result,
};

/// What a credential is found by: an HMAC-SHA-256 with a key made at start.
pub type Digest = [u8; 32];

/// For how long a verified password counts, at most; keys and tokens count to their own end.
pub const PASSWORD_COUNTS_FOR: time::Duration = time::Duration::minutes(15);

/// A caller that is remembered.
#[derive(Debug)]
pub struct Entry {
    pub caller: Caller,
    /// Before the database was asked.
    pub moment: Moment,
    /// What it depends on.
    pub stripes: Box<[Stripe]>,
    /// From when and until when; a clock may be set back.
    pub counts: Range<OffsetDateTime>,
    /// The minute in which the use of the key was noted last, since 1970.
    noted: AtomicI64,
}

impl Entry {
    #[must_use]
    pub fn new(caller: Caller, moment: Moment, stripes: Box<[Stripe]>, counts: Range<OffsetDateTime>) -> Self {
        Self { caller, moment, stripes, counts, noted: AtomicI64::new(i64::MIN) }
    }

    /// Whether a use at `now` is the first of its minute.
    #[must_use]
    pub fn is_news(&self, now: OffsetDateTime) -> bool {
        let minute = now.unix_timestamp().div_euclid(60);
        self.noted.load(Ordering::Relaxed) < minute && self.noted.fetch_max(minute, Ordering::Relaxed) < minute
    }
}

/// The remembered callers.
pub struct Cache {
    entries: sync::Cache<Digest, Arc<Entry>, Bytes, BuildHasherDefault<First>>,
    /// Has taken the key in already; begun anew from there.
    digest: Hmac<Sha256>,
    flights: Flights,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How many uses of the cache there were.
#[derive(Clone, Copy, Debug)]
pub struct Uses {
    pub hits: u64,
    pub misses: u64,
}

/// What came of a look.
pub enum Look {
    Hit(Arc<Entry>),
    /// Whoever holds it is to fill the gap; others who look for the same wait until it is dropped.
    Miss(Flight),
}

impl Cache {
    /// One that takes about `bytes` of memory at most.
    #[must_use]
    pub fn new(random: &Random, bytes: u64) -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(bytes)
            .estimated_items_capacity(usize::try_from(bytes).unwrap_or(usize::MAX) / TYPICAL)
            .build();
        let lifecycle = sync::DefaultLifecycle::default();
        Self {
            entries: match options {
                Ok(options) => sync::Cache::with_options(options, Bytes, BuildHasherDefault::default(), lifecycle),
                // Both values above are there, which is all that `build` asks.
                Err(_) => sync::Cache::with(0, 0, Bytes, BuildHasherDefault::default(), lifecycle),
            },
            digest: Hmac::new(&random.bytes::<64>().into()),
            flights: Flights::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What the credential of this header is found by. The whole header, since two headers that differ may differ in
    /// what they mean; the address with it where a password may be meant: who guesses from elsewhere must not be let in
    /// by what a neighbour's sign-in left here.
    #[must_use]
    pub fn digest(&self, header: &[u8], address: Option<IpAddr>) -> Digest {
        let mut digest = self.digest.clone();
        let is_bound = !header.starts_with(API_KEY) && bearer::token(header).is_none();
        let network = if is_bound { address.map(network) } else { None };
        let network = network.as_deref().unwrap_or_default();
        digest.update(&[u8::try_from(network.len()).unwrap_or(u8::MAX)]);
        digest.update(network);
        digest.update(header);
        digest.finalize().into_bytes().into()
    }

    /// The caller, if it is remembered, still counts at `now`, and nobody need be asked whether it does.
    #[must_use]
    pub fn recall(&self, digest: &Digest, changes: &Changes, now: OffsetDateTime) -> Option<Arc<Entry>> {
        if !changes.is_leased() {
            return None;
        }
        let entry = self.find(digest, changes, now)?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry)
    }

    /// The caller of a credential that is not remembered. One lookup at a time goes to the database for it.
    ///
    /// # Errors
    /// That whether it counts cannot be found out.
    pub async fn look(&self, digest: &Digest, changes: &Changes, clock: &Clock) -> Result<Look> {
        if !changes.is_leased() {
            // Not filled anew: what answers may be a standby that is behind, and a password would be hashed for
            // nothing.
            changes.renewed().await?;
            if let Some(entry) = self.recall(digest, changes, clock.now()) {
                return Ok(Look::Hit(entry));
            }
        }
        let flight = match self.flights.begin(*digest) {
            Ok(first) => first,
            Err(other) => {
                other.ended().await;
                if let Some(entry) = self.recall(digest, changes, clock.now()) {
                    return Ok(Look::Hit(entry));
                }
                // It was refused, or is out of date again: whoever waited goes alone, and nobody waits for them.
                Flight::alone()
            }
        };
        self.misses.fetch_add(1, Ordering::Relaxed);
        Ok(Look::Miss(flight))
    }

    fn find(&self, digest: &Digest, changes: &Changes, now: OffsetDateTime) -> Option<Arc<Entry>> {
        let entry = self.entries.get(digest)?;
        if changes.freshness().is_unchanged(entry.moment, &entry.stripes) && entry.counts.contains(&now) {
            return Some(entry);
        }
        self.entries.remove_if(digest, |found| Arc::ptr_eq(found, &entry));
        None
    }

    /// Remembers a caller.
    pub fn insert(&self, digest: Digest, entry: Arc<Entry>) {
        self.entries.insert(digest, entry);
    }

    /// How often it was of use.
    #[must_use]
    pub fn uses(&self) -> Uses {
        Uses { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }

    /// How many callers are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// How the header of an API key begins as every client writes it: `Basic ` and `_api_key:` in base64. A key that is
/// spelled otherwise is bound to an address for nothing.
pub const API_KEY: &[u8] = b"Basic X2FwaV9rZXk6";

/// Hashes a digest to its first bytes: nobody without the key can choose them.
#[derive(Debug, Default)]
pub struct First(u64);

impl Hasher for First {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(self.0, |first| u64::from_ne_bytes(*first));
    }

    /// The length, which comes first and is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What an entry weighs without any role, with all that holds it.
const TYPICAL: usize = 1024;

/// Weighs entries by about what they take of memory.
#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<Digest, Arc<Entry>> for Bytes {
    fn weight(&self, _: &Digest, entry: &Arc<Entry>) -> u64 {
        /// A role with its names, as it is shown and as a power.
        const ROLE: usize = 512;
        let roles = entry.caller.roles.len().saturating_mul(ROLE);
        let narrowing = entry.caller.narrowing().map_or(0, Narrowing::size);
        u64::try_from(TYPICAL.saturating_add(roles).saturating_add(narrowing)).unwrap_or(u64::MAX)
    }
}
