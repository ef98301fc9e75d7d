//! The places of this node: as many checks of one slot run here at once as the slot has places. Others wait in memory,
//! and ask the database when it is their turn.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, Result};

type BySlot = Mutex<HashMap<i32, Arc<Semaphore>>>;

/// The places of every slot that is in use.
#[derive(Debug, Default)]
pub struct Local(Arc<BySlot>);

/// A place of a slot, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    slot: i32,
    permit: Option<OwnedSemaphorePermit>,
    by_slot: Arc<BySlot>,
}

impl Local {
    /// Waits for one of `most` places.
    pub async fn place(&self, slot: i32, most: i32) -> Result<Place> {
        let places = {
            let mut by_slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
            Arc::clone(by_slot.entry(slot).or_insert_with(new))
        };
        // Made before the wait: who is cancelled while it waits cleans up, too.
        let mut place = Place { slot, permit: None, by_slot: Arc::clone(&self.0) };
        place.permit = Some(places.acquire_owned().await.map_err(Error::internal)?);
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_slot = self.by_slot.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.permit.take());
        // Nobody else holds a place or waits for one: the map's is the only pointer left.
        if by_slot.get(&self.slot).is_some_and(|places| Arc::strong_count(places) == 1) {
            by_slot.remove(&self.slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_waited_for_and_nothing_is_left_of_them() {
        let local = Local::default();
        let first = local.place(7, 1).await.unwrap();
        let second = local.place(7, 1);
        tokio::pin!(second);
        tokio::select! {
            biased;
            _ = &mut second => panic!("there was one place"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        drop(second.await.unwrap());
        assert!(local.0.lock().unwrap().is_empty());
    }
}
