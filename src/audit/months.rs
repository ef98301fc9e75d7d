//! The SQL of the months of the trail: partitions that are made ahead and ended whole (migration 12). Records stand in
//! [`store`](super::store).

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};

/// Whether this role may make and end months.
pub async fn are_ours(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select pg_has_role(relowner, 'usage') as "are_ours!" from pg_class where oid = 'audit_events'::regclass"#
    )
    .fetch_one(db)
    .await
}

/// Whether this month or the next one is not there.
pub async fn is_one_missing(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select bool_or(to_regclass(to_char((now() at time zone 'UTC') + make_interval(months => n),
                                              '"audit_events_"YYYY_MM')) is null) as "is_missing!"
           from generate_series(0, 1) as n"#
    )
    .fetch_one(db)
    .await
}

/// The months that are to be there: this one, two more, and those of records that came while theirs was not.
pub async fn list_needed(db: &mut PgConnection) -> sqlx::Result<Vec<Date>> {
    sqlx::query_scalar!(
        r#"select date_trunc('month', (now() at time zone 'UTC') + make_interval(months => n))::date as "month!"
           from generate_series(0, 2) as n
           union select date_trunc('month', created_at at time zone 'UTC')::date from audit_events_default
           order by 1"#
    )
    .fetch_all(db)
    .await
}

/// What is done to a month while the trail is locked.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Make,
    /// Takes it out of the trail.
    End,
    /// Drops what was taken out.
    Drop,
}

pub async fn take(db: &mut PgConnection, step: Step, month: Date) -> sqlx::Result<()> {
    match step {
        Step::Make => sqlx::query!("select make_audit_month($1)", month).fetch_one(db).await.map(drop),
        Step::End => sqlx::query!("select end_audit_month($1)", month).fetch_one(db).await.map(drop),
        Step::Drop => sqlx::query!("select drop_audit_month($1)", month).fetch_one(db).await.map(drop),
    }
}

/// Whether there are records whose month is not there.
pub async fn are_records_without(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from audit_events_default) as "are_there!""#).fetch_one(db).await
}

/// The months all of which are before that moment.
pub async fn list_due(db: &mut PgConnection, keep_from: OffsetDateTime) -> sqlx::Result<Vec<Date>> {
    sqlx::query_scalar!(
        r#"select month as "month!"
           from (select to_date(right(c.relname, 7), 'YYYY_MM') as month
                 from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where i.inhparent = 'audit_events'::regclass and c.relname ~ '^audit_events_\d{4}_\d\d$') m
           where month + interval '1 month' <= $1::timestamptz at time zone 'UTC' order by month"#,
        keep_from
    )
    .fetch_all(db)
    .await
}

/// The months that were taken out and are not forgotten.
pub async fn list_ended(db: &mut PgConnection) -> sqlx::Result<Vec<Date>> {
    sqlx::query_scalar!(
        r#"select to_date(right(relname, 7), 'YYYY_MM') as "month!" from pg_class
           where relname ~ '^audit_ended_\d{4}_\d\d$' and relkind = 'r' and pg_table_is_visible(oid) order by 1"#
    )
    .fetch_all(db)
    .await
}

/// Forgets which seals were of up to `most` records of a month that was taken out, after the one of that id; answers
/// the id of the last one, `None` after the last.
pub async fn forget_some(db: &mut PgConnection, month: Date, after: i64, most: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("select forget_audit_seals($1, $2, $3)", month, after, most).fetch_one(db).await
}
