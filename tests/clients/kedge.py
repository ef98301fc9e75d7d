"""A Kedge of one's own: on a free port of this machine, with a data directory of its own, stopped in good order."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cached_property
from pathlib import Path

import requests

REPOSITORY = Path(__file__).parents[2]
BINARY = os.environ["KEDGE_BINARY"]
SECONDS_TO_START = 60


class Kedge:
    """Serves between `with` and its end. `settings` are variables of the environment, without `KEDGE_`."""

    def __init__(self, **settings):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.admin = ("admin", secrets.token_hex(16))
        self.settings = settings

    def __enter__(self):
        # PostgreSQL's user has to reach what is in it.
        self.dir = Path(tempfile.mkdtemp(prefix="kedge-clients.", dir="/tmp"))
        self.dir.chmod(0o755)
        self.log = self.dir / "log"
        settings = {
            "LISTEN": self.url.removeprefix("http://"),
            # The issuer and the audience of tokens.
            "SERVER__EXTERNAL_URL": self.url,
            "DATA_DIR": str(self.dir / "data"),
            "ADMIN_PASSWORD": self.admin[1],
            "LOG": "info",
            **self.settings,
        }
        # Clients are refused by the dozen here, all from one address.
        unlimited = {f"LIMITS__SIGN_IN_FAILURES_PER_{who}": "0" for who in ("USER_AND_ADDRESS", "ADDRESS")}
        environment = {f"KEDGE_{name}": value for name, value in (unlimited | settings).items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"], env={"PATH": os.environ["PATH"], **environment}, stderr=log
            )
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_until_it_listens(self):
        end = time.monotonic() + SECONDS_TO_START
        while f"listening on {self.url}" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"kedge did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.said = self.log.read_text()
            shutil.rmtree(self.dir)

    def __exit__(self, *_):
        status = self.stop()
        assert status == 0, f"kedge ended with {status}:\n{self.said}"
        assert not wrong(self.said), self.said

    @cached_property
    def admin_token(self):
        """Signs in at a fraction of what a password costs, which is meant to cost."""
        return self.ask("POST", "/v2/oauth/token", user=self.admin)["access_token"]

    def ask(self, method, path, *, user=None, **arguments):
        """What a plain HTTP client is answered, as the admin where no user is named; a refusal is an error here."""
        headers = {} if user else {"Authorization": f"Bearer {self.admin_token}"}
        answer = requests.request(method, self.url + path, auth=user, headers=headers, timeout=30, **arguments)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


# What a machine says that is too busy; no request fails by it.
BUSY = re.compile("nothing that is remembered counts|the database does not answer")


def wrong(said):
    """The lines of a log that no run of the tests should have."""
    return [line for line in said.splitlines() if re.search("ERROR|panicked", line) and not BUSY.search(line)]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
