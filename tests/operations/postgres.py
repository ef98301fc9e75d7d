"""PostgreSQL clusters of one's own, on free ports of this machine: to be killed, copied and promoted."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from documented import documented
from kedge import free_port

INITDB = shutil.which("initdb") or max(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
PROGRAMS = Path(INITDB).resolve().parent
# PostgreSQL and PgBouncer refuse to run as root.
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
SUPERUSER = "queen"
SECONDS_TO_START = 120
# What is measured and killed here is no disk.
SETTINGS = {"listen_addresses": "127.0.0.1", "fsync": "off", "shared_buffers": "32MB", "max_connections": "200"}


class Directory:
    """One that PostgreSQL's user owns and everybody can pass; gone at the end of `with`."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="kedge-operations.", dir="/tmp"))
        self.path.chmod(0o755)
        if AS_POSTGRES:
            shutil.chown(self.path, "postgres", "postgres")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


class Cluster:
    """Serves between `with` and its end; whoever comes from this machine is whom they say they are."""

    def __init__(self, directory, **settings):
        self.directory, self.settings, self.port = directory, SETTINGS | settings, free_port()
        self.data, self.log = directory / f"data-{self.port}", directory / f"log-{self.port}"

    def __enter__(self):
        if not self.data.exists():
            self.make()
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def make(self):
        text = ["--encoding=UTF8", "--locale=C"]
        self.run("initdb", "-D", self.data, "-U", SUPERUSER, "--auth=trust", *text, "--no-sync")

    def run(self, program, *arguments):
        done = subprocess.run(
            [*AS_POSTGRES, PROGRAMS / program, *arguments], cwd=self.directory, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout

    def start(self):
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        command = [PROGRAMS / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.directory, *settings]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*AS_POSTGRES, *command], cwd=self.directory, stdout=log, stderr=log)
        ready = [PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER]
        end = time.monotonic() + SECONDS_TO_START
        while subprocess.run(ready).returncode:
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def stop(self):
        """In good order, without waiting for who is connected."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def kill(self):
        """As by a machine that fails."""
        self.signal(signal.SIGKILL)
        self.process.wait(60)

    def signal(self, number):
        """To all its processes at once: the first before its children, so that it makes no more of them."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in [self.process.pid, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def standby(self, name, **settings):
        """A standby that follows by streaming, known to this cluster by that name. To be entered."""
        standby = Cluster(self.directory, cluster_name=name, **settings)
        self.copy_to(standby.data, "--write-recovery-conf", name=name)
        return standby

    def copy_to(self, data, *options, name="copy"):
        primary = f"--dbname=host=127.0.0.1 port={self.port} user={SUPERUSER} application_name={name}"
        self.run("pg_basebackup", "--pgdata", data, "--checkpoint=fast", "--no-sync", *options, primary)

    def promote(self):
        self.run("pg_ctl", "promote", "-D", self.data, "-w")

    def make_database(self):
        """With an owner who may do nothing else: that is all that Kedge is given."""
        self.sql("drop database if exists kedge;\ndrop role if exists kedge", "postgres")
        self.sql(documented("database"), "postgres")

    def sql(self, text, database="kedge"):
        """What the last statement says, a row a line."""
        asked = self.begin_sql(text, database)
        said, complaint = asked.communicate()
        assert asked.returncode == 0, f"{text}: {complaint}"
        return said.strip()

    def begin_sql(self, text, database="kedge"):
        """Without waiting for its end."""
        url = f"postgres://{SUPERUSER}@127.0.0.1:{self.port}/{database}"
        command = [PROGRAMS / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url]
        pipe = subprocess.PIPE
        asked = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        asked.stdin.write(text)
        asked.stdin.close()
        # Closed already: nothing is left to be said.
        asked.stdin = None
        return asked

    def until(self, text, expected, seconds=60):
        end = time.monotonic() + seconds
        while (found := self.sql(text)) != expected:
            assert time.monotonic() < end, f"{text}: still {found!r}"
            time.sleep(0.02)

    def url(self, port=None):
        """How Kedge finds its database; past whom, where another port is given."""
        return f"postgres://kedge@127.0.0.1:{port or self.port}/kedge"

    def environment(self):
        """How libpq's programs find it."""
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "kedge", "PGDATABASE": "kedge"}
