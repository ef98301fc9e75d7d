-- Failed sign-ins, so that guessing is bounded over all nodes.
set local lock_timeout = '5s';

-- Secrets of the deployment that every node must share, made at the first start.
create table deployment_secrets (
    name  text primary key,
    value bytea not null
);

-- A slot is a part of a keyed digest of a user's name and a client's address, or of an address: 2^21 of them at most,
-- whatever is guessed. Unlogged: a crash of the database forgets the counts, and costs no write otherwise.
create unlogged table sign_in_attempts (
    slot          integer primary key,
    -- When the present count began.
    since         timestamptz not null,
    -- Places taken: by checks that failed, and by those that run.
    taken         integer not null,
    -- Checks that run, and until when one may: after that it is as good as failed.
    running       integer not null,
    running_until timestamptz not null,
    -- Who took a place last: how a statement that takes one knows that it did.
    holder        uuid not null,
    -- How often the slot was blocked in a row: each block is twice as long as the one before.
    blocks        integer not null,
    blocked_until timestamptz
);
create index sign_in_attempts_since_idx on sign_in_attempts (since);
