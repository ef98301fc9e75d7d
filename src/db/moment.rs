//! The moment by which what is irrevocable is decided.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::clock::Clock;

/// The present moment of this node or of the database, whichever is earlier: a clock that runs ahead must not end what
/// counts on other nodes.
///
/// # Errors
/// What the database says.
pub async fn earliest_now(db: &mut PgConnection, clock: &Clock) -> sqlx::Result<OffsetDateTime> {
    let database = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(db).await?;
    Ok(clock.now().min(database))
}
