//! The keys that sign access tokens and verify them.
//!
//! [`mod@configured`] reads the key that the configuration names. Without one, Kedge makes an Ed25519 pair at the first
//! start and keeps it in the database ([`store`]), so that every node signs alike, sealed where the configuration has a
//! key for that ([`sealing`]). Those keys rotate with overlap. [`key`] is what one of them does. Whether a token's user
//! and session still are does not belong here.

mod configured;
mod key;
mod sealing;
mod store;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::jwk::Jwk;
use time::OffsetDateTime;
use zeroize::Zeroizing;

pub use configured::{KeyProblem, configured};
pub use key::SigningKey;
pub use sealing::Sealing;
pub use store::delete_expired_keys;

use super::jwt::{CLOCK_SKEW, Claims};
use crate::{
    audit::{self, record::SecurityEvent},
    clock::{Clock, Random},
    db::{
        Db,
        changes::{Changes, Subject, freshness::Moment},
    },
    error::{Error, Result},
    transaction,
};

/// How much longer a retired key verifies than the last token that is known to be signed with it: a node may
/// be about to sign one, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60 + CLOCK_SKEW.unsigned_abs());

/// For how long a node goes by what it read of the keys while it hears of no change: less than [`MARGIN`], so that it
/// knows of a key's end before that comes.
const FRESH: Duration = Duration::from_mins(1);

/// The keys of the deployment, as this node knows them.
#[derive(Debug)]
pub struct SigningKeys {
    /// `None`: the one key comes from the configuration.
    in_database: Option<InDatabase>,
    changes: Arc<Changes>,
    /// What was read last.
    latest: RwLock<Snapshot>,
}

/// The keys, and when they were read: by the clock, and in the order of changes.
#[derive(Clone, Debug)]
struct Snapshot {
    at: OffsetDateTime,
    moment: Moment,
    ring: Ring,
}

/// The key that signs, then those that only verify.
type Ring = Arc<[Held]>;

/// Keys that Kedge made, in the database.
#[derive(Debug)]
struct InDatabase {
    sealing: Option<Sealing>,
}

/// What a key says of a token.
#[derive(Debug)]
pub struct Verified {
    pub claims: Claims,
    /// The key's name.
    pub kid: String,
    /// Until when the key verifies, as far as is known.
    pub until: Option<OffsetDateTime>,
}

/// A key, and until when it verifies; without end where it signs.
#[derive(Debug)]
struct Held {
    key: Arc<SigningKey>,
    until: Option<OffsetDateTime>,
}

impl SigningKeys {
    /// The configured key, or else those of the database, made where there are none.
    ///
    /// # Errors
    /// A stored key that cannot be opened, or what the database says.
    pub async fn load(
        db: &Db,
        (clock, random): (&Clock, &Random),
        changes: Arc<Changes>,
        configured: Option<SigningKey>,
        sealing: Option<Sealing>,
    ) -> Result<Self, KeyError> {
        let (at, moment) = (clock.now(), changes.freshness().moment());
        let (in_database, ring): (_, Ring) = if let Some(key) = configured {
            (None, Arc::new([Held { key: Arc::new(key), until: None }]))
        } else {
            let in_database = InDatabase { sealing };
            in_database.ensure(db, random, at).await?;
            let ring = in_database.read_all(db, at).await?;
            (Some(in_database), ring)
        };
        Ok(Self { in_database, changes, latest: RwLock::new(Snapshot { at, moment, ring }) })
    }

    /// Whether whoever reads the database can sign tokens.
    #[must_use]
    pub fn are_readable(&self) -> bool {
        self.in_database.as_ref().is_some_and(|in_database| in_database.sealing.is_none())
    }

    /// The key to sign with now: another node may have changed it since this one looked.
    ///
    /// # Errors
    /// What the database says.
    pub async fn signing(&self, db: &Db, clock: &Clock) -> Result<Arc<SigningKey>> {
        let ring = self.snapshot().ring;
        let Some(in_database) = &self.in_database else {
            let key = ring.first().map(|held| Arc::clone(&held.key));
            return key.ok_or_else(|| Error::internal("there is no signing key"));
        };
        let kid = store::find_signing_kid(&mut *db.connection().await?).await?;
        let named = |ring: &Ring| ring.iter().find(|held| held.key.kid == kid).map(|held| Arc::clone(&held.key));
        if let Some(key) = named(&ring) {
            return Ok(key);
        }
        let ring = self.reload(in_database, db, clock).await?;
        named(&ring).ok_or(Error::Unavailable("the signing key is being changed"))
    }

    /// What the token says, if one of the keys signed it and counts. Asks the database only where the header could be
    /// that of a key which this node has not seen yet, or is that of one which may have been retired or deleted since.
    ///
    /// # Errors
    /// Why the token is refused, or what the database says.
    pub async fn verify(&self, db: &Db, clock: &Clock, token: &str) -> Result<Verified> {
        let Snapshot { at, moment, mut ring } = self.snapshot();
        let is_asked = match ring.iter().find(|held| held.key.is_header_of(token)) {
            Some(held) => (clock.now() - at).abs() > FRESH || self.is_changed(held, moment),
            None => SigningKey::could_be_ours(token),
        };
        if let Some(in_database) = self.in_database.as_ref().filter(|_| is_asked) {
            ring = self.reload(in_database, db, clock).await?;
        }
        let held = ring.iter().find(|held| held.key.is_header_of(token));
        let held = held.ok_or(Error::unauthenticated("access token with the header of no key"))?;
        if held.until.is_some_and(|until| until <= clock.now()) {
            return Err(Error::unauthenticated("access token of a key that was retired"));
        }
        let claims = held.key.verify(token).map_err(Error::unauthenticated)?;
        Ok(Verified { claims, kid: held.key.kid.clone(), until: held.until })
    }

    /// The public halves of all keys that verify.
    ///
    /// # Errors
    /// What the database says.
    pub async fn published(&self, db: &Db, clock: &Clock) -> Result<Vec<Jwk>> {
        let ring = match &self.in_database {
            Some(in_database) => self.reload(in_database, db, clock).await?,
            None => self.snapshot().ring,
        };
        let now = clock.now();
        let counting = ring.iter().filter(|held| held.until.is_none_or(|until| until > now));
        Ok(counting.filter_map(|held| held.key.public().cloned()).collect())
    }

    fn snapshot(&self) -> Snapshot {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_changed(&self, held: &Held, since: Moment) -> bool {
        let stripe = self.changes.stripe(Subject::SigningKey(&held.key.kid));
        !self.changes.freshness().is_unchanged(since, &[stripe])
    }

    async fn reload(&self, in_database: &InDatabase, db: &Db, clock: &Clock) -> Result<Ring> {
        let (at, moment) = (clock.now(), self.changes.freshness().moment());
        let ring = in_database.read(db, at, &self.snapshot().ring).await?;
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Snapshot { at, moment, ring: Arc::clone(&ring) };
        Ok(ring)
    }
}

impl InDatabase {
    /// Makes the first key where there is none, and seals one that stands bare.
    async fn ensure(&self, db: &Db, random: &Random, now: OffsetDateTime) -> Result<(), KeyError> {
        let (seed, nonce) = (Zeroizing::new(random.bytes()), random.bytes());
        let first = self.new_key(&seed, nonce)?;
        let ensured: Result<Result<(), KeyError>> = transaction!(db, |db| {
            store::lock_keys(db).await?;
            let stored = store::list_keys(db, now).await?;
            if stored.is_empty() {
                store::insert_key(db, &first.kid, (&first.seed, first.is_sealed), now).await?;
            }
            for key in stored.iter().filter(|key| !key.is_sealed) {
                match self.sealed(key, random.bytes()) {
                    Ok(Some(sealed)) => store::update_seed(db, &key.kid, &sealed).await?,
                    Ok(None) => {}
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok(Ok(()))
        });
        ensured?
    }

    fn new_key(&self, seed: &[u8; 32], nonce: [u8; 12]) -> Result<NewKey, KeyError> {
        let kid = SigningKey::ed25519(seed)?.kid;
        let sealed = self.sealing.as_ref().map(|sealing| sealing.seal(&kid, seed, nonce)).transpose()?;
        let is_sealed = sealed.is_some();
        Ok(NewKey { seed: Zeroizing::new(sealed.unwrap_or_else(|| seed.to_vec())), is_sealed, kid })
    }

    /// The seed of a bare key, sealed; `None` without a key to seal with.
    fn sealed(&self, bare: &store::StoredKey, nonce: [u8; 12]) -> Result<Option<Vec<u8>>, KeyError> {
        let Some(sealing) = &self.sealing else { return Ok(None) };
        let seed: [u8; 32] = bare.seed.as_slice().try_into().map_err(|_| KeyError::broken(&bare.kid))?;
        Ok(Some(sealing.seal(&bare.kid, &seed, nonce)?))
    }

    /// All keys, each of which must open.
    async fn read_all(&self, db: &Db, now: OffsetDateTime) -> Result<Ring, KeyError> {
        let stored = store::list_keys(&mut *db.connection().await?, now).await.map_err(Error::from)?;
        stored.into_iter().map(|stored| self.open(stored)).collect()
    }

    /// The keys as they are now. One that this node knows stays open, though it may have been sealed since with a key
    /// that this node was not started with; one that cannot be opened is told to the log and left out.
    async fn read(&self, db: &Db, now: OffsetDateTime, known: &Ring) -> Result<Ring, KeyError> {
        let stored = store::list_keys(&mut *db.connection().await?, now).await.map_err(Error::from)?;
        let mut ring = Vec::with_capacity(stored.len());
        for stored in stored {
            let until = stored.verifies_until;
            match known.iter().find(|held| held.key.kid == stored.kid) {
                Some(held) => ring.push(Held { key: Arc::clone(&held.key), until }),
                None => match self.open(stored) {
                    Ok(held) => ring.push(held),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "a signing key cannot be used here");
                    }
                },
            }
        }
        Ok(ring.into())
    }

    fn open(&self, stored: store::StoredKey) -> Result<Held, KeyError> {
        let bytes = Zeroizing::new(stored.seed);
        let opened = if stored.is_sealed {
            let sealing = self.sealing.as_ref().ok_or(KeyError::Sealed)?;
            sealing.open(&stored.kid, &bytes).ok_or(KeyError::SealedOtherwise)?
        } else {
            bytes
        };
        let seed = Zeroizing::new(opened.as_slice().try_into().map_err(|_| KeyError::broken(&stored.kid))?);
        let key = SigningKey::ed25519(&seed)?;
        if key.kid != stored.kid {
            return Err(KeyError::broken(&stored.kid));
        }
        Ok(Held { key: Arc::new(key), until: stored.verifies_until })
    }
}

/// A key to be stored.
struct NewKey {
    kid: String,
    seed: Zeroizing<Vec<u8>>,
    is_sealed: bool,
}

/// What came of a rotation.
#[derive(Debug)]
pub struct Rotated {
    pub kid: String,
    /// Until when the key before verifies; `None` where there was none.
    pub until: Option<OffsetDateTime>,
}

/// Makes a new key that signs from now on; the one before verifies until its last token, which may live `lifetime`,
/// has run out. Where an audit trail is kept, it is told.
///
/// # Errors
/// What the database says.
pub async fn rotate(
    db: &Db,
    (clock, random): (&Clock, &Random),
    sealing: Option<Sealing>,
    lifetime: Duration,
    has_trail: bool,
) -> Result<Rotated, KeyError> {
    let in_database = InDatabase { sealing };
    // Where the sealing key is the wrong one or missing, now is the time to say so.
    in_database.read_all(db, clock.now()).await?;
    let seed = Zeroizing::new(random.bytes());
    let new = in_database.new_key(&seed, random.bytes())?;
    let now = clock.now();
    let record = SecurityEvent::SigningKeyRotated.record(clock, random, &new.kid);
    let retired: Result<_> = transaction!(db, |db| {
        store::lock_keys(db).await?;
        let until = store::retire_key(db, now + lifetime, MARGIN.as_secs_f64()).await?;
        store::insert_key(db, &new.kid, (&new.seed, new.is_sealed), now).await?;
        if has_trail {
            audit::store::insert(db, &record).await?;
        }
        Ok(until)
    });
    Ok(Rotated { kid: new.kid, until: retired? })
}

/// Why the keys of the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the signing key in the database is sealed: `keys.sealing_key` (KEDGE_KEYS__SEALING_KEY) must be set")]
    Sealed,
    #[error("the signing key in the database was sealed with another `keys.sealing_key`")]
    SealedOtherwise,
    #[error("the signing key {0} in the database is broken")]
    Broken(String),
    #[error("the signing key cannot be used: {0}")]
    Key(#[from] jsonwebtoken::errors::Error),
    #[error("the signing key cannot be sealed")]
    Sealing(#[from] aws_lc_rs::error::Unspecified),
    #[error(transparent)]
    Database(#[from] Error),
}

impl KeyError {
    fn broken(kid: &str) -> Self {
        Self::Broken(kid.to_owned())
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Database(error) => error,
            other => Self::internal(other),
        }
    }
}
