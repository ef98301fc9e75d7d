-- Single sign-on by SAML 2.0: the identity providers, what was asked of them, what they said already.
set local lock_timeout = '5s';

create table identity_providers (
    id                        uuid primary key,
    name                      text collate "C" not null,
    enabled                   boolean not null,
    sp_entity_id              text not null,
    acs_url                   text not null,
    acs_https_port            integer,
    default_account           text,
    default_role              text,
    idp_account_attribute     text,
    idp_groups_attribute      text,
    idp_role_attribute        text,
    idp_username_attribute    text,
    -- As it was given: one of the two.
    metadata_url              text,
    metadata_xml              text,
    -- What was read of the last good copy.
    entity_id                 text not null,
    sso_url                   text not null,
    certificates              text[] not null,
    wants_signed_requests     boolean not null,
    valid_until               timestamptz,
    -- When it is to be fetched again; null where it is not fetched.
    refresh_at                timestamptz,
    require_signed_assertions boolean not null,
    require_signed_response   boolean not null,
    allow_unsolicited         boolean not null,
    allow_assertion_grant     boolean not null,
    allow_account_creation    boolean not null,
    -- Null: any but the reserved ones.
    allowed_accounts          text[],
    allowed_roles             text[],
    created_at                timestamptz not null,
    last_updated              timestamptz not null,
    constraint identity_providers_metadata_check check (num_nonnulls(metadata_url, metadata_xml) = 1)
);
create unique index identity_providers_name_key on identity_providers (name);
create index identity_providers_entity_id_idx on identity_providers (entity_id);
create index identity_providers_refresh_at_idx on identity_providers (refresh_at) where refresh_at is not null;

-- Whose users they are, by id: a provider that is made anew under an old name is another.
alter table users
    add column idp_id          uuid,
    -- When it signed in by its provider for the first time.
    add column first_sign_in   timestamptz,
    add constraint users_idp_id_fkey foreign key (idp_id) references identity_providers (id);
create index users_idp_id_idx on users (idp_id);

create table idp_user_groups (
    idp_id    uuid not null,
    group_id  uuid not null,
    mapped_at timestamptz not null,
    constraint idp_user_groups_pkey primary key (idp_id, group_id),
    constraint idp_user_groups_idp_id_fkey foreign key (idp_id) references identity_providers (id) on delete cascade,
    constraint idp_user_groups_group_id_fkey foreign key (group_id) references user_groups (id) on delete cascade
);
create index idp_user_groups_group_id_idx on idp_user_groups (group_id);

-- A membership that the provider vouches for: it ends when it no longer does.
alter table user_group_members add column by_sso boolean not null default false;

-- Requests that wait for their answer.
create table saml_requests (
    id         text collate "C" primary key,
    idp_id     uuid not null,
    -- SHA-256 of the cookie that must come back with the answer; null: it was no browser that asked.
    browser    bytea,
    -- From where it was asked for, as of sign-ins that fail.
    network    bytea not null,
    expires_at timestamptz not null,
    constraint saml_requests_idp_id_fkey foreign key (idp_id) references identity_providers (id) on delete cascade,
    constraint saml_requests_browser_check check (octet_length(browser) = 32)
);
create index saml_requests_idp_id_idx on saml_requests (idp_id);
create index saml_requests_network_idx on saml_requests (network);
create index saml_requests_expires_at_idx on saml_requests (expires_at);

-- When the session at the identity provider ends, and ours with it.
alter table sessions add column ends_at timestamptz;

-- Assertions that were taken, by whatever door: SHA-256 of the issuer's entity id and the assertion's.
create table saml_assertions (
    hash       bytea primary key,
    expires_at timestamptz not null,
    constraint saml_assertions_hash_check check (octet_length(hash) = 32)
);
create index saml_assertions_expires_at_idx on saml_assertions (expires_at);

-- The pair that signs requests to identity providers and decrypts what they send: one for the deployment.
create table service_provider_key (
    is_only     boolean primary key default true,
    -- PKCS #8 in PEM, or that sealed.
    private_key bytea not null,
    is_sealed   boolean not null,
    certificate text not null,
    created_at  timestamptz not null,
    constraint service_provider_key_is_only_check check (is_only)
);

-- As roles_elsewhere (migration 6), with how each role came in the place of whether by a group: the version before still
-- calls the other.
create function grants_elsewhere(of_user uuid, home uuid) returns json[] language plpgsql stable as $$
begin
    return array(
        select json_build_array(m.role, h.id, h.name, m.granter, 'direct',
                                (extract(epoch from m.created_at) * 1000000)::bigint)
        from role_members m join accounts h on h.id = m.account_id
        where m.user_id = of_user and m.account_id <> home and h.state <> 'deleting'
        union all
        select json_build_array(r.role, h.id, h.name, g.name,
                                case when gm.by_sso then 'sso_group_membership' else 'group_membership' end,
                                (extract(epoch from greatest(gm.added_at, r.created_at)) * 1000000)::bigint)
        from user_group_members gm join user_groups g on g.id = gm.group_id
        join user_group_roles r on r.group_id = gm.group_id join accounts h on h.id = r.account_id
        where gm.user_id = of_user and h.state <> 'deleting');
end $$;
