"""Nodes of Kedge on a database that is not their own, and clients of theirs that try nothing twice."""

import base64
import http.client
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from kedge import BINARY

# An older Kedge, for the upgrade.
OLD_BINARY = os.environ.get("KEDGE_OLD_BINARY")
ADMIN = "admin", "down-the-rabbit-hole"
PASSWORD = "through-the-looking-glass"
SECONDS_TO_START = 120


class Node:
    """Serves between `with` and its end. `settings` are variables of the environment, without `KEDGE_`. Without a
    database it runs the private one of its data directory."""

    def __init__(self, database="", binary=BINARY, **settings):
        self.binary = binary
        settings = {
            "LISTEN": "127.0.0.1:0",
            # Tokens of one node count at the others.
            "SERVER__EXTERNAL_URL": "http://kedge.test",
            "DATABASE_URL": database,
            "ADMIN_PASSWORD": ADMIN[1],
            "LOG": "info",
            # All come from one address, and some keys are tried after their end.
            "LIMITS__SIGN_IN_FAILURES_PER_USER_AND_ADDRESS": "0",
            "LIMITS__SIGN_IN_FAILURES_PER_ADDRESS": "0",
            **settings,
        }
        named = {f"KEDGE_{name}": value for name, value in settings.items()}
        self.environment = {"PATH": os.environ["PATH"], **named}

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="kedge-operations.", dir="/tmp")
        self.log = Path(self.directory.name, "log")
        self.environment.setdefault("KEDGE_DATA_DIR", f"{self.directory.name}/data")
        try:
            self.start()
        except BaseException:
            self.directory.cleanup()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        self.directory.cleanup()

    def start(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([self.binary, "serve"], env=self.environment, stderr=log)
        end = time.monotonic() + SECONDS_TO_START
        while not (listening := re.search(r"listening on http://(\S+)\n", self.said())):
            assert self.process.poll() is None and time.monotonic() < end, f"kedge did not start:\n{self.said()}"
            time.sleep(0.02)
        self.address = listening[1]

    def stop(self):
        """Tells it to stop, waits for its end and answers how long that took."""
        began = time.monotonic()
        self.process.terminate()
        status = self.process.wait(60)
        assert status == 0, f"kedge ended with {status}:\n{self.said()}"
        return time.monotonic() - began

    def said(self):
        return re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text())

    def client(self, header=None, timeout=30):
        return Client(self.address, header, timeout)

    def admin(self):
        """By a token: a password costs what it is meant to cost."""
        return self.client(bearer(self.tokens(ADMIN)["access_token"]))

    def tokens(self, login):
        status, tokens = self.client(basic(*login)).ask("POST", "/v2/oauth/token")
        assert status == 200, tokens
        return tokens


class Client:
    """Keeps its connection as long as the server does. A request that fails, fails: nothing is sent again."""

    def __init__(self, address, header=None, timeout=30):
        self.connection = http.client.HTTPConnection(address, timeout=timeout)
        self.headers = {"Authorization": header} if header else {}

    def ask(self, method, path, body=None, headers=None, form=None):
        """The status and what was answered; the headers of the answer stay in `answered`."""
        sent = {**self.headers, **(headers or {})}
        if form is not None:
            body, sent["Content-Type"] = urlencode(form), "application/x-www-form-urlencoded"
        elif body is not None:
            body, sent["Content-Type"] = json.dumps(body), "application/json"
        try:
            self.connection.request(method, path, body, sent)
            self.answered = self.connection.getresponse()
            text = self.answered.read()
        except BaseException:
            # The next request begins on a new connection.
            self.connection.close()
            raise
        return self.answered.status, json.loads(text) if text else None

    def status(self, method="GET", path="/v2/user", body=None, **more):
        return self.ask(method, path, body, **more)[0]


def basic(username, password):
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def by_key(value):
    return basic("_api_key", value)


def bearer(token):
    return f"Bearer {token}"
