//! The SQL of API keys. A deleted key is in no answer; its row waits for the collector.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::ApiKey;

pub async fn insert_key(db: &mut PgConnection, user_id: Uuid, key: &ApiKey, secret_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into api_keys (id, user_id, name, description, secret_hash, created_at, updated_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7)",
        key.id,
        user_id,
        key.name,
        key.description,
        secret_hash,
        key.created_at,
        key.expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many keys count against the user's limit. Exact only while the user's row is locked.
pub async fn count_keys(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from api_keys where user_id = $1 and deleted_at is null"#,
        user_id
    )
    .fetch_one(db)
    .await
}

pub async fn list_keys(db: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        "select id, name, description, created_at, updated_at, expires_at, revoked_at, last_used_at
         from api_keys where user_id = $1 and deleted_at is null order by created_at desc, id",
        user_id
    )
    .fetch_all(db)
    .await
}

pub async fn find_key(db: &mut PgConnection, user_id: Uuid, name: &str) -> sqlx::Result<Option<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        "select id, name, description, created_at, updated_at, expires_at, revoked_at, last_used_at
         from api_keys where user_id = $1 and name = $2 and deleted_at is null",
        user_id,
        name
    )
    .fetch_optional(db)
    .await
}

pub async fn update_key(db: &mut PgConnection, user_id: Uuid, key: &ApiKey) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_keys set name = $3, description = $4, updated_at = $5, expires_at = $6, revoked_at = $7
         where user_id = $1 and id = $2",
        user_id,
        key.id,
        key.name,
        key.description,
        key.updated_at,
        key.expires_at,
        key.revoked_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the key out of every answer; answers whether there was one.
pub async fn delete_key(db: &mut PgConnection, user_id: Uuid, name: &str, now: OffsetDateTime) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update api_keys set deleted_at = $3 where user_id = $1 and name = $2 and deleted_at is null",
        user_id,
        name,
        now
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
