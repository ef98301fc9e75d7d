//! Old rows leave the log: those that could be read for [`KEPT_FOR`]. Not by when they were written, since a
//! transaction may have taken long to commit, but by which transactions had ended so long ago.

use tokio::time::Instant;

use super::{KEPT_FOR, log};
use crate::{db::Db, error::Result};

/// How many rows a statement removes.
const CHUNK: i64 = 1_000;

/// Which transactions had ended, and when that was looked at.
#[derive(Debug, Default)]
pub struct Retention(Option<(Instant, i64)>);

impl Retention {
    /// Removes what is old enough; answers how many rows went.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_old(&mut self, db: &Db) -> Result<u64> {
        let mut connection = db.connection().await?;
        let Some((since, xmin)) = self.0 else {
            self.0 = Some((Instant::now(), log::horizon(&mut connection).await?));
            return Ok(0);
        };
        if since.elapsed() < KEPT_FOR {
            return Ok(0);
        }
        let mut rows = log::delete_gone_nodes(&mut connection).await?;
        loop {
            let removed = log::delete_before(&mut connection, xmin, CHUNK).await?;
            rows += removed;
            if removed == 0 {
                break;
            }
        }
        self.0 = Some((Instant::now(), log::horizon(&mut connection).await?));
        connection.commit().await?;
        Ok(rows)
    }
}
