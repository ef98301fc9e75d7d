//! The SQL of failed sign-ins. A statement locks its slots in their order, so that two never wait for each other.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::slot::FIRST_OF_ADDRESSES;
use crate::{error::Result, state::App};

/// How many failures a slot may have in which time, and how long it is blocked then.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a user from an address.
    pub most_of_user: i32,
    /// Of an address.
    pub most_of_address: i32,
    pub window: Duration,
    pub first_wait: time::Duration,
    pub longest_wait: time::Duration,
}

/// What became of a slot that a place was asked of.
#[derive(Debug)]
pub struct Taken {
    pub slot: i32,
    pub blocked_until: Option<OffsetDateTime>,
    /// Whether the place was taken. If not, and nothing is blocked, then every place is, some by checks that still run.
    pub is_ours: bool,
}

/// Takes a place in each slot that has one, in one statement. The window and the block of a slot end here, when someone
/// asks: after a block, one more failure blocks again, twice as long; after a quiet window all is forgotten.
pub async fn take_places(
    app: &App,
    slots: &[i32],
    limits: &Limits,
    now: OffsetDateTime,
    running_until: OffsetDateTime,
) -> Result<Vec<Taken>> {
    let holder = app.random.uuid();
    // A statement that is given up here still runs once a database that hung goes on: without a commit it takes
    // nothing.
    let mut db = app.db.begin().await?;
    let places = sqlx::query_as!(
        Taken,
        r#"insert into sign_in_attempts as t (slot, since, taken, running, running_until, holder, blocks)
           select slot, $2, 1, 1, $3, $7, 0 from unnest($1::integer[]) as s (slot) order by slot
           on conflict (slot) do update set
             (since, taken, running, running_until, holder, blocks, blocked_until) = (
               -- The slot with this place, if it has one. A wrong key ends at once; checks beside it may run on.
               select
                 p.since,
                 p.taken + p.has_place::integer,
                 p.running + p.has_place::integer,
                 case when p.has_place then greatest(t.running_until, $3) else t.running_until end,
                 case when p.has_place then $7 else t.holder end,
                 p.blocks,
                 p.blocked_until
               -- Whether it has.
               from (select n.*, n.blocked_until is null and n.taken < n.most as has_place from (
                 -- The slot as it is by now.
                 select
                   m.most,
                   case when m.quiet or m.over then $2 else t.since end as since,
                   case when m.quiet then 0 when m.over then m.most - 1 else t.taken end as taken,
                   case when m.quiet or m.over or t.running_until <= $2 then 0 else t.running end as running,
                   case when m.quiet then 0 else t.blocks end as blocks,
                   case when m.quiet or m.over then null
                        -- Checks that died with their node count as failed, all of them together.
                        when t.blocked_until is null and t.taken >= m.most and t.running_until <= $2
                        then $2::timestamptz + make_interval(secs => $6) else t.blocked_until end as blocked_until
                 -- Its limit, whether a quiet window has passed, and whether a block is over.
                 from (select case when t.slot < $8 then $4::integer else $9::integer end as most,
                              greatest(t.since, t.blocked_until) + make_interval(secs => $5) <= $2 as quiet,
                              coalesce(t.blocked_until <= $2, false) as over) m
               ) n) p)
           returning slot, blocked_until, holder = $7 as "is_ours!""#,
        slots,
        now,
        running_until,
        limits.most_of_user,
        limits.window.as_secs_f64(),
        limits.first_wait.as_seconds_f64(),
        holder,
        FIRST_OF_ADDRESSES,
        limits.most_of_address
    )
    .fetch_all(&mut *db)
    .await?;
    db.commit().await?;
    Ok(places)
}

/// The check of these places failed: they stay taken. The last one of a slot blocks it. Answers the blocks.
pub async fn keep_places(
    app: &App,
    slots: &[i32],
    limits: &Limits,
    now: OffsetDateTime,
) -> Result<Vec<(i32, OffsetDateTime)>> {
    let mut db = app.db.connection().await?;
    let rows = sqlx::query!(
        r#"with locked as (
             select slot, case when slot < $6 then $3::integer else $7::integer end as most
             from sign_in_attempts where slot = any ($1) and blocked_until is null order by slot for update)
           update sign_in_attempts t set
             running = greatest(running - 1, 0),
             blocks = case when taken - running + 1 >= most then blocks + 1 else blocks end,
             blocked_until = case when taken - running + 1 >= most
               then $2::timestamptz + make_interval(secs => least($4::float8 * power(2, least(blocks, 20)), $5::float8))
               else blocked_until end
           from locked where t.slot = locked.slot returning t.slot, t.blocked_until"#,
        slots,
        now,
        limits.most_of_user,
        limits.first_wait.as_seconds_f64(),
        limits.longest_wait.as_seconds_f64(),
        FIRST_OF_ADDRESSES,
        limits.most_of_address
    )
    .fetch_all(&mut *db)
    .await?;
    db.commit().await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.slot, row.blocked_until?))).collect())
}

/// Gives places back. A right password (`forgets`) forgets what failed before, too: of a user from an address, not of
/// an address that may name many users.
pub async fn release(app: &App, slots: &[i32], forgets: bool) -> Result<()> {
    let mut db = app.db.connection().await?;
    sqlx::query!(
        "with locked as (select slot, $2 and slot < $3 as forgets from sign_in_attempts where slot = any ($1)
                         order by slot for update)
         update sign_in_attempts t set
           running = greatest(running - 1, 0),
           taken = case when forgets then greatest(running - 1, 0) else greatest(taken - 1, 0) end,
           blocks = case when forgets then 0 else blocks end
         from locked where t.slot = locked.slot",
        slots,
        forgets,
        FIRST_OF_ADDRESSES
    )
    .execute(&mut *db)
    .await?;
    Ok(db.commit().await?)
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
