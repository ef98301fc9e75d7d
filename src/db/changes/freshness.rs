//! Whether what was read earlier still stands: counters that are looked at whenever something remembered is used.
//!
//! Nothing is ever removed because of a change. What is remembered carries the moment before it was read and the
//! stripes of what it depends on; it counts while none of them was raised after that moment. Atomics alone, so that
//! every interleaving of a reader, a change and a fill can be tried (`tests/interleaving`).

use super::sync::{AtomicU64, Ordering};

/// Where the changes of one thing are noted. Things that share a stripe are forgotten together, never one too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stripe(pub u32);

/// A moment, as the count of changes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(u64);

/// The counters.
#[derive(Debug)]
pub struct Freshness {
    generation: AtomicU64,
    /// By stripe, the generation that its last change made.
    changed: Box<[AtomicU64]>,
    everything: AtomicU64,
    /// Until when this node may go by what it remembers, in nanoseconds of its own monotonic time.
    leased_until: AtomicU64,
}

impl Freshness {
    /// With so many stripes, and no lease.
    #[must_use]
    pub fn new(stripes: usize) -> Self {
        Self {
            generation: AtomicU64::new(0),
            changed: (0..stripes.max(1)).map(|_| AtomicU64::new(0)).collect(),
            everything: AtomicU64::new(0),
            leased_until: AtomicU64::new(0),
        }
    }

    /// How many stripes there are.
    #[must_use]
    pub const fn stripes(&self) -> usize {
        self.changed.len()
    }

    /// The present moment: to be asked for before the database is.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment(self.generation.load(Ordering::SeqCst))
    }

    /// Whether what was read after `moment` still stands.
    #[must_use]
    pub fn is_unchanged(&self, moment: Moment, stripes: &[Stripe]) -> bool {
        let before = |changed: &AtomicU64| changed.load(Ordering::SeqCst) <= moment.0;
        before(&self.everything) && stripes.iter().all(|stripe| self.changed.get(stripe.0 as usize).is_some_and(before))
    }

    /// Something changed, and can be read already.
    pub fn raise(&self, stripes: impl IntoIterator<Item = Stripe>) {
        let generation = self.next();
        for stripe in stripes {
            match self.changed.get(stripe.0 as usize) {
                // Never lowered: of two that raise at once, the later one stays.
                Some(changed) => drop(changed.fetch_max(generation, Ordering::SeqCst)),
                None => drop(self.everything.fetch_max(generation, Ordering::SeqCst)),
            }
        }
    }

    /// Anything may have changed.
    pub fn raise_everything(&self) {
        self.everything.fetch_max(self.next(), Ordering::SeqCst);
    }

    fn next(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Every change that could be read at the beginning of the lease has been raised.
    pub fn lease(&self, until: u64) {
        self.leased_until.store(until, Ordering::SeqCst);
    }

    /// Whether the node may go by what it remembers.
    #[must_use]
    pub fn is_leased(&self, now: u64) -> bool {
        now < self.leased_until.load(Ordering::SeqCst)
    }
}
