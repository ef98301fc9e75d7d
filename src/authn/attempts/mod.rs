//! Guessing is bounded: so many failed sign-ins of one user from one address, and so many from one address whomever
//! they name, then waits that grow. Alike for users that exist and that do not, and whatever the password: who is made
//! to wait learns nothing.
//!
//! A place is taken before a password is checked ([`Attempts::begin`]) and given back when it was right; a check that
//! dies gives it back, too. Whoever finds all places taken by checks that still run waits for one, so that parallel
//! guesses get no more than the limit while parallel right sign-ins all succeed. Counts are shared by all nodes
//! ([`store`]). Wrong keys and tokens count for their address only, after the check ([`Attempts::note_stranger`]): a
//! valid one is never refused for what others do.

mod blocks;
mod places;
mod slot;
pub mod store;

use std::{net::IpAddr, sync::Arc, time::Duration};

use time::OffsetDateTime;
use tracing::Instrument;

use self::{
    places::{Local, Place},
    slot::{FIRST_OF_ADDRESSES, Slots},
    store::Limits,
};
use super::{API_KEY_USER, basic, tried::Tried};
use crate::{
    config,
    error::{Error, Reason, Result},
    state::App,
};

pub use blocks::Blocks;
pub use slot::{Key, network};

/// The name of the secret that keys the digests.
pub const SECRET: &str = "sign_in_attempts";

/// How long a check may take; one that ran longer died with its node.
const LONGEST_CHECK: time::Duration = time::Duration::seconds(30);
/// The pause between two looks for a place that a check on another node has, and how long they go on.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries to give a place back to a database that cannot be used.
const TRY_EVERY: Duration = Duration::from_millis(200);
/// The longest wait.
const LONGEST_WAIT: time::Duration = time::Duration::HOUR;
/// The first wait is this part of the window.
const FIRST_WAIT: i64 = 5;

/// The limits, and what of the counts this node must know by itself.
#[derive(Debug)]
pub struct Attempts {
    slots: Slots,
    limits: Limits,
    blocks: Arc<Blocks>,
    local: Local,
}

/// Whether a key or token that is refused counts for its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    Yes,
    /// It takes a place like the others, for as long as they do, and gives it back.
    No,
}

/// A sign-in that is being checked: its places, here and in the database.
#[derive(Debug)]
pub struct Attempt {
    app: App,
    /// Where a place is taken, in their order.
    slots: Vec<i32>,
    /// Held until the outcome is written.
    places: Vec<Place>,
    ended: bool,
}

impl Attempts {
    #[must_use]
    pub fn new(key: Key, limits: &config::Limits) -> Self {
        let window = limits.sign_in_window;
        let limits = Limits {
            most_of_user: limits.sign_in_failures_per_user_and_address.cast_signed(),
            most_of_address: limits.sign_in_failures_per_address.cast_signed(),
            window,
            first_wait: time::Duration::seconds((window.as_secs().cast_signed() / FIRST_WAIT).max(1)),
            longest_wait: LONGEST_WAIT,
        };
        Self { slots: Slots::new(key), limits, blocks: Arc::default(), local: Local::default() }
    }

    /// What this node knows of blocks; the log of changes tells it of others'.
    #[must_use]
    pub fn blocks(&self) -> Arc<Blocks> {
        Arc::clone(&self.blocks)
    }

    /// Where a sign-in as `username` from `address` counts; without a name, a stranger from there. A limit of none
    /// counts nowhere.
    fn slots(&self, username: Option<&str>, address: Option<IpAddr>) -> Vec<i32> {
        let of_user = username.filter(|_| self.limits.most_of_user > 0);
        let of_address = address.filter(|_| self.limits.most_of_address > 0);
        let of_user = of_user.map(|username| self.slots.of_user_and_address(username, address));
        of_user.into_iter().chain(of_address.map(|address| self.slots.of_address(address))).collect()
    }

    const fn most(&self, slot: i32) -> i32 {
        if slot < FIRST_OF_ADDRESSES { self.limits.most_of_user } else { self.limits.most_of_address }
    }

    /// Refuses a password that comes from where this node knows guessing to be blocked; keys and tokens never.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`].
    pub fn refuse_blocked(&self, app: &App, header: &[u8], address: Option<IpAddr>) -> Result<()> {
        if !self.blocks.are_any(|| app.clock.now()) {
            return Ok(());
        }
        match basic::parse(header) {
            Ok(login) if login.username != API_KEY_USER => {
                self.refuse(&self.slots(Some(&login.username), address), app.clock.now())
            }
            _ => Ok(()),
        }
    }

    fn refuse(&self, slots: &[i32], now: OffsetDateTime) -> Result<()> {
        match slots.iter().filter_map(|slot| self.blocks.until(*slot, now)).max() {
            Some(until) => Err(too_many(until, now)),
            None => Ok(()),
        }
    }

    /// Takes a place for a password that is about to be checked.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] where too many failed before, [`Error::Unavailable`] where no place came free.
    pub async fn begin(app: &App, username: &str, address: Option<IpAddr>) -> Result<Attempt> {
        let slots = app.attempts.slots(Some(username), address);
        let mut places = Vec::with_capacity(slots.len());
        for slot in &slots {
            places.push(app.attempts.local.place(*slot, app.attempts.most(*slot)).await?);
        }
        let attempt = Attempt { app: app.clone(), slots: Vec::with_capacity(slots.len()), places, ended: false };
        // In a task of its own: whoever hangs up between the commit and what follows from it would leave the place
        // taken.
        tokio::spawn(attempt.taking(slots).in_current_span()).await.map_err(Error::internal)?
    }

    /// A key or token is wrong or has ended: takes a place for it where it comes from, and keeps it if it `counts`.
    /// Then tells why it is refused.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] where it has to wait.
    pub async fn note_stranger(app: &App, tried: &Tried, counts: Counts, reason: &'static str) -> Result<Reason> {
        let (attempts, now) = (&app.attempts, app.clock.now());
        let slots = attempts.slots(None, tried.address);
        attempts.refuse(&slots, now)?;
        if slots.is_empty() {
            return Ok(tried.refused(app, reason));
        }
        // In a task of its own, as in `begin`.
        let (app, tried) = (App::clone(app), tried.clone());
        let noted = async move {
            app.attempts.note(&app, &slots, counts, now).await?;
            Ok(tried.refused(&app, reason))
        };
        tokio::spawn(noted.in_current_span()).await.map_err(Error::internal)?
    }

    async fn note(&self, app: &App, slots: &[i32], counts: Counts, now: OffsetDateTime) -> Result<()> {
        let until = if counts == Counts::Yes { now } else { now + LONGEST_CHECK };
        let taken = store::take_places(app, slots, &self.limits, now, until);
        let places = app.db.while_it_answers(taken).await?;
        self.learn(places.iter().filter_map(|place| Some((place.slot, place.blocked_until?))), now);
        self.refuse(slots, now)?;
        let ours: Vec<_> = places.iter().filter(|place| place.is_ours).map(|place| place.slot).collect();
        match counts {
            _ if ours.is_empty() => Ok(()),
            Counts::Yes => self.keep(app, &ours, now).await,
            Counts::No => {
                let given = app.db.while_it_answers(store::release(app, &ours, false)).await;
                if given.is_err() {
                    // It would count as a failure in the end. The answer waits no longer than that to a stranger does.
                    let app = App::clone(app);
                    tokio::spawn(async move { report(give_back_once_it_answers(&app, &ours, false).await) });
                }
                given
            }
        }
    }

    fn learn(&self, blocks: impl IntoIterator<Item = (i32, OffsetDateTime)>, now: OffsetDateTime) {
        for (slot, until) in blocks {
            self.blocks.note(slot, until, now);
        }
    }

    async fn keep(&self, app: &App, slots: &[i32], now: OffsetDateTime) -> Result<()> {
        let kept = store::keep_places(app, slots, &self.limits, now);
        let blocks = app.db.while_it_answers(kept).await?;
        self.learn(blocks, now);
        Ok(())
    }
}

impl Attempt {
    /// Takes a place in every slot, when there is one.
    async fn taking(mut self, slots: Vec<i32>) -> Result<Self> {
        let patience = tokio::time::Instant::now() + PATIENCE;
        while !self.take(&slots).await? {
            if tokio::time::Instant::now() >= patience {
                return Err(Error::Unavailable("all places of a sign-in are taken by running checks"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(self)
    }

    /// Takes a place in every slot or in none; answers whether it did.
    async fn take(&mut self, wanted: &[i32]) -> Result<bool> {
        let now = self.app.clock.now();
        let app = App::clone(&self.app);
        let attempts = &app.attempts;
        attempts.refuse(wanted, now)?;
        if wanted.is_empty() {
            return Ok(true);
        }
        let taken = store::take_places(&app, wanted, &attempts.limits, now, now + LONGEST_CHECK);
        let places = app.db.while_it_answers(taken).await?;
        self.slots.extend(places.iter().filter(|place| place.is_ours).map(|place| place.slot));
        if self.slots.len() == wanted.len() {
            return Ok(true);
        }
        if !self.slots.is_empty() {
            app.db.while_it_answers(store::release(&app, &self.slots, false)).await?;
            self.slots.clear();
        }
        attempts.learn(places.iter().filter_map(|place| Some((place.slot, place.blocked_until?))), now);
        attempts.refuse(wanted, now)?;
        Ok(false)
    }

    /// The password was right: the places are free again, and what failed before of this user from this address is
    /// forgotten.
    pub fn succeeded(mut self) {
        self.give_back(true);
    }

    /// The password was wrong: the places stay taken.
    pub fn failed(mut self) {
        let (app, slots, places) = self.end();
        if slots.is_empty() {
            return;
        }
        tokio::spawn(async move {
            let now = app.clock.now();
            report(app.attempts.keep(&app, &slots, now).await);
            drop(places);
        });
    }

    fn give_back(&mut self, forgets: bool) {
        let (app, slots, places) = self.end();
        if slots.is_empty() {
            return;
        }
        tokio::spawn(async move {
            report(give_back_once_it_answers(&app, &slots, forgets).await);
            drop(places);
        });
    }

    fn end(&mut self) -> (App, Vec<i32>, Vec<Place>) {
        self.ended = true;
        (self.app.clone(), std::mem::take(&mut self.slots), std::mem::take(&mut self.places))
    }
}

/// Gives places back, later if the database cannot be used now: places of checks that are over must not block anyone.
async fn give_back_once_it_answers(app: &App, slots: &[i32], forgets: bool) -> Result<()> {
    let patience = tokio::time::Instant::now() + LONGEST_CHECK.unsigned_abs();
    loop {
        match app.db.while_it_answers(store::release(app, slots, forgets)).await {
            Err(Error::Unavailable(_)) if tokio::time::Instant::now() < patience => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            done => return done,
        }
    }
}

/// A check that dies gives its places back.
impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            self.give_back(false);
        }
    }
}

fn too_many(until: OffsetDateTime, now: OffsetDateTime) -> Error {
    let wait = (until - now).whole_seconds().max(0).unsigned_abs() + 1;
    Error::TooManyAttempts { retry_after: wait }
}

fn report(written: Result<()>) {
    if let Err(error) = written {
        tracing::warn!(error = &error as &dyn std::error::Error, "the outcome of a sign-in was not counted");
    }
}
