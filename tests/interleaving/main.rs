//! Every order in which the loads and stores of `kedge::db::changes::freshness` can meet: the very file, with the atomics
//! of loom in the place of the machine's.

#![expect(clippy::unwrap_used, reason = "a test that meets something else than it expects has failed")]

#[path = "../../src/db/changes/freshness.rs"]
#[expect(dead_code, reason = "the tests need a part of it")]
mod freshness;

mod sync {
    pub use loom::sync::atomic::{AtomicU64, Ordering};
}

use freshness::{Freshness, Stripe};
use loom::{
    sync::{Arc, Mutex, atomic::AtomicU64},
    thread,
};
use sync::Ordering;

const USER: Stripe = Stripe(0);
const OTHER: Stripe = Stripe(1);

/// The database is one number, the version of the user; what is remembered is a version with its moment.
struct Node {
    freshness: Freshness,
    version: AtomicU64,
    remembered: Mutex<Option<(freshness::Moment, u64)>>,
}

impl Node {
    fn new() -> Arc<Self> {
        let node = Self { freshness: Freshness::new(2), version: AtomicU64::new(0), remembered: Mutex::new(None) };
        Arc::new(node)
    }

    fn fill(&self) {
        let moment = self.freshness.moment();
        let version = self.version.load(Ordering::SeqCst);
        *self.remembered.lock().unwrap() = Some((moment, version));
    }

    /// Commits a version, raises it, and answers.
    fn change(&self) -> u64 {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        self.freshness.raise([USER]);
        version
    }

    /// What a request is answered from.
    fn hit(&self) -> Option<u64> {
        let (moment, version) = (*self.remembered.lock().unwrap())?;
        self.freshness.is_unchanged(moment, &[USER, OTHER]).then_some(version)
    }
}

/// A fill that began before the change must not hide it from a request that starts after its answer.
#[test]
fn fill_across_a_change_does_not_outlive_it() {
    loom::model(|| {
        let node = Node::new();
        let filler = thread::spawn({
            let node = Arc::clone(&node);
            move || node.fill()
        });
        let answered = node.change();
        assert!(node.hit().is_none_or(|version| version >= answered));
        filler.join().unwrap();
        assert!(node.hit().is_none_or(|version| version >= answered));
    });
}

/// Two changes overtake each other; each one's client sees its own.
#[test]
fn changes_that_overtake_each_other_lower_nothing() {
    loom::model(|| {
        let node = Node::new();
        let other = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                let answered = node.change();
                assert!(node.hit().is_none_or(|version| version >= answered));
            }
        });
        node.fill();
        let answered = node.change();
        assert!(node.hit().is_none_or(|version| version >= answered));
        other.join().unwrap();
        assert!(node.hit().is_none_or(|version| version >= 2));
    });
}

/// A reader that is cancelled between what it found and the end has raised everything that it has raised, and the one
/// after it raises the rest: what is raised twice is raised.
#[test]
fn change_that_is_raised_again_or_with_everything_stays_raised() {
    loom::model(|| {
        let node = Node::new();
        node.fill();
        let cancelled = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                node.version.fetch_add(1, Ordering::SeqCst);
                node.freshness.raise([OTHER]);
            }
        });
        let again = thread::spawn({
            let node = Arc::clone(&node);
            move || node.freshness.raise_everything()
        });
        cancelled.join().unwrap();
        again.join().unwrap();
        assert_eq!(node.hit(), None);
        node.fill();
        assert_eq!(node.hit(), Some(1));
    });
}

/// The lease is given after all that was found is raised: who sees the lease sees the change.
#[test]
fn who_sees_the_new_lease_sees_what_it_was_given_for() {
    loom::model(|| {
        let node = Node::new();
        node.fill();
        let reader = thread::spawn({
            let node = Arc::clone(&node);
            move || {
                node.version.fetch_add(1, Ordering::SeqCst);
                node.freshness.raise([USER]);
                node.freshness.lease(2);
            }
        });
        if node.freshness.is_leased(1) {
            assert_eq!(node.hit(), None);
        }
        reader.join().unwrap();
    });
}
