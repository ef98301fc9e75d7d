//! What other requests and other nodes change, so that what is remembered of callers ([`crate::authn::cache`]) is never
//! wrong.
//!
//! The promise: on the node that answered a change, every request that starts after the answer obeys it; on other nodes
//! within milliseconds, and never later than the lease (`cache.lease`), whatever the network does.
//!
//! How it is kept:
//!
//! - Triggers write every change into the table `changes` ([`log`]), in the transaction that makes it.
//! - One [`reader`] a node reads the log: every [`POLL_EVERY`], when another node wakes it (NOTIFY, which may be lost),
//!   and when a request of this node asks. What it finds it raises in [`freshness`]; then it renews the lease, which
//!   runs from the *sending* of the read.
//! - Whoever commits asks for a read that is sent after the commit, and answers its client when that is applied
//!   ([`Changes::obeyed`]). So a change has one way into a node, whoever made it and however its commit ended; there is
//!   no second list of what a change affects that a writer could get wrong. Where the read fails, everything is raised.
//! - Whoever remembers something notes the [`freshness::Moment`] before it asks the database and looks, whenever it
//!   uses it, whether what it depends on was raised since, and whether the lease holds.
//!
//! A read that was sent after a commit sees it, and so does a fill that begins after the read was applied; one that
//! began before has an older moment. That is all there is to prove: `tests/it/cache/model.rs` tries every order of the
//! steps, `tests/interleaving` every order of the loads and stores.

pub mod freshness;
pub mod log;
mod position;
mod reader;
pub mod retention;

mod sync {
    pub use std::sync::atomic::{AtomicU64, Ordering};
}

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use super::Db;
use crate::error::{Error, Result};
use freshness::{Freshness, Stripe};
pub use reader::Reader;

/// The pause between two reads that nobody asked for.
pub const POLL_EVERY: Duration = Duration::from_millis(250);
/// How often a node says that it is there.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// A node that has not said so for this long goes by nothing any more: a read that comes later begins anew.
pub const GONE_AFTER: Duration = Duration::from_mins(1);
/// How long a row of the log stays after every node could read it. Longer than [`GONE_AFTER`].
pub const KEPT_FOR: Duration = Duration::from_mins(10);
/// How long the answer to who asks may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest pause between two looks whether all nodes obey.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A change makes one in so many forget what it need not have.
const STRIPES: usize = 1 << 17;

/// What a change can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    User(Uuid),
    Account(Uuid),
    Group(Uuid),
    ApiKey(&'a str),
    Session(Uuid),
    SigningKey(&'a str),
}

/// What this node knows of changes.
#[derive(Debug)]
pub struct Changes {
    node: Uuid,
    lease: Duration,
    freshness: Freshness,
    hasher: RandomState,
    asks: mpsc::UnboundedSender<Ask>,
    woken: Notify,
}

/// How a change came to be obeyed by all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Everywhere {
    /// Every node said so.
    Obeyed,
    /// Some did not, and their leases have run out.
    LeasesRanOut,
}

/// A request for a read that is sent after it.
#[derive(Debug)]
struct Ask {
    /// Whether the one who asks changed something, so that other nodes should look, too.
    wrote: bool,
    answer: oneshot::Sender<()>,
}

impl Changes {
    /// For the node of that id, and the reader that must run for it.
    #[must_use]
    pub fn new(node: Uuid, lease: Duration) -> (Arc<Self>, Reader) {
        let (asks, asked) = mpsc::unbounded_channel();
        let hasher = RandomState::new();
        let freshness = Freshness::new(STRIPES);
        let changes = Arc::new(Self { node, lease, freshness, hasher, asks, woken: Notify::new() });
        (Arc::clone(&changes), Reader::new(changes, asked))
    }

    #[must_use]
    pub const fn node(&self) -> Uuid {
        self.node
    }

    /// What is looked at on each use of what is remembered.
    #[must_use]
    pub const fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Where changes of a thing are noted.
    #[must_use]
    pub fn stripe(&self, subject: Subject<'_>) -> Stripe {
        let id = |kind: &str, id: Uuid| self.stripe_of(kind, id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        match subject {
            Subject::User(user) => id("user", user),
            Subject::Account(account) => id("account", account),
            Subject::Group(group) => id("group", group),
            Subject::ApiKey(key) => self.stripe_of("api_key", key),
            Subject::Session(session) => id("session", session),
            Subject::SigningKey(key) => self.stripe_of("signing_key", key),
        }
    }

    fn stripe_of(&self, kind: &str, subject: &str) -> Stripe {
        let hash = self.hasher.hash_one((kind, subject));
        // Below the number of stripes, which is a u32's.
        Stripe(u32::try_from(hash % self.freshness.stripes() as u64).unwrap_or_default())
    }

    /// Whether the node may go by what it remembers.
    #[must_use]
    pub fn is_leased(&self) -> bool {
        self.freshness.is_leased(now())
    }

    /// Waits until this node obeys every change that was committed before the call.
    pub async fn obeyed(&self) {
        if !self.ask(true).await {
            self.freshness.raise_everything();
        }
    }

    /// Waits until the lease has been renewed by a read sent after the call.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the log cannot be read.
    pub async fn renewed(&self) -> Result<()> {
        if self.ask(false).await {
            return Ok(());
        }
        Err(Error::Unavailable("the log of changes cannot be read"))
    }

    /// Takes this node out of those that others wait for: it goes by nothing any more.
    pub async fn leave(&self, db: &Db) {
        self.freshness.lease(0);
        let left = async {
            let mut db = db.connection().await?;
            log::remove(&mut db, self.node).await?;
            Ok::<_, Error>(db.commit().await?)
        };
        let left = db.while_it_answers(left).await;
        if let Err(error) = left {
            tracing::debug!(error = &error as &dyn std::error::Error, "the node was not taken out");
        }
    }

    async fn ask(&self, wrote: bool) -> bool {
        let (answer, answered) = oneshot::channel();
        // Without a reader the answer is dropped with what could not be sent.
        drop(self.asks.send(Ask { wrote, answer }));
        let answered = tokio::time::timeout(PATIENCE, answered).await;
        answered.is_ok_and(|answered| answered.is_ok())
    }
}

/// For who changes something beside the nodes: wakes them and waits until all obey.
///
/// # Errors
/// What keeps the database from being asked.
pub async fn announce(db: &Db) -> Result<Everywhere> {
    let mut waking = db.connection().await?;
    log::wake(&mut waking).await?;
    waking.commit().await?;
    everywhere(db).await
}

/// Waits until every node obeys what was committed before the call, or goes no more by what it knew.
///
/// # Errors
/// What keeps the database from being asked.
pub async fn everywhere(db: &Db) -> Result<Everywhere> {
    let began = tokio::time::Instant::now();
    let snapshot = log::snapshot(&mut *db.connection().await?).await?;
    let mut pause = Duration::from_millis(1);
    loop {
        let behind = log::longest_lease_behind(&mut *db.connection().await?, &snapshot).await?;
        let Some(lease) = behind else { return Ok(Everywhere::Obeyed) };
        // A read that was sent before the commit, and so before `began`, has been good for so long.
        if began.elapsed().as_secs_f64() > lease {
            return Ok(Everywhere::LeasesRanOut);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_EVERY);
    }
}

/// This machine's monotonic time in nanoseconds, in which it also counts while it is suspended.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec.cast_unsigned().saturating_mul(1_000_000_000).saturating_add(now.tv_nsec.cast_unsigned())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
