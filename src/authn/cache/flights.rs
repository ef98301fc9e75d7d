//! Lookups under way: of many requests with one credential that is not remembered, one asks and the others wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

use super::Digest;

type ByDigest = Arc<Mutex<HashMap<Digest, Arc<Semaphore>>>>;

/// The lookups under way.
#[derive(Debug, Default)]
pub struct Flights(ByDigest);

/// A lookup that others may wait for; dropping it ends it, also where it was cancelled.
pub struct Flight(Option<(ByDigest, Digest)>);

/// Somebody else's lookup.
pub struct Other(Arc<Semaphore>);

impl Flights {
    /// Begins a lookup, unless one is under way.
    pub fn begin(&self, digest: Digest) -> Result<Flight, Other> {
        let mut by_digest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = by_digest.get(&digest) {
            return Err(Other(Arc::clone(other)));
        }
        by_digest.insert(digest, Arc::new(Semaphore::new(0)));
        Ok(Flight(Some((Arc::clone(&self.0), digest))))
    }
}

impl Flight {
    /// One that nobody waits for.
    pub const fn alone() -> Self {
        Self(None)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some((by_digest, digest)) = self.0.take() else { return };
        let ended = by_digest.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        if let Some(ended) = ended {
            ended.close();
        }
    }
}

impl Other {
    /// Waits until it has ended.
    pub async fn ended(self) {
        // No permit is ever given: it ends by being closed.
        drop(self.0.acquire().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn second_waits_for_the_first_and_nothing_is_left() {
        let flights = Flights::default();
        let first = flights.begin([1; 32]).ok().unwrap();
        assert!(flights.begin([2; 32]).is_ok());
        let second = flights.begin([1; 32]).err().unwrap().ended();
        tokio::pin!(second);
        tokio::select! {
            biased;
            () = &mut second => panic!("the first goes on"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        second.await;
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
