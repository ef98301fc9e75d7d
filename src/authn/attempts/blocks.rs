//! Which slots this node knows to be blocked, so that a blocked guesser costs no statement and is told so before
//! anything that is remembered is looked at. The database knows them all ([`super::store`]); other nodes' come by the
//! log of changes.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use time::OffsetDateTime;

use crate::db::changes::log::Change;

/// Above so many, those that are over are taken out.
const MANY: usize = 4096;

/// The blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    /// The end of the last one, in seconds since 1970.
    last_ends: AtomicI64,
    until: RwLock<HashMap<i32, OffsetDateTime>>,
}

impl Blocks {
    /// Whether any slot may be blocked at a moment, which is asked for only where there was a block at all.
    pub fn are_any(&self, now: impl FnOnce() -> OffsetDateTime) -> bool {
        let last = self.last_ends.load(Ordering::Acquire);
        last > 0 && now().unix_timestamp() <= last
    }

    /// Until when the slot is blocked, if it is.
    pub fn until(&self, slot: i32, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let until = self.until.read().unwrap_or_else(PoisonError::into_inner).get(&slot).copied()?;
        (until > now).then_some(until)
    }

    pub fn note(&self, slot: i32, until: OffsetDateTime, now: OffsetDateTime) {
        let mut blocks = self.until.write().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() >= MANY && blocks.len().is_power_of_two() {
            blocks.retain(|_, until| *until > now);
        }
        let last = blocks.entry(slot).or_insert(until);
        *last = until.max(*last);
        self.last_ends.fetch_max(until.unix_timestamp(), Ordering::AcqRel);
    }

    /// Takes a block from the log of changes; other changes are none of it.
    pub fn follow(&self, change: &Change, now: OffsetDateTime) {
        let read = || {
            let (slot, until) = change.subject.split_once(' ')?;
            let seconds: f64 = until.parse().ok()?;
            Some((slot.parse().ok()?, OffsetDateTime::UNIX_EPOCH + time::Duration::seconds_f64(seconds)))
        };
        if change.kind != "block" {
            return;
        }
        if let Some((slot, until)) = read() {
            self.note(slot, until, now);
        } else {
            tracing::error!(change.id, "a block in the log of changes cannot be read");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds)
    }

    #[test]
    fn block_counts_to_its_end_and_is_never_cut_short() {
        let blocks = Blocks::default();
        assert!(!blocks.are_any(|| at(1)));
        let change = Change { id: 1, xid: 1, kind: "block".to_owned(), subject: "7 100.250000".to_owned() };
        blocks.follow(&change, at(1));
        blocks.note(7, at(50), at(1));
        assert!(blocks.are_any(|| at(100)));
        assert_eq!(blocks.until(7, at(100)), Some(at(100) + time::Duration::milliseconds(250)));
        assert_eq!(blocks.until(7, at(101)), None);
        assert_eq!(blocks.until(8, at(1)), None);
        assert!(!blocks.are_any(|| at(101)));
    }

    #[test]
    fn blocks_that_are_over_leave() {
        let blocks = Blocks::default();
        for slot in 0..10_000 {
            blocks.note(slot, at(1), at(2));
        }
        assert!(blocks.until.read().unwrap().len() < 8_192);
    }
}
