"""What grows: users and keys, grants of a user, connections; and what a flood of sign-ins does to the rest."""

import contextlib
import socket
import ssl
import statistics
import tempfile
import threading
import time
import urllib.parse

import data
import load
import machine
from load import Request, Requests
from scenarios import ACCOUNT, FORM, account, token

SMALL, LARGE = "small", "large"
# Keys that are asked for before the others, so that connections to the database and their plans are there.
FIRST = 50
COLD_KEYS = 900
PLAIN, ENCRYPTED, SIGN_INS = 10_000, 2_000, 50


class Pair:
    """Two sets of keys, each in a database, whose latencies are compared in turn."""

    def __init__(self, world, sides):
        self.world, self.sides = world, sides

    def measure(self):
        cold = {name: [] for name in self.sides}
        warm = {name: [] for name in self.sides}
        loaded = {name: [] for name in self.sides}
        for turn in range(self.world.rounds):
            for name in sorted(self.sides, reverse=turn % 2 == 1):
                database, numbers = self.sides[name]
                with self.world.programs.kedge(database) as kedge:
                    cold[name].append(self.cold(kedge, numbers))
                    requests = Requests(account(data.by_key(numbers[0])))
                    # So that all its connections to the database are there.
                    load.measure(kedge, requests, 64, 1)
                    warm[name].append(load.measure(kedge, requests, 1, 1))
                    loaded[name].append(load.measure(kedge, requests, 64, 1))
        return {"cold, 1 connection": cold, "warm, 1 connection": warm, "warm, 64 connections": loaded}

    def cold(self, kedge, numbers):
        first, rest = numbers[:FIRST], numbers[FIRST : FIRST + COLD_KEYS]
        load.measure(kedge, Requests([account(data.by_key(n))[0] for n in first]), 1, 1, answers=len(first))
        requests = Requests([account(data.by_key(n))[0] for n in rest])
        return load.measure(kedge, requests, 1, 1, answers=len(rest))


def medians(measured):
    def of(results):
        return {figure: statistics.median(r[figure] for r in results) for figure in ("p50", "p99", "rate", "errors")}

    return {what: {name: of(results) for name, results in sides.items()} for what, sides in measured.items()}


def users_and_keys(world, small):
    # All over the larger table, in an order that no index has.
    spread = [(n * 7919) % world.users for n in range(FIRST + COLD_KEYS)]
    pair = Pair(world, {f"{small:,}": (SMALL, list(range(small))), f"{world.users:,}": (LARGE, spread)})
    return medians(pair.measure())


def grants(world):
    data.seed_grants(world.programs, LARGE)
    many = range(data.FIRST_GRANTED, data.FIRST_GRANTED + data.GRANTED)
    pair = Pair(world, {"1": (LARGE, list(range(2000, 3000))), str(data.GRANTS): (LARGE, list(many))})
    return medians(pair.measure())


@contextlib.contextmanager
def opened(port, count, context=None):
    """So many connections, each of which has been answered once."""
    request = Request("GET", ACCOUNT, {"Authorization": data.by_key(1)}).raw().encode()
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            if context:
                connection = stack.enter_context(context.wrap_socket(connection, server_hostname="127.0.0.1"))
            connection.sendall(request)
            if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("a connection was not answered")
        yield


def memory(world):
    """MiB that Kedge has resident."""
    result = {}
    with world.programs.kedge(LARGE) as kedge:
        time.sleep(2)
        result["idle after start"] = machine.rss_mib(kedge.pid)
        with opened(kedge.port, PLAIN):
            result[f"{PLAIN:,} open connections"] = machine.rss_mib(kedge.pid)
    with world.programs.kedge(LARGE) as kedge:
        for number in range(SIGN_INS):
            token(kedge.ask, number)
        time.sleep(2)
        result[f"idle after {SIGN_INS} sign-ins, one after the other"] = machine.rss_mib(kedge.pid)
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = load.openssl_certificate(directory)
        with world.programs.kedge(LARGE, server__ssl_cert=certificate, server__ssl_key=key) as kedge:
            context = ssl.create_default_context(cafile=certificate)
            result["idle with TLS"] = machine.rss_mib(kedge.pid)
            with opened(kedge.port, ENCRYPTED, context):
                result[f"{ENCRYPTED:,} open TLS connections"] = machine.rss_mib(kedge.pid)
    return result


class Memory:
    """The most that a process has resident from here on."""

    def __init__(self, pid):
        self.pid, self.most, self.over = pid, machine.rss_mib(pid), threading.Event()
        self.watch = threading.Thread(target=self.look)
        self.watch.start()

    def look(self):
        while not self.over.wait(0.1):
            self.most = max(self.most, machine.rss_mib(self.pid))

    def stop(self):
        self.over.set()
        self.watch.join()
        return self.most


FLOOD = 500
FLOODS = {
    "every sign-in finds a place in the queue": ({"limits__hashes_waiting": 1000}, 0),
    "the queue as it is by default, clients that pause a second": ({}, 1000),
}


def flood(world, settings, delay):
    """API keys before and during a flood of sign-ins with wrong passwords, all on one core."""
    limits = {"limits__sign_in_failures_per_user_and_address": 0, "limits__sign_in_failures_per_address": 0}
    form = {"grant_type": "password", "client_id": "anonymous", "password": "through-the-class"}
    guesses = [
        Request("POST", "/v2/oauth/token", FORM, urllib.parse.urlencode(form | {"username": f"user-{n % 1000}"}))
        for n in range(FLOOD)
    ]
    guesses, keys = Requests(guesses), Requests(account(data.by_key(1)))
    seconds = 3 * world.seconds
    with world.programs.kedge(LARGE, machine.SERVER, **limits, **settings) as kedge:
        load.measure(kedge, keys, 16, 1)
        # Once, so that the memory that hashing takes is there before: what is asked is whether it grows.
        load.measure(kedge, guesses, 4, 2, delay=1)
        result = {"quiet": load.measure(kedge, keys, 16, seconds), "rss_before": machine.rss_mib(kedge.pid)}
        guessing = load.Load(kedge.port, guesses, FLOOD, seconds + 4, count=True, delay=delay)
        time.sleep(2)
        # All are connected and wait for an answer: from here on it must not grow.
        memory = Memory(kedge.pid)
        result["rss_flooded"] = memory.most
        result["flooded"] = load.measure(kedge, keys, 16, seconds)
        result["guesses"] = guessing.result()
        result["rss_most"] = memory.stop()
    return result
