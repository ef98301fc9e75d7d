"""An upgrade without downtime: nodes are replaced one after the other under a load, and no request fails."""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from kedge import BINARY
from load import Load
from node import OLD_BINARY, Node

# Where no older Kedge is given, the same one takes its place: what is tried then is the exchange of nodes, not that two
# versions get along with one schema.
OLD = OLD_BINARY or BINARY
# How long a balancer waits between taking a node out and telling it to stop: a request that it sent a moment before is
# then no longer on its way to a node that has closed its door.
TO_ARRIVE = 1


class SlowRequest:
    """Half of a request, and later the other half."""

    def __init__(self, node, header):
        body = json.dumps({"name": "dormouse"}).encode()
        self.rest, half = body[8:], body[:8]
        self.connection = http.client.HTTPConnection(node.address, timeout=30)
        self.connection.putrequest("POST", "/v2/accounts")
        fields = {"Authorization": header, "Content-Type": "application/json", "Content-Length": str(len(body))}
        for name, value in fields.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(half)

    def finish(self):
        self.connection.send(self.rest)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def replace(node, load):
    """As a balancer and whoever starts nodes do it. Answers how long the node took to end."""
    load.rotation.remove(node)
    time.sleep(TO_ARRIVE)
    in_flight = SlowRequest(node, load.admin)
    time.sleep(TO_ARRIVE)
    with ThreadPoolExecutor(1) as stopping:
        ended = stopping.submit(node.stop)
        time.sleep(2 * TO_ARRIVE)
        assert not ended.done(), "it did not wait for the request that is in flight"
        with pytest.raises(ConnectionRefusedError):
            node.client().status("GET", "/health")
        # The first makes the account, the second finds it.
        assert in_flight.finish() in (200, 409)
        return ended.result()


def test_nodes_are_replaced_one_by_one_and_no_request_fails(cluster, measured):
    with Node(cluster.url(), OLD) as old, Node(cluster.url(), OLD) as second:
        before = cluster.sql("select max(version) from _sqlx_migrations")
        with Load([old, second]) as load:
            load.go_on()
            # The first new node brings the schema up to date while the old ones serve on it.
            with Node(cluster.url()) as new:
                load.rotation.append(new)
                load.go_on()
                took = replace(old, load)
                with Node(cluster.url()) as newest:
                    load.rotation.append(newest)
                    took = max(took, replace(second, load))
                    load.go_on()
                    load.end()
                    said = "".join(node.said() for node in (old, second, new, newest))
        after = cluster.sql("select max(version) from _sqlx_migrations")
        assert load.failures == []
        assert "panicked" not in said and "answered 500" not in said
        with Node(cluster.url()) as node:
            verified = load.verify(node)
    what = f"schema {before} to {after}" if OLD_BINARY else f"the same Kedge twice, schema {after}"
    measured(f"{what}, {load.answered} requests, none failed; {verified} things verified; a node ended in {took:.2f} s")
