-- Who holds which role in which account, directly or through a group, and what narrows an API key.
--
-- Roles are data of the deployment, not rows: `role` is a name, and a name that no role has grants nothing.
set local lock_timeout = '5s';

create table role_members (
    id         uuid primary key,
    user_id    uuid not null,
    account_id uuid not null,
    role       text collate "C" not null,
    granter    text not null,
    created_at timestamptz not null,
    constraint role_members_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint role_members_account_id_fkey foreign key (account_id) references accounts (id)
);
create unique index role_members_user_id_account_id_role_key on role_members (user_id, account_id, role);
create index role_members_account_id_role_idx on role_members (account_id, role);

create table user_groups (
    id           uuid primary key,
    name         text collate "C" not null,
    description  text,
    created_at   timestamptz not null,
    last_updated timestamptz not null
);
create unique index user_groups_name_key on user_groups (name);

create table user_group_members (
    group_id uuid not null,
    user_id  uuid not null,
    added_at timestamptz not null,
    constraint user_group_members_pkey primary key (group_id, user_id),
    constraint user_group_members_group_id_fkey foreign key (group_id) references user_groups (id) on delete cascade,
    constraint user_group_members_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);
create index user_group_members_user_id_idx on user_group_members (user_id);

create table user_group_roles (
    id         uuid primary key,
    group_id   uuid not null,
    account_id uuid not null,
    role       text collate "C" not null,
    created_at timestamptz not null,
    constraint user_group_roles_group_id_fkey foreign key (group_id) references user_groups (id) on delete cascade,
    constraint user_group_roles_account_id_fkey foreign key (account_id) references accounts (id)
);
create unique index user_group_roles_group_id_account_id_role_key on user_group_roles (group_id, account_id, role);
create index user_group_roles_account_id_idx on user_group_roles (account_id);

-- Null: not narrowed. Accounts by id, so that an account made anew under an old name is not meant.
alter table api_keys
    add column actions  text[],
    add column accounts uuid[],
    add column cidrs    text[];
