//! The SQL of the signing keys that Kedge made.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// A key as it is stored.
pub struct StoredKey {
    pub kid: String,
    /// As it is, or sealed.
    pub seed: Vec<u8>,
    pub is_sealed: bool,
    /// `None` for the key that signs.
    pub verifies_until: Option<OffsetDateTime>,
}

/// Keeps every other node from making or changing keys until the transaction ends.
pub async fn lock_keys(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("lock table signing_keys in share row exclusive mode").execute(db).await?;
    Ok(())
}

/// The keys that still verify, the one that signs first.
pub async fn list_keys(db: &mut PgConnection, now: OffsetDateTime) -> sqlx::Result<Vec<StoredKey>> {
    sqlx::query_as!(
        StoredKey,
        "select kid, seed, is_sealed, verifies_until from signing_keys
         where verifies_until is null or verifies_until > $1 order by verifies_until desc nulls first",
        now
    )
    .fetch_all(db)
    .await
}

/// The name of the key that signs.
pub async fn find_signing_kid(db: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar!("select kid from signing_keys where verifies_until is null").fetch_one(db).await
}

pub async fn insert_key(
    db: &mut PgConnection,
    kid: &str,
    (seed, is_sealed): (&[u8], bool),
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into signing_keys (kid, seed, is_sealed, created_at) values ($1, $2, $3, $4)",
        kid,
        seed,
        is_sealed,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts the sealed seed in the place of the bare one.
pub async fn update_seed(db: &mut PgConnection, kid: &str, sealed: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("update signing_keys set seed = $2, is_sealed = true where kid = $1", kid, sealed).execute(db).await?;
    Ok(())
}

/// Lets the key that signs verify and no more, until the last token that it signed has run out: `latest` at least,
/// `margin` seconds later than any that is known. Answers the moment; `None` where no key signs.
pub async fn retire_key(
    db: &mut PgConnection,
    latest: OffsetDateTime,
    margin: f64,
) -> sqlx::Result<Option<OffsetDateTime>> {
    let retired = sqlx::query_scalar!(
        r#"update signing_keys set verifies_until =
               greatest($1, (select max(access_expires_at) from sessions)) + make_interval(secs => $2)
           where verifies_until is null returning verifies_until as "verifies_until!""#,
        latest,
        margin
    );
    retired.fetch_optional(db).await
}

/// Removes keys that verify nothing any more; answers how many.
pub async fn delete_expired_keys(db: &mut PgConnection, now: OffsetDateTime) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from signing_keys where verifies_until <= $1", now).execute(db).await?;
    Ok(done.rows_affected())
}
