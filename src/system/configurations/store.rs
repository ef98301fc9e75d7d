//! The SQL of what was changed of the configuration.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A changed key as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub key: String,
    pub id: Uuid,
    pub value: Value,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

pub async fn list(db: &mut PgConnection) -> sqlx::Result<Vec<Stored>> {
    sqlx::query_as!(Stored, "select key, id, value, created_at, updated_at from settings").fetch_all(db).await
}

pub async fn put(db: &mut PgConnection, stored: &Stored) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into settings (key, id, value, created_at, updated_at) values ($1, $2, $3, $4, $5)
         on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at",
        stored.key,
        stored.id,
        stored.value,
        stored.created_at,
        stored.updated_at
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete(db: &mut PgConnection, key: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from settings where key = $1", key).execute(db).await?;
    Ok(())
}
