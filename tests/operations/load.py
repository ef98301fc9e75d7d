"""Clients that change things without a pause, and that remember what they were told."""

import random
import secrets
import threading
import time

from node import PASSWORD, Client, basic, bearer, by_key

ACCOUNT = "tea-party"
CLIENTS = 6
# One in so many rounds signs in by password, which costs what it is meant to cost.
PASSWORD_EVERY = 5
SECONDS_TO_GO_ON = 60


class Unanswered(Exception):
    """No answer, or that there is none now."""


class Wrong(Exception):
    """An answer, and not the one that should have been given."""


class Load:
    """Runs between `with` and its end, on the nodes that are in `rotation` when a request is sent, any of them."""

    def __init__(self, rotation, tolerant=False):
        # Those who may be told that the database cannot be used begin their round anew.
        self.rotation, self.tolerant = list(rotation), tolerant
        self.admin = bearer(rotation[0].tokens(("admin", "down-the-rabbit-hole"))["access_token"])
        made = Client(rotation[0].address, self.admin).status("POST", "/v2/accounts", {"name": ACCOUNT})
        assert made in (200, 409), made
        self.failures, self.answered = [], 0
        # Acknowledged, and nothing that followed is in doubt: name -> value of the key, whether it is revoked.
        self.users, self.keys = set(), {}
        # When a change was acknowledged, and when somebody signed in whom the node did not remember.
        self.writes, self.reads = [], []
        self.stopping = threading.Event()
        # Others may have been here before.
        self.id = secrets.token_hex(4)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.work, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.end()

    def go_on(self, changes=25):
        """Until so many more changes have been acknowledged, however fast this machine is."""
        end, wanted = time.monotonic() + SECONDS_TO_GO_ON, len(self.writes) + changes
        while len(self.writes) < wanted:
            assert time.monotonic() < end, f"{wanted - len(self.writes)} of {changes} changes are missing"
            time.sleep(0.05)

    def end(self):
        """Lets every client finish its round."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def work(self, number):
        worker, rounds = Worker(self), 0
        while not self.stopping.is_set():
            rounds += 1
            try:
                worker.round(f"hare-{self.id}-{number}-{rounds}", rounds)
            except (Unanswered, Wrong) as failure:
                if isinstance(failure, Wrong) or not self.tolerant:
                    self.failures.append(f"{time.monotonic():.3f}: {failure!r}")
                # As somebody who was told to come back.
                time.sleep(0.02)

    def verify(self, node):
        """Everything that was acknowledged is there; answers how much that is."""
        client = Client(node.address, self.admin)
        lost = [
            f"user {name}" for name in self.users if client.status("GET", f"/v2/accounts/{ACCOUNT}/users/{name}") != 200
        ]
        for name, (value, revoked) in self.keys.items():
            client.headers["Authorization"] = by_key(value)
            if client.status() != (401 if revoked else 200):
                lost.append(f"key of {name}, {'revoked' if revoked else 'alive'}")
        assert not lost, lost
        return len(self.users) + len(self.keys)


class Worker:
    """One client of all nodes, with a connection to each."""

    def __init__(self, load):
        self.load, self.connections, self.preference = load, {}, None

    def ask(self, expected, header, method, path, body=None, **more):
        node = random.choice(self.load.rotation)
        client = self.connections.setdefault(node.address, Client(node.address))
        client.headers = {"Authorization": header} if header else {}
        asked = f"{method} {path} at {node.address} ({node.binary})"
        try:
            status, answer = client.ask(method, path, body, **more)
        except Exception as failure:
            raise Unanswered(f"{asked}: {failure!r}") from failure
        if status != expected:
            raise (Unanswered if status == 503 else Wrong)(f"{asked}: {status} {answer}")
        self.load.answered += 1
        self.preference = client.answered.headers.get("Preference-Applied")
        return answer

    def round(self, name, number):
        load, admin = self.load, self.load.admin
        users = f"/v2/accounts/{ACCOUNT}/users"
        self.ask(200, admin, "POST", users, {"username": name, "password": PASSWORD})
        load.writes.append(time.monotonic())
        load.users.add(name)
        key = self.ask(201, admin, "POST", f"{users}/{name}/api-keys", {"name": "white-rabbit"})["value"]
        load.keys[name] = key, False
        for _ in range(4):
            self.ask(200, by_key(key), "GET", "/v2/user")
            load.reads.append(time.monotonic())
        if number % 2:
            # Until it is answered, nobody knows.
            del load.keys[name]
            path, everywhere = f"{users}/{name}/api-keys/white-rabbit", {"Prefer": "wait=all-nodes"}
            self.ask(200, admin, "PATCH", path, {"status": "revoked"}, headers=everywhere)
            load.keys[name] = key, True
            if self.preference:
                self.ask(401, by_key(key), "GET", "/v2/user")
            elif not load.tolerant:
                raise Wrong(f"PATCH {path}: nothing is said of whom it waited for")
            # Else the database went away behind the commit, and whether the other node obeys could not be found out.
        if number % PASSWORD_EVERY == 0:
            tokens = self.ask(200, basic(name, PASSWORD), "POST", "/v2/oauth/token")
            self.ask(200, bearer(tokens["access_token"]), "GET", "/v2/user")
            form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            tokens = self.ask(200, None, "POST", "/v2/oauth/token", form=form)
            self.ask(200, bearer(tokens["access_token"]), "GET", "/v2/user")


def first_after(moments, moment):
    """How long after a moment the first of these was; they may have been noted out of order."""
    return min((other for other in moments if other > moment), default=float("inf")) - moment


def longest_pause(moments):
    ordered = sorted(moments)
    return max(later - earlier for earlier, later in zip(ordered, ordered[1:]))
