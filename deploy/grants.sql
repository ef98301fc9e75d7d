-- Two roles for one database: kedge_owner owns the tables, migrates and ends old months of the audit trail;
-- kedge_app serves. It reads and writes what the API changes, and of the audit trail it can only read and add.
--
-- First, as a superuser, once:
--
--   create role kedge_owner login password '…';
--   create role kedge_app login password '…';
--   create database kedge owner kedge_owner;
--
-- Then, after each `kedge migrate` as kedge_owner, this file as kedge_owner, too. It can be run again.

revoke create on schema public from public;
grant usage on schema public to kedge_app;

do $$
declare
    name text;
begin
    for name in
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and c.relname !~ '^audit_' and c.relname <> '_sqlx_migrations'
    loop
        execute format('grant select, insert, update, delete on table %I to kedge_app', name);
    end loop;
end $$;

grant select on table _sqlx_migrations to kedge_app;
grant select, insert on table audit_events, audit_seals, audit_sealed to kedge_app;
