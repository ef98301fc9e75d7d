-- What few callers have, behind functions: what stands in a function is planned and started only where it is called, so
-- that who has none of it does not pay for it. Stable: they see what the statement that calls them sees.
set local lock_timeout = '5s';

-- The roles that a user has besides those that it holds itself in its own account: each with the account's id and name,
-- who granted it or the group that it comes by, whether it comes by a group, and the microsecond from which on.
create function roles_elsewhere(of_user uuid, home uuid) returns json[] language plpgsql stable as $$
begin
    return array(
        select json_build_array(m.role, h.id, h.name, m.granter, false,
                                (extract(epoch from m.created_at) * 1000000)::bigint)
        from role_members m join accounts h on h.id = m.account_id
        where m.user_id = of_user and m.account_id <> home and h.state <> 'deleting'
        union all
        select json_build_array(r.role, h.id, h.name, g.name, true,
                                (extract(epoch from greatest(gm.added_at, r.created_at)) * 1000000)::bigint)
        from user_group_members gm join user_groups g on g.id = gm.group_id
        join user_group_roles r on r.group_id = gm.group_id join accounts h on h.id = r.account_id
        where gm.user_id = of_user and h.state <> 'deleting');
end $$;

-- The names of accounts.
create function account_names(of_accounts uuid[]) returns text[] language plpgsql stable as $$
begin
    return array(select name::text from accounts where id = any (of_accounts));
end $$;
