//! When each API key was last used, to the minute: noted in memory on the request's path, written in batches off it.
//!
//! A crash loses at most [`WRITE_EVERY`] of it. Each key costs one entry until the next batch, so memory is bounded
//! by the keys that exist.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use crate::{db::Db, error::Result};

/// The pause between two batches.
pub const WRITE_EVERY: Duration = Duration::from_secs(10);

/// What has not been written yet: key id -> moment of use.
#[derive(Debug, Default)]
pub struct LastUsed {
    noted: Mutex<HashMap<String, OffsetDateTime>>,
}

impl LastUsed {
    /// Notes a use.
    pub fn note(&self, key_id: &str, now: OffsetDateTime) {
        let minute = now.replace_second(0).and_then(|now| now.replace_nanosecond(0)).unwrap_or(now);
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        match noted.get_mut(key_id) {
            // Never back, even where the clock was set back.
            Some(last) => *last = minute.max(*last),
            None => drop(noted.insert(key_id.to_owned(), minute)),
        }
    }

    /// Writes what was noted since the last time.
    ///
    /// # Errors
    /// What the database says; what could not be written is noted again.
    pub async fn write(&self, db: &Db) -> Result<()> {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_empty() {
            return Ok(());
        }
        let written = db.while_it_answers(write(db, &noted)).await;
        if written.is_err() {
            let mut newer = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            for (key_id, minute) in noted {
                newer.entry(key_id).or_insert(minute);
            }
        }
        written
    }
}

async fn write(db: &Db, noted: &HashMap<String, OffsetDateTime>) -> Result<()> {
    // Sorted, so that two nodes lock the rows in the same order.
    let mut sorted: Vec<_> = noted.iter().collect();
    sorted.sort_unstable();
    let ids: Vec<String> = sorted.iter().map(|(id, _)| (*id).clone()).collect();
    let minutes: Vec<OffsetDateTime> = sorted.iter().map(|(_, minute)| **minute).collect();
    let mut db = db.connection().await?;
    sqlx::query!(
        "with used as (select id, minute from unnest($1::text[], $2::timestamptz[]) as t (id, minute)),
              locked as (select k.id from api_keys k join used using (id) order by k.id for update of k)
         update api_keys k set last_used_at = greatest(k.last_used_at, used.minute)
         from used join locked using (id) where k.id = used.id",
        &ids,
        &minutes
    )
    .execute(&mut *db)
    .await?;
    Ok(db.commit().await?)
}
