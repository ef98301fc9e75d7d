-- The log of changes that what a node remembers of callers must obey, and the nodes that read it.
--
-- Triggers write it: no change can be made without its row, by whatever statement. What only adds (an account, a user, a
-- key, a session) has no row, since nothing that is remembered says that it is not there.
set local lock_timeout = '5s';

create table changes (
    id      bigint generated always as identity,
    -- The transaction: rows are read in the order in which they become visible, which ids do not have.
    xid     xid8 not null default pg_current_xact_id(),
    kind    text not null,
    subject text not null,
    constraint changes_pkey primary key (id),
    constraint changes_kind_check check (kind in ('user', 'account', 'group', 'api_key', 'session', 'signing_key', 'block'))
);
create index changes_xid_idx on changes (xid);

create table nodes (
    id      uuid primary key,
    -- For how long the node goes by what it has read, in seconds.
    lease   double precision not null,
    seen_at timestamptz not null,
    -- The node obeys every change that is visible in it.
    applied pg_snapshot not null
);

-- note_change(kind, column): the row of `changes` for the thing that the column names.
create function note_change() returns trigger language plpgsql as $$
begin
    insert into changes (kind, subject)
    select tg_argv[0], subject
    from (select to_jsonb(old) ->> tg_argv[1] union select to_jsonb(new) ->> tg_argv[1]) as t (subject)
    where subject is not null;
    return null;
end $$;

create trigger accounts_changed after update or delete on accounts
    for each row execute function note_change('account', 'id');
create trigger users_changed after update or delete on users
    for each row execute function note_change('user', 'id');
create trigger passwords_changed after update or delete on passwords
    for each row execute function note_change('user', 'user_id');
create trigger api_keys_changed
    after update of user_id, secret_hash, expires_at, revoked_at, deleted_at, actions, accounts, cidrs on api_keys
    for each row execute function note_change('api_key', 'id');
-- One that was marked as deleted had its row then.
create trigger api_keys_deleted after delete on api_keys
    for each row when (old.deleted_at is null) execute function note_change('api_key', 'id');
create trigger role_members_changed after insert or update or delete on role_members
    for each row execute function note_change('user', 'user_id');
create trigger user_groups_changed after update of name or delete on user_groups
    for each row execute function note_change('group', 'id');
create trigger user_group_members_changed after insert or update or delete on user_group_members
    for each row execute function note_change('user', 'user_id');
create trigger user_group_roles_changed after insert or update or delete on user_group_roles
    for each row execute function note_change('group', 'group_id');
create trigger sessions_ended after delete on sessions
    for each row execute function note_change('session', 'id');

create trigger signing_keys_changed after update of verifies_until or delete on signing_keys
    for each row execute function note_change('signing_key', 'kid');

-- A block, with its end in seconds since 1970: a node that remembers a right password must not let a blocked guesser
-- find that out.
create function note_block() returns trigger language plpgsql as $$
begin
    insert into changes (kind, subject) values ('block', new.slot || ' ' || extract(epoch from new.blocked_until));
    return null;
end $$;
create trigger sign_in_attempts_blocked after update of blocked_until on sign_in_attempts
    for each row when (new.blocked_until is distinct from old.blocked_until and new.blocked_until is not null)
    execute function note_block();
