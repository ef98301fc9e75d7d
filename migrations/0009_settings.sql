-- What administrators changed of the configuration while it runs. What the configuration file says wins.
set local lock_timeout = '5s';

create table settings (
    key        text collate "C" primary key,
    id         uuid not null,
    value      jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
