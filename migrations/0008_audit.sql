-- Who did what, to what, from where and when: only ever added to. A record of a change is written in the transaction that
-- makes it.
set local lock_timeout = '5s';

create table audit_events (
    id            bigint generated always as identity,
    event_id      uuid not null,
    created_at    timestamptz not null,
    type          text collate "C" not null,
    level         text not null,
    message       text not null,
    -- The account that it concerns; null: the system.
    account       text collate "C",
    resource_type text,
    resource_id   text,
    -- How often, where what happens often stands in one row for each minute.
    count         bigint not null,
    request_id    text,
    details       jsonb not null,
    constraint audit_events_pkey primary key (id, created_at)
) partition by range (created_at);
create index audit_events_created_at_idx on audit_events (created_at, id);
create index audit_events_account_created_at_idx on audit_events (account, created_at);
create index audit_events_event_id_idx on audit_events (event_id);
-- For what comes when nobody made a partition in time.
create table audit_events_default partition of audit_events default;

-- What is sealed: a seal covers some records and the seal before it. The key that signs is not in this database.
create table audit_seals (
    id         bigint primary key,
    created_at timestamptz not null,
    -- Records that were made earlier are in an earlier seal.
    since      timestamptz not null,
    count      bigint not null,
    hash       bytea not null,
    public_key bytea not null,
    signature  bytea not null
);
create table audit_sealed (
    record_id bigint primary key,
    seal_id   bigint not null,
    constraint audit_sealed_seal_id_fkey foreign key (seal_id) references audit_seals (id)
);
create index audit_sealed_seal_id_idx on audit_sealed (seal_id);

-- Nothing is changed or taken away, not even by mistake; whoever owns the tables can drop a partition.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is only ever added to' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_events_append_only before update or delete on audit_events
    for each row execute function refuse_change();
create trigger audit_events_not_truncated before truncate on audit_events
    for each statement execute function refuse_change();
create trigger audit_events_default_not_truncated before truncate on audit_events_default
    for each statement execute function refuse_change();
create trigger audit_seals_append_only before update or delete on audit_seals
    for each row execute function refuse_change();
create trigger audit_seals_not_truncated before truncate on audit_seals
    for each statement execute function refuse_change();
-- What stands of months that ended is deleted.
create trigger audit_sealed_append_only before update on audit_sealed
    for each row execute function refuse_change();
create trigger audit_sealed_not_truncated before truncate on audit_sealed
    for each statement execute function refuse_change();

-- Makes the partitions of this month and the two after it, and drops those that ended before `keep_from`, with what stands
-- of their records in audit_sealed. For whoever owns the tables.
create function maintain_audit(keep_from timestamptz) returns void language plpgsql as $$
declare
    month date;
    name text;
    old record;
begin
    for ahead in 0..2 loop
        month := date_trunc('month', now() at time zone 'UTC')::date + make_interval(months => ahead);
        name := 'audit_events_' || to_char(month, 'YYYY_MM');
        if to_regclass(name) is null then
            execute format('create table %I partition of audit_events for values from (%L) to (%L)', name,
                           month::text || ' 00:00:00+00', (month + interval '1 month')::date::text || ' 00:00:00+00');
            execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()',
                           name || '_not_truncated', name);
        end if;
    end loop;
    if keep_from is null then
        return;
    end if;
    for old in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'audit_events'::regclass and c.relname ~ '^audit_events_\d{4}_\d\d$'
          and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= keep_from at time zone 'UTC'
    loop
        execute format('delete from audit_sealed where record_id in (select id from %I)', old.relname);
        execute format('drop table %I', old.relname);
    end loop;
end $$;
select maintain_audit(null);
