//! How long records stay: a month at a time, by dropping its partition. Only who owns the tables can; a node whose role may
//! merely insert leaves it to `kedge migrate`.

use std::time::Duration;

use super::store;
use crate::{db::Db, error::Result, state::App};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_hours(6);

/// Runs until the process ends.
pub async fn run(app: App) {
    loop {
        let days = app.config.audit.retention_days;
        if let Err(error) = maintain(&app.db, days, app.clock.now()).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "months of the audit trail were neither made nor dropped: `kedge migrate` does it as the owner"
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Makes the months that will be needed, and drops those whose records are older than so many days.
///
/// # Errors
/// What the database says.
pub async fn maintain(db: &Db, days: Option<u32>, now: time::OffsetDateTime) -> Result<()> {
    let keep_from = days.map(|days| now - time::Duration::days(days.into()));
    let mut db = db.read().await?;
    store::maintain(&mut db, keep_from).await?;
    Ok(db.done().await?)
}
