"""The scenarios: Kedge beside the bare handlers, at each number of connections."""

import dataclasses
import json
import statistics
import tempfile
import urllib.parse
from collections.abc import Callable

import data
import load
import machine
from load import Request, Requests
from servers import ADMIN_PASSWORD

CONNECTIONS = [1, 16, 64, 256]
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ACCOUNT = "/v2/account"
DATABASE = "large"
# hyper writes these by itself.
OWN_HEADERS = {"date", "content-length", "transfer-encoding", "connection"}

KEDGE, BARE, SELECT = "Kedge", "bare axum", "bare axum + select"


@dataclasses.dataclass
class Scenario:
    title: str
    # What is sent, over and over, given the run's number.
    requests: Callable
    note: str = ""
    cores: list = dataclasses.field(default_factory=lambda: machine.SERVER)
    settings: dict = dataclasses.field(default_factory=dict)
    # A Kedge of its own for each run, so that nothing is warm.
    cold: bool = False
    # Whether each run needs requests of its own.
    renewed: bool = False
    # A round less, where runs are long or no goal hangs on the last percent.
    short: bool = False

    def rounds(self, world):
        rounds = world.cold_rounds if self.cold else world.rounds
        return max(rounds - 1, 1) if self.short else rounds


def account(authorization):
    return [Request("GET", ACCOUNT, {"Authorization": authorization})]


def token(ask, number):
    form = {"grant_type": "password", "client_id": "anonymous"}
    form |= {"username": f"user-{number}", "password": ADMIN_PASSWORD}
    status, _, body = ask("POST", "/v2/oauth/token", FORM, urllib.parse.urlencode(form))
    if status != 200:
        raise RuntimeError(f"no token: {status} {body}")
    return "Bearer " + json.loads(body)["access_token"]


class World:
    """What the scenarios share: the programs, how much is measured, and a Kedge to get tokens from."""

    def __init__(self, programs, users, seconds, rounds, cold_seconds, cold_rounds):
        self.programs, self.users = programs, users
        self.seconds, self.rounds, self.cold_seconds, self.cold_rounds = seconds, rounds, cold_seconds, cold_rounds
        self.creators = None

    def scenarios(self):
        hashing = {"limits__sign_in_failures_per_address": 100_000, "limits__hashes_waiting": 1000}
        listed = {"Authorization": data.by_key(0)}
        return {
            "key": Scenario("Warm API key: GET /v2/account", lambda run: account(data.by_key(1))),
            "bearer": Scenario("Warm bearer token: GET /v2/account", self.bearer),
            "basic": Scenario(
                "Warm Basic password: GET /v2/account", lambda run: account(data.basic("user-1", ADMIN_PASSWORD))
            ),
            "cold": Scenario(
                "Cold API key: GET /v2/account, each request with another key",
                self.cold,
                f"Kedge is started anew for each of its runs, of {self.cold_seconds} s: where that is more than 10 s,\n"
                "the batch that notes when keys were used is written within it.",
                cold=True,
            ),
            "token": Scenario(
                "Token issue: POST /v2/oauth/token by password",
                self.sign_ins,
                "Bound by argon2, so both cores go to the server and the goal is what argon2 alone reaches on them;\n"
                "the generator beside it is nearly idle. The limit of failures of one address counts what is being\n"
                "checked, too, and the queue for hashing holds 200: both are raised, since all comes from one address.",
                cores=machine.HASHING,
                settings=hashing,
                short=True,
            ),
            "creation": Scenario(
                "Key creation: POST /v2/user/api-keys",
                self.creations,
                "By the access tokens of many users, whose limit of keys is raised.",
                settings={"user_authentication__max_api_keys_per_user": 100_000},
                renewed=True,
                short=True,
            ),
            "list": Scenario(
                "List of 1,000 users: GET /v2/accounts/account-0/users",
                lambda run: [Request("GET", "/v2/accounts/account-0/users", listed)],
                short=True,
            ),
        }

    def bearer(self, run):
        with self.programs.kedge(DATABASE) as kedge:
            return account(token(kedge.ask, 1))

    def cold(self, run):
        # From the second account on: the first is asked for in other scenarios.
        wanted = min(self.users - 1000, 25_000 * self.cold_seconds)
        return [account(data.by_key(1000 + number))[0] for number in range(wanted)]

    def sign_ins(self, run):
        body = "grant_type=password&client_id=anonymous&username=user-{}&password=" + ADMIN_PASSWORD
        numbers = range(min(data.WITH_PASSWORD, self.users))
        return [Request("POST", "/v2/oauth/token", FORM, body.format(number)) for number in numbers]

    def creations(self, run):
        if self.creators is None:
            with self.programs.kedge(DATABASE) as kedge:
                self.creators = [token(kedge.ask, number) for number in range(100)]
        headers = [{"Authorization": creator} | JSON for creator in self.creators]
        return [
            Request("POST", "/v2/user/api-keys", headers[n % len(headers)], json.dumps({"name": f"run-{run}-{n}"}))
            for n in range(10_000 * self.seconds)
        ]


def record(server, request):
    """What Kedge answers, for the bare programs to answer, too."""
    headers = {"Accept": "application/json"} | request.headers
    status, headers, body = server.ask(request.method, request.path, headers, request.body or None)
    if status not in (200, 201):
        raise RuntimeError(f"{request.method} {request.path} answers {status}: {body}")
    answer = {"method": request.method, "path": request.path, "status": status, "body": body.decode()}
    answer["headers"] = [[name.lower(), value] for name, value in headers if name.lower() not in OWN_HEADERS]
    file = tempfile.NamedTemporaryFile("w", prefix="kedge-bench.", suffix=".json")
    json.dump(answer, file)
    file.flush()
    return file


def median(results):
    """Of each figure, over the runs; what failed is added up."""
    merged = {figure: statistics.median(result[figure] for result in results) for figure in results[0]}
    return merged | {"errors": sum(result["errors"] for result in results)}


class Runner:
    """Measures one scenario."""

    def __init__(self, world, scenario):
        self.world, self.scenario, self.programs = world, scenario, world.programs
        self.run = 0
        self.requests = None

    def measure(self):
        scenario = self.scenario
        self.renew()
        self.servers = {KEDGE: self.kedge()}
        try:
            with record(self.servers[KEDGE], self.requests.first) as answer:
                self.servers[BARE] = self.programs.bare("answer", answer.name, cores=scenario.cores)
                database = (self.programs.postgres.url(DATABASE), data.key_id(1))
                self.servers[SELECT] = self.programs.bare("select", answer.name, *database, cores=scenario.cores)
            if scenario.cold:
                self.servers.pop(KEDGE).stop()
            # A few tens of sign-ins a second go over all connections to the database, and each plans a statement anew
            # until it has seen it five times.
            seconds = 10 if scenario.cores is machine.HASHING else 1
            for name, server in self.servers.items():
                self.renew()
                load.measure(server, self.requests, 16, seconds if name == KEDGE else 1)
            return {connections: self.cell(connections) for connections in CONNECTIONS}
        finally:
            for server in self.servers.values():
                server.stop()
            # Checks that were still running when their Kedge was stopped hold their places for a while.
            self.programs.postgres.sql(DATABASE, "truncate sign_in_attempts")

    def kedge(self):
        return self.programs.kedge(DATABASE, self.scenario.cores, **self.scenario.settings)

    def renew(self):
        if self.requests is None or self.scenario.renewed:
            self.run += 1
            self.requests = Requests(self.scenario.requests(self.run))

    def others(self):
        """Keys that no cold run asks for."""
        return Requests([account(data.by_key(number))[0] for number in range(1000)])

    def cell(self, connections):
        results = {KEDGE: [], BARE: [], SELECT: []}
        for turn in range(self.scenario.rounds(self.world)):
            # One after the other and in turn first, so that what else the machine does falls on all alike.
            order = list(results)
            for name in order[turn % 3 :] + order[: turn % 3]:
                results[name].append(self.one(name, connections))
        return {name: median(of) for name, of in results.items()}

    def one(self, name, connections):
        if name != KEDGE:
            return load.measure(self.servers[name], self.requests, connections, self.world.seconds)
        self.renew()
        if self.scenario.cold:
            with self.kedge() as kedge:
                # So that its connections to the database are there.
                load.measure(kedge, self.others(), max(connections, 16), 1)
                result = load.measure(kedge, self.requests, connections, self.world.cold_seconds)
            if result["requests"] + connections > self.requests.count:
                raise RuntimeError("keys were asked for twice: more are needed for a machine this fast")
            return result
        # A few tens a second: 256 connections take some seconds for one answer each.
        seconds = self.world.seconds
        if self.scenario.cores is not machine.HASHING:
            return load.measure(self.servers[KEDGE], self.requests, connections, seconds)
        alone = self.programs.argon2(machine.HASHING, 2 * seconds)
        seconds = max(2 * seconds, connections // 20)
        return load.measure(self.servers[KEDGE], self.requests, connections, seconds) | alone
