//! The SQL of failed sign-ins. Each function is one statement about one slot: two slots are never locked at once.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{error::Result, state::App};

/// How many failures a slot may have in which time, and how long it is blocked then.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub most: i32,
    pub window: Duration,
    pub first_wait: time::Duration,
    pub longest_wait: time::Duration,
}

/// Whether there was a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// Every place is taken, some by checks that still run.
    Full,
    Blocked(OffsetDateTime),
}

/// Takes a place where there is one. The window and the block of a slot end here, when someone asks: after a block, one
/// more failure blocks again, twice as long; after a quiet window all is forgotten.
pub async fn take_place(
    app: &App,
    slot: i32,
    limit: Limit,
    now: OffsetDateTime,
    running_until: OffsetDateTime,
) -> Result<Verdict> {
    let holder = app.random.uuid();
    let row = sqlx::query!(
        r#"insert into sign_in_attempts as t (slot, since, taken, running, running_until, holder, blocks)
           values ($1, $2, 1, 1, $3, $7, 0)
           on conflict (slot) do update set
             (since, taken, running, running_until, holder, blocks, blocked_until) = (
               select
                 n.since,
                 case when n.blocked_until > $2 or n.taken >= $4 then n.taken else n.taken + 1 end,
                 case when n.blocked_until > $2 or n.taken >= $4 then n.running else n.running + 1 end,
                 case when n.blocked_until > $2 or n.taken >= $4 then t.running_until else $3 end,
                 case when n.blocked_until > $2 or n.taken >= $4 then t.holder else $7 end,
                 n.blocks,
                 n.blocked_until
               from (
                 select
                   case when m.quiet or m.over then $2 else t.since end as since,
                   case when m.quiet then 0 when m.over then $4 - 1 else t.taken end as taken,
                   case when m.quiet or m.over or t.running_until <= $2 then 0 else t.running end as running,
                   case when m.quiet then 0 else t.blocks end as blocks,
                   case when m.quiet or m.over then null
                        -- Checks that died with their node count as failed, all of them together.
                        when t.blocked_until is null and t.taken >= $4 and t.running_until <= $2
                        then $2::timestamptz + make_interval(secs => $6) else t.blocked_until end as blocked_until
                 from (select greatest(t.since, t.blocked_until) + make_interval(secs => $5) <= $2 as quiet,
                              coalesce(t.blocked_until <= $2, false) as over) m
               ) n)
           returning blocked_until, holder = $7 as "is_ours!""#,
        slot,
        now,
        running_until,
        limit.most,
        limit.window.as_secs_f64(),
        limit.first_wait.as_seconds_f64(),
        holder
    )
    .fetch_one(&mut *app.db.read().await?)
    .await?;
    Ok(match row.blocked_until {
        Some(until) if until > now => Verdict::Blocked(until),
        _ if row.is_ours => Verdict::Taken,
        _ => Verdict::Full,
    })
}

/// The check of a place failed: it stays taken. The last one blocks the slot.
pub async fn keep_place(app: &App, slot: i32, limit: Limit, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update sign_in_attempts set
           running = greatest(running - 1, 0),
           blocks = case when taken - running + 1 >= $3 then blocks + 1 else blocks end,
           blocked_until = case when taken - running + 1 >= $3
             then $2::timestamptz + make_interval(secs => least($4::float8 * power(2, least(blocks, 20)), $5::float8))
             else blocked_until end
         where slot = $1 and blocked_until is null",
        slot,
        now,
        limit.most,
        limit.first_wait.as_seconds_f64(),
        limit.longest_wait.as_seconds_f64()
    )
    .execute(&mut *app.db.read().await?)
    .await?;
    Ok(())
}

/// Gives a place back; `forgets` what failed before, too.
pub async fn give_back(app: &App, slot: i32, forgets: bool) -> Result<()> {
    sqlx::query!(
        "update sign_in_attempts set
           running = greatest(running - 1, 0),
           taken = case when $2 then greatest(running - 1, 0) else greatest(taken - 1, 0) end,
           blocks = case when $2 then 0 else blocks end
         where slot = $1",
        slot,
        forgets
    )
    .execute(&mut *app.db.read().await?)
    .await?;
    Ok(())
}

/// Counts a failure that took no place before; answers until when the slot is blocked, if it is.
pub async fn count_failure(app: &App, slot: i32, limit: Limit, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    match take_place(app, slot, limit, now, now).await? {
        Verdict::Blocked(until) => Ok(Some(until)),
        Verdict::Full => Ok(None),
        Verdict::Taken => {
            keep_place(app, slot, limit, now).await?;
            Ok(None)
        }
    }
}

/// Removes counts that nobody asked for any more; answers how many.
pub async fn delete_old_attempts(db: &mut PgConnection, before: OffsetDateTime, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from sign_in_attempts where slot in
         (select slot from sign_in_attempts where since <= $1 and coalesce(blocked_until, since) <= $1
          order by since limit $2 for update skip locked)",
        before,
        most
    );
    done.execute(db).await.map(|done| done.rows_affected())
}
