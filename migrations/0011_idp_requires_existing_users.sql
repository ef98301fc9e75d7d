-- Whether only users that are there can sign in by a provider, whatever the deployment says.
set local lock_timeout = '5s';

alter table identity_providers add column require_existing_users boolean not null default false;
