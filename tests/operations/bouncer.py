"""PgBouncer before a cluster."""

import shutil
import socket
import subprocess
import time

from kedge import free_port
from postgres import AS_POSTGRES, PROGRAMS, SECONDS_TO_START

PROGRAM = shutil.which("pgbouncer", path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
SETTINGS = {
    "listen_addr": "127.0.0.1",
    "auth_type": "any",
    # What Kedge says at the start of a connection: its time-outs, which behind PgBouncer have to be the role's.
    "ignore_startup_parameters": "extra_float_digits,options",
    "max_client_conn": "500",
}


class Bouncer:
    """Serves between `with` and its end, with so many connections to the database at most."""

    def __init__(self, cluster, mode, connections):
        self.cluster, self.port = cluster, free_port()
        self.file = cluster.directory / f"pgbouncer-{self.port}.ini"
        self.log = cluster.directory / f"pgbouncer-{self.port}.log"
        sizes = {"listen_port": self.port, "pool_mode": mode, "default_pool_size": connections}
        self.settings = {**SETTINGS, **sizes}

    def __enter__(self):
        database = f"kedge = host=127.0.0.1 port={self.cluster.port} dbname=kedge user=kedge"
        settings = [f"{name} = {value}" for name, value in self.settings.items()]
        self.file.write_text("\n".join(["[databases]", database, "[pgbouncer]", *settings, ""]))
        with self.log.open("wb") as log:
            command = [*AS_POSTGRES, PROGRAM, self.file]
            self.process = subprocess.Popen(command, cwd=self.cluster.directory, stdout=log, stderr=log)
        end = time.monotonic() + SECONDS_TO_START
        while not self.listens():
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        # SIGTERM ends it at once, SIGINT would wait for its clients.
        self.process.terminate()
        self.process.wait(30)

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def url(self):
        return self.cluster.url(self.port)

    def shows(self, *settings):
        """Settings as they are for who comes this way."""
        asked = [f"--command=show {setting}" for setting in settings]
        return subprocess.check_output([PROGRAMS / "psql", "-XqAt", *asked, self.url], text=True).split()
