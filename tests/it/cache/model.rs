//! A model of how a node keeps what it remembers right (`kedge::db::changes`), every order of its steps tried.
//!
//! One node and the database: nodes meet nowhere else. Two transactions change the same thing, one of them for a client
//! of this node. What a request would be answered from is looked at in every state, so a hit needs no step of its own.
//! Moments and counters are kept as differences, and no further than they matter, so that the world is finite while
//! time goes on.

use stateright::{Checker, Model, Property};

const TRANSACTIONS: usize = 2;
/// Transactions that this node makes; the others are some other node's.
const LOCAL: std::ops::Range<usize> = 0..1;
const LEASE: u8 = 2;

/// Transactions, as bits.
type Set = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// It has its number and is not visible.
    Open,
    Committed,
    /// It asked for a read that is sent from now on.
    Asked,
    /// The read under way was sent after that.
    Covered,
    Answered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Transaction {
    phase: Phase,
    number: u8,
    /// Ticks since it was committed, up to the lease.
    age: u8,
}

/// What was read, and when that began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    /// Whether nothing was raised after its moment.
    stands: bool,
    /// The changes that were visible. `None`: the statement is still under way.
    seen: Option<Set>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Read {
    /// Ticks since it was sent, up to the lease.
    age: u8,
    /// The rows, and the oldest transaction that had not ended.
    found: Option<(Set, u8)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    next_number: u8,
    transactions: [Transaction; TRANSACTIONS],
    /// Ticks of the lease that are left.
    lease: u8,
    /// The position of the reader; `None` before its first read.
    position: Option<u8>,
    known: Set,
    read: Option<Read>,
    fill: Option<Entry>,
    entry: Option<Entry>,
}

impl World {
    fn set(&self, wanted: impl Fn(&Transaction) -> bool) -> Set {
        (0..TRANSACTIONS).filter(|at| wanted(&self.transactions[*at])).fold(0, |set, at| set | 1 << at)
    }

    fn visible(&self) -> Set {
        self.set(|transaction| !matches!(transaction.phase, Phase::Idle | Phase::Open))
    }

    /// The entry that a request that starts now would be answered from.
    fn hit(&self) -> Option<Set> {
        self.entry.filter(|_| self.lease > 0)?.seen
    }

    fn raise(&mut self) {
        if let Some(fill) = &mut self.fill {
            fill.stands = false;
        }
        // What does not stand is as good as forgotten.
        self.entry = None;
    }

    fn release(&mut self) {
        for transaction in &mut self.transactions {
            if matches!(transaction.phase, Phase::Asked | Phase::Covered) {
                transaction.phase = Phase::Answered;
            }
        }
    }
}

/// A way to get it wrong, to see that the model notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// The lease runs from the arrival of what was read.
    LeaseFromArrival,
    /// The moment of a fill is noted when its statement has come back.
    MomentAfterStatement,
    /// The reader goes on after the highest number it saw, as if rows became visible in their order.
    PositionByNumber,
    /// A change is content with a read that was sent before it asked.
    JoinsReadUnderWay,
    /// A change is answered without asking.
    AnswersUnasked,
    /// What was remembered before the connection was lost still counts after it.
    KeepsAfterLoss,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Tick,
    Begin(usize),
    Commit(usize),
    Ask(usize),
    SendRead,
    ServeRead,
    ApplyRead,
    LoseRead,
    BeginFill,
    ServeFill,
    EndFill,
}

struct Protocol(Mistake);

impl Protocol {
    fn apply(&self, world: &mut World) {
        let Some(Read { age, found: Some((rows, xmin)) }) = world.read.take() else { return };
        let is_first = world.position.is_none();
        let new = rows & !world.known;
        if new != 0 || (is_first && self.0 != Mistake::KeepsAfterLoss) {
            world.raise();
        }
        world.known = (world.known | new) & world.set(|transaction| transaction.number >= xmin);
        let numbers = (0..TRANSACTIONS).filter(|at| rows & 1 << at != 0).map(|at| world.transactions[at].number);
        world.position = Some(match self.0 {
            Mistake::PositionByNumber => numbers.max().map_or(world.position.unwrap_or(0), |highest| highest + 1),
            _ => xmin,
        });
        world.lease = if self.0 == Mistake::LeaseFromArrival { LEASE } else { LEASE - age };
        for transaction in &mut world.transactions {
            let joins = self.0 == Mistake::JoinsReadUnderWay && transaction.phase == Phase::Asked;
            if transaction.phase == Phase::Covered || joins {
                transaction.phase = Phase::Answered;
            }
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        let idle = Transaction { phase: Phase::Idle, number: 0, age: 0 };
        vec![World {
            next_number: 0,
            transactions: [idle; TRANSACTIONS],
            lease: 0,
            position: None,
            known: 0,
            read: None,
            fill: None,
            entry: None,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.push(Step::Tick);
        for (at, transaction) in world.transactions.iter().enumerate() {
            match transaction.phase {
                Phase::Idle => steps.push(Step::Begin(at)),
                Phase::Open => steps.push(Step::Commit(at)),
                Phase::Committed if LOCAL.contains(&at) => steps.push(Step::Ask(at)),
                _ => {}
            }
        }
        steps.push(match world.read {
            None => Step::SendRead,
            Some(Read { found: None, .. }) => Step::ServeRead,
            Some(Read { found: Some(_), .. }) => Step::ApplyRead,
        });
        if world.read.is_some() {
            steps.push(Step::LoseRead);
        }
        steps.push(match world.fill {
            None => Step::BeginFill,
            Some(Entry { seen: None, .. }) => Step::ServeFill,
            Some(Entry { seen: Some(_), .. }) => Step::EndFill,
        });
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut world = world.clone();
        match step {
            Step::Tick => {
                world.lease = world.lease.saturating_sub(1);
                if let Some(read) = &mut world.read {
                    read.age = LEASE.min(read.age + 1);
                }
                for transaction in &mut world.transactions {
                    if !matches!(transaction.phase, Phase::Idle | Phase::Open) {
                        transaction.age = LEASE.min(transaction.age + 1);
                    }
                }
            }
            Step::Begin(at) => {
                world.transactions[at] = Transaction { phase: Phase::Open, number: world.next_number, age: 0 };
                world.next_number += 1;
            }
            Step::Commit(at) => {
                world.transactions[at].phase = Phase::Committed;
                world.transactions[at].age = 0;
            }
            Step::Ask(at) => {
                let answers = self.0 == Mistake::AnswersUnasked;
                world.transactions[at].phase = if answers { Phase::Answered } else { Phase::Asked };
            }
            Step::SendRead => {
                for transaction in &mut world.transactions {
                    if transaction.phase == Phase::Asked {
                        transaction.phase = Phase::Covered;
                    }
                }
                world.read = Some(Read { age: 0, found: None });
            }
            Step::ServeRead => {
                let from = world.position.unwrap_or(u8::MAX);
                let rows = world.visible() & world.set(|transaction| transaction.number >= from);
                let open = world.transactions.iter().filter(|transaction| transaction.phase == Phase::Open);
                let xmin = open.map(|transaction| transaction.number).min().unwrap_or(world.next_number);
                world.read.as_mut()?.found = Some((rows, xmin));
            }
            Step::ApplyRead => self.apply(&mut world),
            Step::LoseRead => {
                if self.0 != Mistake::KeepsAfterLoss {
                    world.raise();
                }
                (world.read, world.position, world.known) = (None, None, 0);
                world.release();
            }
            Step::BeginFill => world.fill = Some(Entry { stands: true, seen: None }),
            Step::ServeFill => {
                let seen = world.visible();
                world.fill.as_mut()?.seen = Some(seen);
            }
            Step::EndFill => {
                let forgiving = self.0 == Mistake::MomentAfterStatement;
                world.entry = world.fill.take().filter(|fill| fill.stands || forgiving);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what this node answered it obeys at once", |_, world: &World| {
                let answered = world.set(|transaction| transaction.phase == Phase::Answered);
                world.hit().is_none_or(|seen| answered & !seen == 0)
            }),
            Property::always("what any node committed it obeys within the lease", |_, world: &World| {
                let visible = world.visible();
                let old = world.set(|transaction| transaction.age >= LEASE) & visible;
                world.hit().is_none_or(|seen| old & !seen == 0)
            }),
            // That the rest says something: there are hits, late ones of others' changes, and hits after a change.
            Property::sometimes("a hit", |_, world: &World| world.hit().is_some()),
            Property::sometimes("a hit that another node's change has not reached", |_, world: &World| {
                world.hit().is_some_and(|seen| world.visible() & !seen != 0)
            }),
            Property::sometimes("a hit that obeys every change", |_, world: &World| world.hit() == Some(0b11)),
        ]
    }
}

#[test]
fn protocol_keeps_its_promise_in_every_order_of_its_steps() {
    let checker = Protocol(Mistake::None).checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    println!("{} states", checker.unique_state_count());
}

#[test]
fn every_mistake_is_noticed() {
    for mistake in [
        Mistake::LeaseFromArrival,
        Mistake::MomentAfterStatement,
        Mistake::PositionByNumber,
        Mistake::JoinsReadUnderWay,
        Mistake::AnswersUnasked,
        Mistake::KeepsAfterLoss,
    ] {
        let promises =
            ["what this node answered it obeys at once", "what any node committed it obeys within the lease"];
        let checker = Protocol(mistake)
            .checker()
            .threads(2)
            .finish_when(stateright::HasDiscoveries::AnyOf(promises.into_iter().collect()))
            .spawn_bfs()
            .join();
        let broken = promises.iter().any(|promise| checker.discovery(promise).is_some());
        assert!(broken, "{mistake:?} breaks nothing");
    }
}
