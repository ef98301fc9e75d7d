-- What a user did, and what was done to one thing, without reading the whole trail.
set local lock_timeout = '5s';

create index audit_events_user_created_at_idx on audit_events ((details->>'user'), created_at);
create index audit_events_resource_id_created_at_idx on audit_events (resource_id, created_at);
