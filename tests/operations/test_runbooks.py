"""What docs/operations.md says to do after a leak, and to rotate keys: its blocks are run as they stand."""

import re
import time

import pytest
from documented import documented, run
from node import ADMIN, PASSWORD, Node, basic, bearer, by_key

# What was changed by hand is read within a quarter of a second, on a machine that has nothing else to do.
OBEYED_WITHIN = 30


@pytest.fixture
def nodes(cluster):
    with Node(cluster.url()) as one, Node(cluster.url()) as other:
        yield one, other


@pytest.fixture
def alice(nodes):
    """With a key and tokens; everybody knows them already."""
    admin = nodes[0].admin()
    assert admin.status("POST", "/v2/accounts", {"name": "tea-party"}) == 200
    user = {"username": "alice", "password": PASSWORD}
    assert admin.status("POST", "/v2/accounts/tea-party/users", user) == 200
    return Alice(nodes)


class Alice:
    def __init__(self, nodes):
        by_password = nodes[0].client(basic("alice", PASSWORD))
        status, self.key = by_password.ask("POST", "/v2/user/api-keys", {"name": "white-rabbit"})
        assert status == 201, self.key
        self.tokens = nodes[0].tokens(("alice", PASSWORD))
        headers = {
            "key": by_key(self.key["value"]),
            "token": bearer(self.tokens["access_token"]),
            "password": basic("alice", PASSWORD),
        }
        self.clients = {name: [node.client(header) for node in nodes] for name, header in headers.items()}
        assert self.statuses("key") == self.statuses("token") == self.statuses("password") == {200}

    def statuses(self, means):
        return {client.status() for client in self.clients[means]}

    def is_refused(self, means):
        end = time.monotonic() + OBEYED_WITHIN
        while self.statuses(means) != {401}:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def variables(node):
    return {"KEDGE": f"http://{node.address}", "ADMIN": ":".join(ADMIN)}


def test_leaked_key_is_found_and_revoked(cluster, nodes, alice):
    query = documented("whose key").replace("IdOfTheLeakedKey", alice.key["value"].split("_")[1])
    assert cluster.sql(query).split("|")[:3] == ["tea-party", "alice", "white-rabbit"]
    run("revoke a key", nodes[0], **variables(nodes[0]))
    assert alice.statuses("key") == {401}
    assert alice.statuses("token") == alice.statuses("password") == {200}


def test_leaked_password_is_changed_and_what_was_made_with_it_ends(cluster, nodes, alice):
    run("new password", nodes[0], **variables(nodes[0]))
    assert alice.statuses("password") == alice.statuses("token") == {401}
    assert alice.statuses("key") == {200}
    assert nodes[1].client(basic("alice", "curiouser-and-curiouser")).status() == 200
    cluster.sql(documented("revoke all keys of a user"))
    assert alice.is_refused("key")


def test_leaked_signing_key_signs_nothing_that_counts(cluster, nodes, alice):
    run("new pair", nodes[0])
    assert alice.statuses("token") == {200}
    cluster.sql(documented("end the old pair"))
    assert alice.is_refused("token")
    for node in nodes:
        assert node.client(bearer(node.tokens(ADMIN)["access_token"])).status() == 200
        assert len(node.client().ask("GET", "/.well-known/jwks.json")[1]["keys"]) == 1
    assert alice.statuses("key") == alice.statuses("password") == {200}


def test_old_pair_that_is_deleted_is_obeyed_as_other_changes_are(cluster, nodes, alice):
    """Without the end of the sign-ins."""
    run("new pair", nodes[0])
    assert alice.statuses("token") == {200}
    cluster.sql("delete from signing_keys where verifies_until is not null")
    assert alice.is_refused("token")


def test_sealing_key_is_exchanged(cluster, nodes, alice):
    for node in nodes:
        node.stop()
    first, second = ({"KEYS__SEALING_KEY": f"painting the roses {colour} " * 2} for colour in ("white", "red"))
    with Node(cluster.url(), **first) as node:
        # The pair stood bare until now.
        assert node.client(alice.clients["token"][0].headers["Authorization"]).status() == 200
    assert cluster.sql("select bool_and(is_sealed) from signing_keys") == "t"
    cluster.sql(documented("sealing key"))
    with Node(cluster.url(), **second) as node:
        assert node.client(by_key(alice.key["value"])).status() == 200
        assert node.client(bearer(alice.tokens["access_token"])).status() == 401
        form = {"grant_type": "refresh_token", "refresh_token": alice.tokens["refresh_token"]}
        status, tokens = node.client().ask("POST", "/v2/oauth/token", form=form)
        assert status == 200, tokens
        assert node.client(bearer(tokens["access_token"])).status() == 200


def test_lost_password_of_the_admin_is_set_anew_beside_running_nodes(nodes):
    assert nodes[1].client(basic(*ADMIN)).status() == 200
    password = re.search(r"\S{24}", run("reset password", nodes[0])).group()
    for node in nodes:
        assert node.client(basic(*ADMIN)).status() == 401
        assert node.client(basic("admin", password)).status() == 200
