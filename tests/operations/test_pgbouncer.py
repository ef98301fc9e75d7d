"""Behind PgBouncer: what it pools are sessions, or transactions."""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bouncer import Bouncer
from data import PEOPLE, by_key
from documented import documented, run
from kedge import BINARY, wrong
from load import Load
from node import ADMIN, Node, basic

CLIENTS = 8
POOL_SIZE = 8
# Each node has one more to ask whether the database answers, and makes a new pool where it does not.
CONNECTIONS = 2 * (POOL_SIZE + 2)
# Fewer than a node opens.
TOO_FEW = 3
BY_TRANSACTION = {"DATABASE__STATEMENT_CACHE": "false"}

configuration = subprocess.run(
    [BINARY, "config"], env={"PATH": os.environ["PATH"], "HOME": "/nowhere"}, capture_output=True, text=True
)
needs_the_key = pytest.mark.skipif(
    "statement_cache:" not in configuration.stdout, reason="this Kedge has no database.statement_cache"
)


def node(database, cluster, **settings):
    past = {"DATABASE__DIRECT_URL": cluster.url(), "DATABASE__POOL_SIZE": str(POOL_SIZE)}
    return Node(database, **past, **settings)


def run_load(nodes):
    with Load(nodes) as load:
        load.go_on(60)
    assert load.failures == []
    for node in nodes:
        load.verify(node)
        assert not wrong(node.said())
    return load.answered


def seed(cluster, users):
    """Users with a key each, whose value can be told from the user's number."""
    account = "insert into accounts (id, name, type, state, created_at, last_updated)"
    cluster.sql(f"{account} values (md5('account')::uuid, 'croquet', 'user', 'enabled', now(), now())")
    cluster.sql(PEOPLE.format(account="'account'", first=0, last=users - 1))


def sign_in_once_each(node, numbers):
    """Signs every one of these users in, once; answers requests/s and the milliseconds of CPU that each cost Kedge."""

    def sign_in(numbers):
        client = node.client()
        for number in numbers:
            client.headers["Authorization"] = by_key(number)
            status, user = client.ask("GET", "/v2/user")
            # Where statements and their parameters came apart, one would be answered with another.
            assert (status, user.get("username")) == (200, f"user-{number}"), user

    used, began = cpu(node), time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        # Taken one by one, so that what goes wrong is told.
        list(clients.map(sign_in, [numbers[part::CLIENTS] for part in range(CLIENTS)]))
    return len(numbers) / (time.monotonic() - began), 1000 * (cpu(node) - used) / len(numbers)


def cpu(node):
    """The seconds of CPU that it has used."""
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_sessions_are_pooled(cluster, measured):
    cluster.sql(documented("time-outs"))
    with Bouncer(cluster, "session", CONNECTIONS) as bouncer:
        with node(bouncer.url, cluster) as one, node(bouncer.url, cluster) as other:
            answered = run_load([one, other])
        # PgBouncer does not hand on what Kedge asks for: the role has it.
        assert bouncer.shows("statement_timeout", "lock_timeout") == ["10s", "5s"]
    measured(f"{answered} requests, none failed")


@needs_the_key
def test_transactions_are_pooled(cluster, measured):
    """By fewer connections than there are requests at once: a statement finds another session than the one before."""
    with Bouncer(cluster, "transaction", TOO_FEW) as bouncer:
        with node(bouncer.url, cluster, **BY_TRANSACTION) as one, node(bouncer.url, cluster, **BY_TRANSACTION) as other:
            seed(cluster, 2000)
            with ThreadPoolExecutor(2) as nodes:
                list(nodes.map(lambda node: sign_in_once_each(node, range(2000)), [one, other]))
            answered = run_load([one, other])
            most = cluster.sql("select count(*) from pg_stat_activity where application_name = 'kedge'")
            assert int(most) <= TOO_FEW
    measured(f"{answered} requests, none failed")


@needs_the_key
def test_what_is_written_beside_requests_is_written_when_transactions_are_pooled(cluster):
    limited = {"LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS": "5"}
    with Bouncer(cluster, "transaction", TOO_FEW) as bouncer:
        with node(bouncer.url, cluster, **BY_TRANSACTION, **limited) as one:
            seed(cluster, 1)
            assert one.client(by_key(0)).status() == 200
            # Right passwords take no places away, however many there are.
            for _ in range(12):
                assert one.tokens(ADMIN)
            secrets = "select count(*) from deployment_secrets"
            assert int(cluster.sql(secrets)) > 0
        # Each at the end at the latest.
        assert cluster.sql("select count(*) from api_keys where last_used_at is not null") == "1"
        assert cluster.sql("select count(*) from nodes") == "0"


@needs_the_key
def test_commands_go_past_the_pooler(cluster):
    with node(cluster.url(), cluster) as one, Bouncer(cluster, "transaction", TOO_FEW) as bouncer:
        pooled = node(bouncer.url, cluster, **BY_TRANSACTION)
        for _ in range(3):
            run("new pair", pooled)
            password = re.search(r"\S{24}", run("reset password", pooled)).group()
        assert one.client(basic("admin", password)).status() == 200
        assert cluster.sql("select count(*) from pg_locks where locktype = 'advisory'") == "0"


@needs_the_key
def test_cost_of_no_statement_cache_is_measured(cluster, measured):
    """Without PgBouncer, so that the cache alone differs; the same users, of whom each node has seen none. In turn, and
    the best of each: what else the machine does makes all of them slower."""
    users, found = 800, {"true": [], "false": []}
    with node(cluster.url(), cluster):
        seed(cluster, users)
    for cache in 2 * list(found):
        with node(cluster.url(), cluster, DATABASE__STATEMENT_CACHE=cache) as one:
            # Connections, and what they have to learn once.
            sign_in_once_each(one, range(200))
            found[cache].append(sign_in_once_each(one, range(200, users)))
    kept, none = (max(rate for rate, _ in figures) for figures in found.values())
    kept_cpu, none_cpu = (min(cpu for _, cpu in figures) for figures in found.values())
    measured(
        f"uncached sign-ins by key, {CLIENTS} clients: {kept:.0f}/s, without the cache {none:.0f}/s, {none / kept:.2f} "
        f"of it; Kedge's CPU for each {kept_cpu:.2f} ms and {none_cpu:.2f} ms, {none_cpu / kept_cpu:.2f} times as much"
    )
