//! Time and randomness of the process. Handlers take both from the state, so that a test can fix them.

use std::sync::{Mutex, PoisonError};

use rand::{RngExt, SeedableRng, distr::Alphanumeric, rngs::StdRng};
use time::OffsetDateTime;
use uuid::Uuid;

/// Where the present moment comes from.
#[derive(Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that moves only when it is set.
    Fixed(Mutex<OffsetDateTime>),
}

impl Clock {
    /// A clock that stands at `moment`.
    #[must_use]
    pub const fn fixed(moment: OffsetDateTime) -> Self {
        Self::Fixed(Mutex::new(moment))
    }

    /// The present moment, in UTC.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn now(&self) -> OffsetDateTime {
        match self {
            Self::System => OffsetDateTime::now_utc(),
            Self::Fixed(moment) => *moment.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Sets a fixed clock; the system's clock is not ours to set.
    pub fn set(&self, now: OffsetDateTime) {
        if let Self::Fixed(moment) = self {
            *moment.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }
}

/// Where random bits come from.
#[derive(Debug)]
pub enum Random {
    /// The thread's generator, seeded and reseeded by the operating system: for secrets.
    System,
    /// A generator that repeats itself: for tests alone.
    Seeded(Box<Mutex<StdRng>>),
}

impl Random {
    /// A source that yields the same values for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// `N` random bytes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for randomness")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        match self {
            Self::System => rand::rng().random(),
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).random(),
        }
    }

    /// `length` characters of `0-9A-Za-z`, each one of 62 with the same chance (5.95 bits).
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for randomness")]
    pub fn alphanumeric(&self, length: usize) -> String {
        match self {
            Self::System => rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect(),
            Self::Seeded(rng) => {
                let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
                (&mut *rng).sample_iter(Alphanumeric).take(length).map(char::from).collect()
            }
        }
    }

    /// A random (version 4) UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}
