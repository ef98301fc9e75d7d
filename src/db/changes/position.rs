//! How far a node has read the log. Rows become visible in another order than they are numbered in, so everything from
//! the oldest transaction that was still running is read again; what was seen there already is left out.

use std::collections::HashMap;

use super::log::{Change, Seen};

/// Where the next read begins, and what is known from there on.
#[derive(Debug)]
pub struct Position {
    xmin: i64,
    /// Row -> its transaction.
    known: HashMap<i64, i64>,
}

impl Position {
    /// Before the first read: nothing that is in the log already matters to who remembers nothing yet.
    pub fn at_the_end() -> Self {
        Self { xmin: i64::MAX, known: HashMap::new() }
    }

    /// The first transaction to be read.
    pub const fn xmin(&self) -> i64 {
        self.xmin
    }

    /// Goes on to what was seen; answers the changes that are new.
    pub fn advance(&mut self, seen: Seen) -> Vec<Change> {
        let Seen { xmin, changes, .. } = seen;
        let new: Vec<Change> =
            changes.into_iter().filter(|change| self.known.insert(change.id, change.xid).is_none()).collect();
        self.known.retain(|_, xid| *xid >= xmin);
        self.xmin = xmin;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::changes::log::Identity;

    fn seen(xmin: i64, changes: &[(i64, i64)]) -> Seen {
        let change =
            |(id, xid): &(i64, i64)| Change { id: *id, xid: *xid, kind: String::new(), subject: String::new() };
        Seen {
            log: Identity { started: 1, table: 1 },
            is_standby: false,
            xmin,
            snapshot: String::new(),
            changes: changes.iter().map(change).collect(),
        }
    }

    fn ids(changes: &[Change]) -> Vec<i64> {
        changes.iter().map(|change| change.id).collect()
    }

    /// Transaction 10 writes first and commits last.
    #[test]
    fn row_that_becomes_visible_late_is_found_and_none_is_found_twice() {
        let mut position = Position::at_the_end();
        assert!(position.advance(seen(10, &[])).is_empty());
        assert_eq!(position.xmin(), 10);
        assert_eq!(ids(&position.advance(seen(10, &[(2, 11)]))), [2]);
        assert_eq!(ids(&position.advance(seen(12, &[(1, 10), (2, 11)]))), [1]);
        assert_eq!(position.xmin(), 12);
        assert!(position.known.is_empty());
    }
}
