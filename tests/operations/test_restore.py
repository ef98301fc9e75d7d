"""Backup and restore, by the scripts that docs/operations.md shows."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from node import ADMIN, PASSWORD, Node, basic, bearer, by_key
from postgres import PROGRAMS, Cluster

HERE = Path(__file__).parent
# Of another cluster, at whose transactions this one has not arrived yet.
FOREIGN = "from changes where xid >= pg_snapshot_xmax(pg_current_snapshot())"


def run(script, file, database):
    """Runs a script on a database that is named as for libpq; answers its status and what it complained of."""
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    done = subprocess.run([HERE / script, file], env={"PATH": path, **database}, capture_output=True, text=True)
    return done.returncode, done.stderr


def dump(file, cluster):
    """A backup as others make it, who know nothing of Kedge."""
    cluster.run("pg_dump", "--format=custom", "--file", file, cluster.url())


def age(cluster):
    """Lets a cluster live through as many transactions as a new one will not see for a while."""
    cluster.sql("do $$ begin for i in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$")


def make_user(admin, name):
    user = {"username": name, "password": PASSWORD}
    assert admin.status("POST", "/v2/accounts/tea-party/users", user) == 200


def make_key(client, name):
    status, key = client.ask("POST", "/v2/user/api-keys", {"name": name})
    assert status == 201, key
    return key["value"]


def revoke(client, name):
    return client.status("PATCH", f"/v2/user/api-keys/{name}", {"status": "revoked"})


class World:
    """Alice with two keys and tokens, and what a test adds to it."""

    def __init__(self, node):
        self.node, self.admin = node, node.admin()
        assert self.admin.status("POST", "/v2/accounts", {"name": "tea-party"}) == 200
        self.alice = self.sign_up("alice")
        self.kept, self.revoked = make_key(self.alice, "kept"), make_key(self.alice, "revoked")
        assert revoke(self.alice, "revoked") == 200
        self.tokens = node.tokens(("alice", PASSWORD))

    def sign_up(self, name):
        make_user(self.admin, name)
        return self.node.client(basic(name, PASSWORD))


@pytest.mark.parametrize("by_script", [True, False], ids=["by the script", "by pg_dump alone"])
def test_what_was_backed_up_signs_in_again_and_what_came_later_does_not(directory, cluster, by_script):
    backup = directory / "backup"
    with Node(cluster.url()) as node:
        world = World(node)
        keys = node.client().ask("GET", "/.well-known/jwks.json")[1]
        age(cluster)
        if by_script:
            assert run("backup", backup, cluster.environment()) == (0, "")
            assert backup.stat().st_mode & 0o777 == 0o600
        else:
            dump(backup, cluster)
        # All of this is lost, its good sides and its bad ones.
        hare = world.sign_up("march-hare")
        later = make_key(world.alice, "later")
        assert revoke(world.alice, "kept") == 200
        refreshed = world.tokens["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": refreshed}
        assert node.client().status("POST", "/v2/oauth/token", form=form) == 200
        assert hare.status() == 200
    cluster.kill()

    with Cluster(directory) as fresh:
        fresh.make_database()
        assert run("restore", backup, fresh.environment()) == (0, "")
        with Node(fresh.url()) as node, Node(fresh.url()) as other:
            assert node.client().status("GET", "/ready") == 200
            # The pair that signs is the one from before.
            assert node.client().ask("GET", "/.well-known/jwks.json")[1] == keys
            for one in (node, other):
                assert one.client(basic(*ADMIN)).status() == 200
                assert one.client(basic("alice", PASSWORD)).status() == 200
                assert one.client(by_key(world.revoked)).status() == 401
                assert one.client(basic("march-hare", PASSWORD)).status() == 401
                assert one.client(by_key(later)).status() == 401
                # Sign-ins ended with the restore.
                assert one.client(bearer(world.tokens["access_token"])).status() == 401
                assert one.client().status("POST", "/v2/oauth/token", form=form) == 400
                # What was revoked after the backup counts again, and is to be revoked again.
                assert one.client(by_key(world.kept)).status() == 200
            obeyed = {"Prefer": "wait=all-nodes"}
            alice = node.client(basic("alice", PASSWORD))
            path, body = "/v2/user/api-keys/kept", {"status": "revoked"}
            assert alice.ask("PATCH", path, body, obeyed)[0] == 200
            assert alice.answered.getheader("Preference-Applied") == "wait=all-nodes"
            assert other.client(by_key(world.kept)).status() == 401
        assert fresh.sql(f"select count(*) {FOREIGN}") == "0"


def test_copy_of_the_whole_cluster_is_as_good(directory, cluster):
    copy = Cluster(directory)
    with Node(cluster.url()) as node:
        world = World(node)
        cluster.copy_to(copy.data)
        later = make_key(world.alice, "later")
    cluster.kill()
    with copy, Node(copy.url()) as node, Node(copy.url()) as other:
        for one in (node, other):
            assert one.client(basic("alice", PASSWORD)).status() == 200
            assert one.client(by_key(world.kept)).status() == 200
            assert one.client(by_key(world.revoked)).status() == 401
            assert one.client(by_key(later)).status() == 401
        alice = node.client(basic("alice", PASSWORD))
        path, obeyed = "/v2/user/api-keys/kept", {"Prefer": "wait=all-nodes"}
        assert alice.ask("PATCH", path, {"status": "revoked"}, obeyed)[0] == 200
        assert other.client(by_key(world.kept)).status() == 401


def test_restore_leaves_alone_what_is_there(directory, cluster):
    backup = directory / "backup"
    with Node(cluster.url()) as node:
        world = World(node)
        assert run("backup", backup, cluster.environment()) == (0, "")
        status, complaint = run("restore", backup, cluster.environment())
        assert status == 1 and "kedge is not empty" in complaint
        assert node.client(by_key(world.kept)).status() == 200


def test_backup_of_another_database_is_none(directory, cluster):
    status, complaint = run("backup", directory / "backup", cluster.environment())
    assert status == 1 and "there is no table of Kedge's in kedge" in complaint
    assert not list(directory.glob("backup*"))


def test_sealed_pair_needs_the_key_that_sealed_it_or_goes(directory, cluster):
    """A backup alone signs no tokens; and who lost the sealing key loses the pair and nothing else."""
    backup, sealed = directory / "backup", {"KEYS__SEALING_KEY": "painting-the-roses-red-" * 2}
    with Node(cluster.url(), **sealed) as node:
        world = World(node)
        assert run("backup", backup, cluster.environment()) == (0, "")
    cluster.make_database()
    assert run("restore", backup, cluster.environment()) == (0, "")
    with pytest.raises(AssertionError, match="must be set"), Node(cluster.url()):
        pass
    with pytest.raises(AssertionError, match="sealed with another"), Node(cluster.url(), KEYS__SEALING_KEY="x" * 32):
        pass
    with Node(cluster.url(), **sealed) as node:
        assert node.client(by_key(world.kept)).status() == 200
    cluster.sql("delete from signing_keys; delete from service_provider_key")
    with Node(cluster.url(), KEYS__SEALING_KEY="x" * 32) as node:
        assert node.client(by_key(world.kept)).status() == 200
        assert node.client(bearer(node.tokens(ADMIN)["access_token"])).status() == 200


def test_private_postgresql_is_backed_up_and_restored_by_its_socket(directory):
    backup, old, new, copy = (directory / name for name in ("backup", "old", "new", "copy"))

    def database(data):
        password = (data / "postgres-password").read_text().strip()
        return {"PGHOST": str(data / "run"), "PGUSER": "kedge", "PGDATABASE": "kedge", "PGPASSWORD": password}

    with Node(DATA_DIR=str(old)) as node:
        world = World(node)
        assert run("backup", backup, database(old)) == (0, "")
    # Nobody writes in it now.
    subprocess.run(["cp", "-a", old, copy], check=True)
    with Node(DATA_DIR=str(new)):
        for command in (["dropdb", "--force", "kedge"], ["createdb", "kedge"]):
            subprocess.run([PROGRAMS / command[0], *command[1:]], env=database(new), check=True)
        assert run("restore", backup, database(new)) == (0, "")
    for data in (new, copy):
        with Node(DATA_DIR=str(data)) as node:
            assert node.client(by_key(world.kept)).status() == 200
            assert node.client(by_key(world.revoked)).status() == 401


def test_log_of_another_cluster_costs_nothing(directory, cluster):
    """Restored without after-restore.sql."""
    backup = directory / "backup"
    with Node(cluster.url()) as node:
        World(node)
        age(cluster)
        # Few, for a quick test; 200,000, as ten minutes of a busy deployment leave, keep a node from becoming ready.
        cluster.sql("insert into changes (kind, subject) select 'user', n from generate_series(1, 1000) n")
        dump(backup, cluster)
    with Cluster(directory) as fresh:
        fresh.make_database()
        fresh.run("pg_restore", "--exit-on-error", "--dbname", fresh.url(), backup)
        with Node(fresh.url()) as node:
            assert node.client().status("GET", "/ready") == 200
            assert fresh.sql(f"select count(*) {FOREIGN}") == "0"


def test_restore_under_a_running_node_is_obeyed(directory, cluster):
    """Which docs/operations.md says not to do: into the database that is served, in one transaction."""
    backup, script = directory / "backup", directory / "script"
    with Node(cluster.url()) as node:
        world = World(node)
        dump(backup, cluster)
        later = node.client(by_key(make_key(world.alice, "later")))
        assert later.status() == 200
        # By --clean there is no way: a partition's keys cannot be dropped by themselves.
        cluster.run("pg_restore", "--file", script, backup)
        whole = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--single-transaction", "--dbname", cluster.url()]
        emptied = "drop schema public cascade; create schema public"
        cluster.run("psql", *whole, "--command", emptied, "--file", script)
        time.sleep(2)
        # By then the key is nowhere any more.
        assert cluster.sql("select count(*) from api_keys where name = 'later'") == "0"
        assert later.status() == 401
