-- Accounts, users, passwords and API keys.
--
-- Names sort bytewise (collation "C"), whatever the database's locale. Every constraint is named
-- <table>_<columns>_<kind>: src/error/database.rs turns some of the names into answers.
set local lock_timeout = '5s';

create table accounts (
    id           uuid primary key,
    name         text collate "C" not null,
    type         text not null,
    state        text not null,
    email        text,
    created_at   timestamptz not null,
    last_updated timestamptz not null,
    constraint accounts_type_check check (type in ('user', 'admin', 'service')),
    constraint accounts_state_check check (state in ('enabled', 'disabled', 'deleting'))
);
-- Not partial: the name stays taken until the collector has removed the row.
create unique index accounts_name_key on accounts (name);
create index accounts_deleting_idx on accounts (last_updated) where state = 'deleting';

create table users (
    id           uuid primary key,
    account_id   uuid not null,
    username     text collate "C" not null,
    type         text not null,
    source       text,
    idp_name     text,
    created_at   timestamptz not null,
    last_updated timestamptz not null,
    constraint users_account_id_fkey foreign key (account_id) references accounts (id),
    constraint users_type_check check (type in ('native', 'saml'))
);
-- Over all accounts, those being deleted included.
create unique index users_username_key on users (username);
create index users_account_id_username_idx on users (account_id, username);

-- At most one password a user. A row's age is the age of the password.
create table passwords (
    user_id    uuid primary key,
    phc        text not null,
    created_at timestamptz not null,
    constraint passwords_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

create table api_keys (
    id           text collate "C" primary key,
    user_id      uuid not null,
    name         text collate "C" not null,
    description  text,
    secret_hash  bytea not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz,
    deleted_at   timestamptz,
    last_used_at timestamptz,
    constraint api_keys_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint api_keys_id_check check (id ~ '^[0-9A-Za-z]{16}$'),
    constraint api_keys_secret_hash_check check (octet_length(secret_hash) = 32)
);
create unique index api_keys_user_id_name_key on api_keys (user_id, name) where deleted_at is null;
create index api_keys_user_id_created_at_idx on api_keys (user_id, created_at desc, id);
create index api_keys_deleted_at_idx on api_keys (deleted_at) where deleted_at is not null;
