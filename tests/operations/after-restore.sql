-- What a database needs that was restored, however that was done, before a Kedge is started on it.
do $$
declare
    emptied text;
begin
    foreach emptied in array array[
        -- Who signed out, or whose refresh token was used, after the backup: it would count again. All sign in anew.
        'sessions',
        -- What was asked of identity providers: an answer that came after the backup would be taken a second time.
        'saml_requests',
        -- Read by the numbers of transactions, which begin anew in another cluster: rows from a higher number would be
        -- read again with every look. Behind the sessions, whose end is noted here.
        'changes',
        'nodes'
    ] loop
        -- A backup of an older schema may lack one.
        if to_regclass(emptied) is not null then
            execute format('delete from %I', emptied);
        end if;
    end loop;
end $$;
