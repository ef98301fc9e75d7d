//! Guessing is bounded: so many failed sign-ins of one user from one address, and so many from one address whomever they
//! name, then waits that grow. Alike for users that exist and that do not, and whatever the password: who is made to
//! wait learns nothing.
//!
//! A place is taken before a password is checked ([`Attempts::begin`]) and given back when it was right; a check that dies
//! gives it back, too. Whoever finds all places taken by checks that still run waits for one, so that parallel guesses
//! get no more than the limit while parallel right sign-ins all succeed. Counts are shared by all nodes ([`store`]).
//! Wrong keys and tokens count for their address only, after the check ([`Attempts::note_stranger`]): a valid one is never
//! refused for what others do.

mod places;
mod slot;
pub mod store;

use std::{net::IpAddr, time::Duration};

use time::OffsetDateTime;

use self::{
    places::{Local, Place},
    slot::Slots,
    store::{Limit, Verdict},
};
use crate::{
    config::Limits,
    error::{Error, Result},
    state::App,
};

pub use slot::Key;

/// The name of the secret that keys the digests.
pub const SECRET: &str = "sign_in_attempts";

/// How long a check may take; one that ran longer died with its node.
const LONGEST_CHECK: time::Duration = time::Duration::seconds(30);
/// The pause between two looks for a place that a check on another node has, and how long they go on.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: time::Duration = time::Duration::HOUR;
/// The first wait is this part of the window.
const FIRST_WAIT: i64 = 5;

/// The limits, and what of the counts this node must know by itself.
#[derive(Debug)]
pub struct Attempts {
    slots: Slots,
    of_user_and_address: Option<Limit>,
    of_address: Option<Limit>,
    local: Local,
}

/// A slot that a sign-in counts in.
#[derive(Clone, Copy, Debug)]
struct Counted {
    slot: i32,
    limit: Limit,
    /// Whether a right password forgets what failed before: of a user from an address, not of an address that may name
    /// many users.
    forgets: bool,
}

/// A sign-in that is being checked: its places, here and in the database.
#[derive(Debug)]
pub struct Attempt {
    app: App,
    counted: Vec<Counted>,
    /// Held until the outcome is written.
    places: Vec<Place>,
    ended: bool,
}

impl Attempts {
    #[must_use]
    pub fn new(key: Key, limits: &Limits) -> Self {
        let window = limits.sign_in_window;
        let limit = |most: u32| {
            let first_wait = time::Duration::seconds((window.as_secs().cast_signed() / FIRST_WAIT).max(1));
            (most > 0).then_some(Limit { most: most.cast_signed(), window, first_wait, longest_wait: LONGEST_WAIT })
        };
        Self {
            slots: Slots::new(key),
            of_user_and_address: limit(limits.sign_in_failures_per_user_and_address),
            of_address: limit(limits.sign_in_failures_per_address),
            local: Local::default(),
        }
    }

    /// What counts for a sign-in as `username` from `address`; without a name, for a stranger from there.
    fn counted(&self, username: Option<&str>, address: Option<IpAddr>) -> Vec<Counted> {
        let of_user = username.zip(self.of_user_and_address).map(|(username, limit)| {
            let slot = self.slots.of_user_and_address(username, address);
            Counted { slot, limit, forgets: true }
        });
        let of_address = address.zip(self.of_address).map(|(address, limit)| {
            let slot = self.slots.of_address(address);
            Counted { slot, limit, forgets: false }
        });
        of_user.into_iter().chain(of_address).collect()
    }

    /// Takes a place for a password that is about to be checked.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] where too many failed before, [`Error::Unavailable`] where no place came free.
    pub async fn begin(app: &App, username: &str, address: Option<IpAddr>) -> Result<Attempt> {
        let counted = app.attempts.counted(Some(username), address);
        let mut places = Vec::with_capacity(counted.len());
        for counted in &counted {
            places.push(app.attempts.local.place(counted.slot, counted.limit.most).await?);
        }
        let mut attempt = Attempt { app: app.clone(), counted, places, ended: true };
        let patience = tokio::time::Instant::now() + PATIENCE;
        while !attempt.take().await? {
            if tokio::time::Instant::now() >= patience {
                return Err(Error::Unavailable("all places of a sign-in are taken by running checks"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        attempt.ended = false;
        Ok(attempt)
    }

    /// Counts a wrong key or token for its address.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] where it has to wait.
    pub async fn note_stranger(app: &App, address: Option<IpAddr>) -> Result<()> {
        for counted in app.attempts.counted(None, address) {
            let now = app.clock.now();
            if let Some(until) = store::count_failure(app, counted.slot, counted.limit, now).await? {
                return Err(too_many(until, now));
            }
        }
        Ok(())
    }
}

impl Attempt {
    /// Takes a place in every slot or in none; answers whether it did.
    async fn take(&self) -> Result<bool> {
        let now = self.app.clock.now();
        for (at, counted) in self.counted.iter().enumerate() {
            let verdict = store::take_place(&self.app, counted.slot, counted.limit, now, now + LONGEST_CHECK).await;
            if let Ok(Verdict::Taken) = verdict {
                continue;
            }
            for taken in self.counted.iter().take(at) {
                store::give_back(&self.app, taken.slot, false).await?;
            }
            return match verdict? {
                Verdict::Blocked(until) => Err(too_many(until, now)),
                Verdict::Taken | Verdict::Full => Ok(false),
            };
        }
        Ok(true)
    }

    /// The password was right: the places are free again, and what failed before of this user from this address is
    /// forgotten.
    pub fn succeeded(mut self) {
        self.end(true);
    }

    /// The password was wrong: the places stay taken.
    pub fn failed(mut self) {
        self.ended = true;
        let (app, counted, places) = self.parts();
        tokio::spawn(async move {
            let now = app.clock.now();
            for counted in counted {
                report(store::keep_place(&app, counted.slot, counted.limit, now).await);
            }
            drop(places);
        });
    }

    fn end(&mut self, succeeded: bool) {
        self.ended = true;
        let (app, counted, places) = self.parts();
        tokio::spawn(async move {
            for counted in counted {
                report(store::give_back(&app, counted.slot, succeeded && counted.forgets).await);
            }
            drop(places);
        });
    }

    fn parts(&mut self) -> (App, Vec<Counted>, Vec<Place>) {
        (self.app.clone(), std::mem::take(&mut self.counted), std::mem::take(&mut self.places))
    }
}

/// A check that dies gives its places back.
impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            self.end(false);
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
