-- Sign-ins that answer tokens, and the keys that sign these.
set local lock_timeout = '5s';

-- Raised when a password changes or goes: what was issued before carries an older one and is refused. Moments are never
-- compared for that.
alter table users add column auth_epoch bigint not null default 0;

-- A sign-in: the family of a refresh token and of the access tokens that came with it.
create table sessions (
    id                uuid primary key,
    user_id           uuid not null,
    auth_epoch        bigint not null,
    client_id         text not null,
    user_agent        text,
    created_at        timestamptz not null,
    last_used_at      timestamptz not null,
    -- When the last of its tokens runs out, and the last of its access tokens.
    expires_at        timestamptz not null,
    access_expires_at timestamptz not null,
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
create index sessions_user_id_created_at_idx on sessions (user_id, created_at desc, id);
create index sessions_expires_at_idx on sessions (expires_at);
create index sessions_access_expires_at_idx on sessions (access_expires_at);

-- Every refresh token of a session that has not run out, used ones too: one that is shown again is told by its row.
create table refresh_tokens (
    hash       bytea primary key,
    session_id uuid not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    -- What was answered for it.
    successor  bytea,
    constraint refresh_tokens_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint refresh_tokens_hash_check check (octet_length(hash) = 32)
);
create index refresh_tokens_session_id_idx on refresh_tokens (session_id);
create index refresh_tokens_expires_at_idx on refresh_tokens (expires_at);

-- Ed25519 pairs that Kedge made. One signs; those before it verify until the last token they signed has run out.
create table signing_keys (
    kid            text collate "C" primary key,
    -- 32 bytes, or those bytes sealed.
    seed           bytea not null,
    is_sealed      boolean not null,
    created_at     timestamptz not null,
    verifies_until timestamptz
);
create unique index signing_keys_one_signs_key on signing_keys ((true)) where verifies_until is null;
