//! The SQL of the audit trail: rows are inserted and read, never changed.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::record::{LATEST, Record};

pub async fn insert(db: &mut PgConnection, record: &Record) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_events (event_id, created_at, type, level, message, account, resource_type, resource_id,
                                   count, request_id, details)
         values ($1, greatest($2, now() - make_interval(secs => $12)), $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        record.event_id,
        record.created_at,
        record.kind,
        record.level.name(),
        record.message,
        record.account,
        record.resource_type,
        record.resource_id,
        record.count,
        record.request_id,
        Value::Object(record.details.clone()),
        LATEST.as_seconds_f64()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A record as it is stored.
#[derive(Debug)]
pub struct Event {
    pub id: i64,
    pub event_id: Uuid,
    pub created_at: OffsetDateTime,
    pub kind: String,
    pub level: String,
    pub message: String,
    pub account: Option<String>,
    pub resource_type: Option<String>,
    pub resource_id: Option<String>,
    pub count: i64,
    pub request_id: Option<String>,
    pub details: Value,
}

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    pub account: Option<&'a str>,
    /// A pattern of `like`.
    pub kind: Option<&'a str>,
    pub level: Option<&'a str>,
    pub resource_type: Option<&'a str>,
    pub resource_id: Option<&'a str>,
    pub resource_user: Option<&'a str>,
    /// Who did it, and the hint of the key that signed them in.
    pub user: Option<&'a str>,
    pub key_hint: Option<&'a str>,
    pub since: Option<OffsetDateTime>,
    pub before: Option<OffsetDateTime>,
}

/// A page, the newest first.
pub async fn list(db: &mut PgConnection, filter: &Filter<'_>, limit: i64, offset: i64) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select id, event_id, created_at, type as kind, level, message, account, resource_type, resource_id, count,
                  request_id, details
           from audit_events
           where ($1::text is null or account = $1) and ($2::text is null or type like $2)
             and ($3::text is null or level = $3) and ($4::text is null or resource_type = $4)
             and ($5::text is null or resource_id = $5) and ($6::timestamptz is null or created_at >= $6)
             and ($7::timestamptz is null or created_at < $7)
             and ($8::text is null or details->>'user' = $8) and ($9::text is null or details->>'key_hint' = $9)
             and ($10::text is null or details->>'resource_user' = $10)
           order by created_at desc, id desc limit $11 offset $12"#,
        filter.account,
        filter.kind,
        filter.level,
        filter.resource_type,
        filter.resource_id,
        filter.since,
        filter.before,
        filter.user,
        filter.key_hint,
        filter.resource_user,
        limit,
        offset
    )
    .fetch_all(db)
    .await
}

pub async fn find(
    db: &mut PgConnection,
    event_id: Uuid,
    account: Option<&str>,
    since: Option<OffsetDateTime>,
) -> sqlx::Result<Option<Event>> {
    sqlx::query_as!(
        Event,
        r#"select id, event_id, created_at, type as kind, level, message, account, resource_type, resource_id, count,
                  request_id, details
           from audit_events
           where event_id = $1 and ($2::text is null or account = $2) and ($3::timestamptz is null or created_at >= $3)"#,
        event_id,
        account,
        since
    )
    .fetch_optional(db)
    .await
}

/// A seal as it is stored.
#[derive(Debug)]
pub struct Seal {
    pub id: i64,
    pub created_at: OffsetDateTime,
    pub since: OffsetDateTime,
    pub count: i64,
    pub hash: Vec<u8>,
    pub public_key: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Lets one node at a time seal: answers whether it is this one's turn, until the transaction ends.
pub async fn lock_seals(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock(hashtext('kedge: seal of the audit trail')) as "had!""#)
        .fetch_one(db)
        .await
}

/// Since when the oldest transaction runs that may still write a record.
pub async fn oldest_transaction(db: &mut PgConnection) -> sqlx::Result<OffsetDateTime> {
    sqlx::query_scalar!(
        r#"select least(min(xact_start), now()) as "oldest!" from pg_stat_activity
           where datname = current_database() and backend_type = 'client backend'"#
    )
    .fetch_one(db)
    .await
}

pub async fn find_last_seal(db: &mut PgConnection) -> sqlx::Result<Option<Seal>> {
    sqlx::query_as!(
        Seal,
        "select id, created_at, since, count, hash, public_key, signature from audit_seals order by id desc limit 1"
    )
    .fetch_optional(db)
    .await
}

/// Up to `most` records that are visible, made since then, and in no seal.
pub async fn list_unsealed(db: &mut PgConnection, since: OffsetDateTime, most: i64) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select id, event_id, created_at, type as kind, level, message, account, resource_type, resource_id, count,
                  request_id, details
           from audit_events e
           where created_at >= $1 and not exists (select from audit_sealed s where s.record_id = e.id)
           order by id limit $2"#,
        since,
        most
    )
    .fetch_all(db)
    .await
}

pub async fn insert_seal(db: &mut PgConnection, seal: &Seal, records: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_seals (id, created_at, since, count, hash, public_key, signature)
         values ($1, $2, $3, $4, $5, $6, $7)",
        seal.id,
        seal.created_at,
        seal.since,
        seal.count,
        seal.hash,
        seal.public_key,
        seal.signature
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("insert into audit_sealed (record_id, seal_id) select unnest($1::bigint[]), $2", records, seal.id)
        .execute(db)
        .await?;
    Ok(())
}

/// Up to `most` seals after the one of that id.
pub async fn list_seals(db: &mut PgConnection, after: i64, most: i64) -> sqlx::Result<Vec<Seal>> {
    sqlx::query_as!(
        Seal,
        "select id, created_at, since, count, hash, public_key, signature from audit_seals where id > $1
         order by id limit $2",
        after,
        most
    )
    .fetch_all(db)
    .await
}

/// The records in a seal.
pub async fn list_sealed(db: &mut PgConnection, seal: i64) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select e.id, e.event_id, e.created_at, e.type as kind, e.level, e.message, e.account, e.resource_type,
                  e.resource_id, e.count, e.request_id, e.details
           from audit_sealed s join audit_events e on e.id = s.record_id where s.seal_id = $1 order by e.id"#,
        seal
    )
    .fetch_all(db)
    .await
}

/// How many records are in no seal: those made since then, and those made before, which no seal will cover.
pub async fn count_unsealed(db: &mut PgConnection, since: OffsetDateTime) -> sqlx::Result<(i64, i64)> {
    let counted = sqlx::query!(
        r#"select count(*) filter (where created_at >= $1) as "later!", count(*) filter (where created_at < $1) as "earlier!"
           from audit_events e where not exists (select from audit_sealed s where s.record_id = e.id)"#,
        since
    );
    let counted = counted.fetch_one(db).await?;
    Ok((counted.later, counted.earlier))
}

/// When the oldest partition begins that is there: older records were dropped. Of this month, none are.
pub async fn kept_since(db: &mut PgConnection) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar!(
        r#"select least(min(to_date(right(c.relname, 7), 'YYYY_MM')::timestamp at time zone 'UTC'),
                        date_trunc('month', now() at time zone 'UTC') at time zone 'UTC')
           from pg_inherits i join pg_class c on c.oid = i.inhrelid
           where i.inhparent = 'audit_events'::regclass and c.relname ~ '^audit_events_\d{4}_\d\d$'"#
    )
    .fetch_one(db)
    .await
}
