//! The SQL of sessions and their refresh tokens.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Session;
use crate::identity::{accounts::AccountState, users::UserType};

/// A user whose row is locked, as far as tokens depend on it.
pub struct LockedUser {
    pub auth_epoch: i64,
    pub account_name: String,
    pub account_state: AccountState,
    pub username: String,
    pub kind: UserType,
}

/// A refresh token as it is stored.
pub struct StoredToken {
    pub expires_at: OffsetDateTime,
    pub used_at: Option<OffsetDateTime>,
    /// Whether the token that was answered for it is there and was not used.
    pub has_unused_successor: bool,
    pub successor: Option<Vec<u8>>,
}

/// The user, locked: its epoch stays as it is until the transaction ends.
pub async fn lock_user(db: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<LockedUser>> {
    sqlx::query_as!(
        LockedUser,
        r#"select u.auth_epoch, a.name as account_name, a.state as "account_state: AccountState", u.username,
                  u.type as "kind: UserType"
           from users u join accounts a on a.id = u.account_id where u.id = $1 for update of u"#,
        id
    )
    .fetch_optional(db)
    .await
}

pub async fn insert_session(db: &mut PgConnection, session: &Session) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into sessions (id, user_id, auth_epoch, client_id, user_agent, created_at, last_used_at, expires_at,
                               access_expires_at, ends_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        session.id,
        session.user_id,
        session.auth_epoch,
        session.client_id,
        session.user_agent,
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.access_expires_at,
        session.ends_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends all sessions of a user but the `most` that began last. The user's row is locked.
pub async fn delete_oldest_sessions(db: &mut PgConnection, user_id: Uuid, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from sessions where id in
         (select id from sessions where user_id = $1 order by created_at desc, id offset $2)",
        user_id,
        most
    );
    done.execute(db).await.map(|done| done.rows_affected())
}

/// The sessions of a user that go on: those that no change of the password ended.
pub async fn list_sessions(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> sqlx::Result<Vec<Session>> {
    sqlx::query_as!(
        Session,
        "select s.id, s.user_id, s.auth_epoch, s.client_id, s.user_agent, s.created_at, s.last_used_at, s.expires_at,
                s.access_expires_at, s.ends_at
         from sessions s join users u on u.id = s.user_id and u.auth_epoch = s.auth_epoch
         where s.user_id = $1 and s.expires_at > $2 order by s.created_at desc, s.id",
        user_id,
        now
    )
    .fetch_all(db)
    .await
}

/// The session whose refresh token has this hash, used or not.
pub async fn find_by_token(db: &mut PgConnection, hash: &[u8; 32]) -> sqlx::Result<Option<Session>> {
    sqlx::query_as!(
        Session,
        "select s.id, s.user_id, s.auth_epoch, s.client_id, s.user_agent, s.created_at, s.last_used_at, s.expires_at,
                s.access_expires_at, s.ends_at
         from refresh_tokens t join sessions s on s.id = t.session_id where t.hash = $1",
        hash
    )
    .fetch_optional(db)
    .await
}

/// The token, its session locked against an end by anyone else until the transaction ends.
pub async fn lock_token(db: &mut PgConnection, hash: &[u8; 32]) -> sqlx::Result<Option<StoredToken>> {
    sqlx::query_as!(
        StoredToken,
        r#"select t.expires_at, t.used_at, t.successor,
                  exists (select from refresh_tokens s where s.hash = t.successor and s.used_at is null)
                      as "has_unused_successor!"
           from refresh_tokens t join sessions on sessions.id = t.session_id where t.hash = $1 for update of sessions"#,
        hash
    )
    .fetch_optional(db)
    .await
}

pub async fn insert_token(
    db: &mut PgConnection,
    session_id: Uuid,
    hash: &[u8; 32],
    expires_at: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, $3)",
        hash,
        session_id,
        expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks a token as used, at its first use, and names what was answered for it.
pub async fn update_token(
    db: &mut PgConnection,
    hash: &[u8; 32],
    successor: &[u8; 32],
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update refresh_tokens set used_at = coalesce(used_at, $3), successor = $2 where hash = $1",
        hash,
        successor,
        now
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lets an unused token live until `expires_at`.
pub async fn extend_token(db: &mut PgConnection, hash: &[u8; 32], expires_at: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!("update refresh_tokens set expires_at = $2 where hash = $1", hash, expires_at).execute(db).await?;
    Ok(())
}

pub async fn delete_token(db: &mut PgConnection, hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("delete from refresh_tokens where hash = $1", hash).execute(db).await?;
    Ok(())
}

/// Notes that tokens were answered, and when they run out.
pub async fn update_session(db: &mut PgConnection, session: &Session) -> sqlx::Result<()> {
    sqlx::query!(
        "update sessions set last_used_at = $2, expires_at = greatest(expires_at, $3),
                             access_expires_at = greatest(access_expires_at, $4)
         where id = $1",
        session.id,
        session.last_used_at,
        session.expires_at,
        session.access_expires_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a session of the user; answers whether there was one that went on.
pub async fn delete_session(db: &mut PgConnection, user_id: Uuid, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from sessions where user_id = $1 and id = $2", user_id, id).execute(db).await?;
    Ok(done.rows_affected() > 0)
}

/// A session that was ended, and whose it was.
pub struct Ended {
    pub id: Uuid,
    pub username: String,
    pub account_name: String,
}

/// Ends the session that a refresh token belongs to, whether the token was used or not; answers which, if there was
/// one.
pub async fn delete_session_of_token(db: &mut PgConnection, hash: &[u8; 32]) -> sqlx::Result<Option<Ended>> {
    sqlx::query_as!(
        Ended,
        "delete from sessions s using users u, accounts a
         where s.id = (select session_id from refresh_tokens where hash = $1) and u.id = s.user_id and a.id = u.account_id
         returning s.id, u.username, a.name as account_name",
        hash
    )
    .fetch_optional(db)
    .await
}

/// A refresh token that could be used now, with whose it is.
pub struct LiveToken {
    pub session_id: Uuid,
    pub client_id: String,
    pub user_id: Uuid,
    pub username: String,
    pub kind: UserType,
    pub account_name: String,
    /// When the token was issued: the last thing that happened to its session.
    pub last_used_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

pub async fn find_live_token(
    db: &mut PgConnection,
    hash: &[u8; 32],
    now: OffsetDateTime,
) -> sqlx::Result<Option<LiveToken>> {
    sqlx::query_as!(
        LiveToken,
        r#"select s.id as session_id, s.client_id, u.id as user_id, u.username, u.type as "kind: UserType",
                a.name as account_name, s.last_used_at, t.expires_at
         from refresh_tokens t join sessions s on s.id = t.session_id
         join users u on u.id = s.user_id and u.auth_epoch = s.auth_epoch
         join accounts a on a.id = u.account_id
         where t.hash = $1 and t.used_at is null and t.expires_at > $2 and a.state = 'enabled'"#,
        hash,
        now
    )
    .fetch_optional(db)
    .await
}

/// Removes up to `most` sessions whose last token has run out; answers how many went.
pub async fn delete_expired_sessions(db: &mut PgConnection, now: OffsetDateTime, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from sessions where id in
         (select id from sessions where expires_at <= $1 order by expires_at limit $2 for update skip locked)",
        now,
        most
    );
    done.execute(db).await.map(|done| done.rows_affected())
}

/// Removes up to `most` refresh tokens that have run out, of sessions that go on; answers how many went.
pub async fn delete_expired_tokens(db: &mut PgConnection, now: OffsetDateTime, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from refresh_tokens where hash in
         (select hash from refresh_tokens where expires_at <= $1 order by expires_at limit $2 for update skip locked)",
        now,
        most
    );
    done.execute(db).await.map(|done| done.rows_affected())
}
