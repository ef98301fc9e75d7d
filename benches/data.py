"""The data: accounts of a thousand users, each with a role and an API key whose value can be told from its number."""

import base64
import hashlib
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Users that have a password, the admin's.
WITH_PASSWORD = 1000
# Users that hold a role in this many accounts, and their numbers.
GRANTS, GRANTED, FIRST_GRANTED = 200, 1000, 100_000_000

PEOPLE = """
insert into users (id, account_id, username, type, created_at, last_updated)
select md5('user' || n)::uuid, md5({account})::uuid, 'user-' || n, 'native', now(), now()
from generate_series({first}, {last}) n;
insert into api_keys (id, user_id, name, secret_hash, created_at, updated_at, expires_at)
select substr(md5('id' || n), 1, 16), md5('user' || n)::uuid, 'bench',
       sha256(substr(md5('a' || n) || md5('b' || n), 1, 43)::bytea), now(), now(), now() + interval '300 days'
from generate_series({first}, {last}) n;
"""

SEED = """
-- Millions of rows are right by how they are made: no foreign key is looked up.
set session_replication_role = replica;
insert into accounts (id, name, type, state, created_at, last_updated)
select md5('account' || n)::uuid, 'account-' || n, 'user', 'enabled', now(), now()
from generate_series(0, ({users} - 1) / 1000) n;
{people}
insert into role_members (id, user_id, account_id, role, granter, created_at)
select md5('member' || n)::uuid, md5('user' || n)::uuid, md5('account' || n / 1000)::uuid, 'read-write', 'admin', now()
from generate_series(0, {users} - 1) n;
insert into role_members (id, user_id, account_id, role, granter, created_at)
select gen_random_uuid(), md5('user0')::uuid, md5('account0')::uuid, 'account-user-admin', 'admin', now();
insert into passwords (user_id, phc, created_at)
select md5('user' || n)::uuid, (select phc from passwords limit 1), now()
from generate_series(0, {with_password} - 1) n;
"""

SEED_GRANTS = """
set session_replication_role = replica;
insert into accounts (id, name, type, state, created_at, last_updated)
select md5('many' || n)::uuid, 'many-' || n, 'user', 'enabled', now(), now() from generate_series(0, {grants} - 1) n;
{people}
insert into role_members (id, user_id, account_id, role, granter, created_at)
select gen_random_uuid(), md5('user' || n)::uuid, md5('many' || a)::uuid, 'read-write', 'admin', now()
from generate_series({first}, {last}) n, generate_series(0, {grants} - 1) a;
"""

SETTLE = """
vacuum analyze;
checkpoint;
create extension if not exists pg_prewarm;
select sum(pg_prewarm(oid)) from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i');
"""


def seed(programs, database, users):
    programs.migrate(database)
    people = PEOPLE.format(account="'account' || n / 1000", first=0, last=users - 1)
    programs.postgres.sql(database, SEED.format(users=users, people=people, with_password=min(WITH_PASSWORD, users)))
    programs.postgres.sql(database, SETTLE)


def seed_grants(programs, database):
    between = {"first": FIRST_GRANTED, "last": FIRST_GRANTED + GRANTED - 1}
    people = PEOPLE.format(account="'many0'", **between)
    programs.postgres.sql(database, SEED_GRANTS.format(grants=GRANTS, people=people, **between))
    programs.postgres.sql(database, SETTLE)


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def key_id(number):
    return md5(f"id{number}")[:16]


def key(number):
    """The value of a user's key, in the format of src/authn/api_key.rs."""
    before = f"kedge_{key_id(number)}_{(md5(f'a{number}') + md5(f'b{number}'))[:43]}"
    crc, checksum = zlib.crc32(before.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        checksum = DIGITS[digit] + checksum
    return before + checksum


def basic(username, password):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def by_key(number):
    return basic("_api_key", key(number))
