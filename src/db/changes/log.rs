//! The SQL of the log of changes and of the nodes that read it. Triggers write the log (migration 5).

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::GONE_AFTER;

/// The channel on which nodes wake each other.
pub const CHANNEL: &str = "kedge_changes";

/// A row of the log.
#[derive(Debug)]
pub struct Change {
    pub id: i64,
    pub xid: i64,
    pub kind: String,
    pub subject: String,
}

/// Which log it is: that of a PostgreSQL, by when it was started, and in it that of a table. A restore makes another
/// table, with what another history left in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub started: i64,
    pub table: i64,
}

/// What one look at the log found.
#[derive(Debug)]
pub struct Seen {
    pub log: Identity,
    pub is_standby: bool,
    /// Every transaction before this one has ended: what it changed was visible.
    pub xmin: i64,
    pub snapshot: String,
    pub changes: Vec<Change>,
}

/// The changes of the transactions from `xmin` on that are visible now.
pub async fn read(db: &mut PgConnection, xmin: i64) -> sqlx::Result<Seen> {
    let rows = sqlx::query!(
        r#"select (extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint as "started!",
                  to_regclass('changes')::oid::bigint as "table!", pg_is_in_recovery() as "is_standby!",
                  pg_snapshot_xmin(s.now)::text::bigint as "xmin!",
                  s.now::text as "snapshot!", c.id as "id?", c.xid::text::bigint as "xid?", c.kind as "kind?",
                  c.subject as "subject?"
           from (select pg_current_snapshot() as now) as s left join changes c on c.xid >= $1::bigint::text::xid8"#,
        xmin
    )
    .fetch_all(db)
    .await?;
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let log = Identity { started: first.started, table: first.table };
    let (is_standby, xmin) = (first.is_standby, first.xmin);
    let snapshot = first.snapshot.clone();
    let changes = rows
        .into_iter()
        .filter_map(|row| Some(Change { id: row.id?, xid: row.xid?, kind: row.kind?, subject: row.subject? }))
        .collect();
    Ok(Seen { log, is_standby, xmin, snapshot, changes })
}

/// Makes the node known before it goes by what it reads, so that who waits for all nodes waits for it: durable, unlike
/// the rest.
pub async fn register(db: &mut PgConnection, node: Uuid, lease: f64) -> sqlx::Result<()> {
    let mut transaction = db.begin().await?;
    sqlx::query!("select set_config('synchronous_commit', 'on', true)").fetch_one(&mut *transaction).await?;
    // Rows of another cluster, from a backup: here they would lie in the future, and be read with every look.
    sqlx::query!("delete from changes where xid >= pg_snapshot_xmax(pg_current_snapshot())")
        .execute(&mut *transaction)
        .await?;
    sqlx::query!(
        "insert into nodes (id, lease, seen_at, applied) values ($1, $2, clock_timestamp(), '1:1:')
         on conflict (id) do update set lease = excluded.lease, seen_at = excluded.seen_at, applied = excluded.applied",
        node,
        lease
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Says that the node is there and obeys all that was visible in `snapshot`. Answers whether the node is registered.
pub async fn report(db: &mut PgConnection, node: Uuid, snapshot: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update nodes set seen_at = clock_timestamp(), applied = $2::text::pg_snapshot where id = $1",
        node,
        snapshot
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Wakes the other nodes. In a transaction of its own: within the writing one it would make all writers of the cluster
/// wait for each other.
pub async fn wake(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select pg_notify($1, '')", CHANNEL).fetch_one(db).await?;
    Ok(())
}

/// What is visible now.
pub async fn snapshot(db: &mut PgConnection) -> sqlx::Result<String> {
    sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "snapshot!""#).fetch_one(db).await
}

/// How long some node may still go by what it read before `snapshot` was taken, in seconds; `None` where every node
/// obeys all changes that are visible in it. Of transactions before the oldest that ran then, a node obeys all.
pub async fn longest_lease_behind(db: &mut PgConnection, snapshot: &str) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        "select max(n.lease) from nodes n
         where n.seen_at > clock_timestamp() - make_interval(secs => $2) and exists (
             select from changes c
             where c.xid >= pg_snapshot_xmin(n.applied)
               and pg_visible_in_snapshot(c.xid, $1::text::pg_snapshot) and not pg_visible_in_snapshot(c.xid, n.applied))",
        snapshot,
        GONE_AFTER.as_secs_f64()
    )
    .fetch_one(db)
    .await
}

/// Takes the node out.
pub async fn remove(db: &mut PgConnection, node: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from nodes where id = $1", node).execute(db).await?;
    Ok(())
}

/// Before which transaction every one has ended.
pub async fn horizon(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as "xmin!""#)
        .fetch_one(db)
        .await
}

/// Removes up to `most` rows of transactions before `xmin`; answers how many went.
pub async fn delete_before(db: &mut PgConnection, xmin: i64, most: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from changes where id in
         (select id from changes where xid < $1::bigint::text::xid8 order by xid limit $2 for update skip locked)",
        xmin,
        most
    );
    done.execute(db).await.map(|done| done.rows_affected())
}

/// Removes nodes that have been gone for an hour.
pub async fn delete_gone_nodes(db: &mut PgConnection) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from nodes where seen_at < clock_timestamp() - interval '1 hour'");
    done.execute(db).await.map(|done| done.rows_affected())
}
