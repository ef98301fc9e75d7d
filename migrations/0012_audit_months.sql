-- The months of the audit trail, a step a statement, each a transaction of its own: what fails for one month keeps no other
-- from being made or ended. For whoever owns the tables.
set local lock_timeout = '5s';

-- No step waits for long: behind one that waits for a lock on the trail, every change does.
create function lock_audit_months() returns void language sql as $$
    select pg_advisory_xact_lock(hashtext('kedge: months of the audit trail'))
$$;

-- Makes the partition of the month that the day is in. Records of it that came while there was none leave the default
-- partition for it: they stay in the trail, with their ids.
create function make_audit_month(day date) returns void language plpgsql set lock_timeout = '1s' as $$
declare
    first timestamptz := date_trunc('month', day::timestamp) at time zone 'UTC';
    next timestamptz := (date_trunc('month', day::timestamp) + interval '1 month') at time zone 'UTC';
    name text := 'audit_events_' || to_char(day, 'YYYY_MM');
    are_moved boolean;
    copied bigint;
    removed bigint;
begin
    perform lock_audit_months();
    if to_regclass(name) is not null then
        return;
    end if;
    -- Before it is known whether there are any to move: none may come meanwhile.
    lock table only audit_events in access exclusive mode;
    are_moved := exists (select from audit_events_default where created_at >= first and created_at < next);
    if are_moved then
        -- By itself it has none of the triggers that keep the trail from being altered.
        alter table audit_events detach partition audit_events_default;
    end if;
    execute format('create table %I partition of audit_events for values from (%L) to (%L)', name, first, next);
    execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()',
                   name || '_not_truncated', name);
    if are_moved then
        insert into audit_events (id, event_id, created_at, type, level, message, account, resource_type, resource_id,
                                  count, request_id, details) overriding system value
            select id, event_id, created_at, type, level, message, account, resource_type, resource_id, count, request_id,
                   details
            from audit_events_default where created_at >= first and created_at < next;
        get diagnostics copied = row_count;
        delete from audit_events_default where created_at >= first and created_at < next;
        get diagnostics removed = row_count;
        if copied <> removed then
            raise exception '% records of the audit trail were copied, and % removed', copied, removed;
        end if;
        alter table audit_events attach partition audit_events_default default;
    end if;
end $$;

-- Takes a month out of the trail. What it was stays as a table until all is forgotten that stands of it elsewhere.
create function end_audit_month(day date) returns void language plpgsql set lock_timeout = '1s' as $$
declare
    name text := 'audit_events_' || to_char(day, 'YYYY_MM');
begin
    perform lock_audit_months();
    if to_regclass(name) is null then
        return;
    end if;
    execute format('alter table audit_events detach partition %I', name);
    execute format('alter table %I rename to %I', name, 'audit_ended_' || to_char(day, 'YYYY_MM'));
end $$;

-- Forgets up to `most` seals of a month that was taken out, of the records after that id. Answers the last one's id; null:
-- there are no more.
create function forget_audit_seals(day date, after bigint, most bigint) returns bigint language plpgsql as $$
declare
    last bigint;
begin
    execute format('with chunk as (select id from %I where id > $1 order by id limit $2),
                         forgotten as (delete from audit_sealed where record_id in (select id from chunk))
                    select max(id) from chunk', 'audit_ended_' || to_char(day, 'YYYY_MM'))
        into last using after, most;
    return last;
end $$;

create function drop_audit_month(day date) returns void language plpgsql set lock_timeout = '1s' as $$
begin
    perform lock_audit_months();
    execute format('drop table if exists %I', 'audit_ended_' || to_char(day, 'YYYY_MM'));
end $$;

-- What a node of the version before asks for: the months that are needed. It leaves what ended to the others.
create or replace function maintain_audit(keep_from timestamptz) returns void language plpgsql as $$
begin
    for ahead in 0..2 loop
        perform make_audit_month(((now() at time zone 'UTC')::date + make_interval(months => ahead))::date);
    end loop;
end $$;

revoke execute on function lock_audit_months, make_audit_month, end_audit_month, forget_audit_seals, drop_audit_month,
    maintain_audit from public;
