//! The SQL of passwords.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Sets the password of a user whose row is locked, or that was made in this transaction.
pub async fn upsert_password(db: &mut PgConnection, user_id: Uuid, phc: &str, now: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into passwords (user_id, phc, created_at) values ($1, $2, $3)
         on conflict (user_id) do update set phc = excluded.phc, created_at = excluded.created_at",
        user_id,
        phc,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes the password of a user whose row is locked; answers whether there was one.
pub async fn delete_password(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from passwords where user_id = $1", user_id).execute(db).await?;
    Ok(done.rows_affected() > 0)
}
