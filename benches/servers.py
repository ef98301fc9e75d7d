"""The processes: a private PostgreSQL, Kedge, and the bare programs beside it."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import machine

ADMIN_PASSWORD = "looking-glass"

# What differs from PostgreSQL's defaults: memory for the larger data set, connections for three servers at a time, and
# no checkpoint in the middle of a run. fsync and synchronous_commit stay on.
POSTGRES_SETTINGS = {"shared_buffers": "2GB", "max_connections": "200", "max_wal_size": "8GB"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def build():
    """Builds Kedge as it is shipped, then the other programs: apart, since that turns on features only tests need."""
    cargo = ["cargo", "build", "--release", "--locked", "--message-format=json-render-diagnostics"]
    found = {}
    for target in [["--bin", "kedge"], ["--bench", "bare", "--bench", "layers"]]:
        built = subprocess.run(cargo + target, cwd=machine.ROOT, check=True, stdout=subprocess.PIPE, text=True)
        for line in built.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable"):
                found[message["target"]["name"]] = message["executable"]
    return found["kedge"], found["bare"], found["layers"]


class Process:
    """A server on 127.0.0.1, killed when it is done with."""

    def __init__(self, command, cores, environment, log):
        self.log = log
        with open(log, "ab") as sink:
            self.process = subprocess.Popen(
                machine.pinned(cores, command), env=environment, stdout=sink, stderr=sink, start_new_session=True
            )
        self.pid = self.process.pid

    def wait_for(self, is_up, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if is_up():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{self.process.args} did not start: {Path(self.log).read_text()[-2000:]}")

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Postgres(Process):
    def __init__(self):
        initdb = shutil.which("initdb") or str(max(Path("/usr/lib/postgresql").glob("*/bin/initdb")))
        self.programs = Path(initdb).resolve().parent
        self.directory = tempfile.mkdtemp(prefix="kedge-bench.")
        self.as_user = []
        if os.getuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        os.chmod(self.directory, 0o755)
        made = [*self.as_user, initdb, "-D", f"{self.directory}/data", "-U", "kedge", "--auth=trust", "--no-sync"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=self.directory)
        settings = [word for name, value in POSTGRES_SETTINGS.items() for word in ("-c", f"{name}={value}")]
        server = [*self.as_user, self.programs / "postgres", "-D", f"{self.directory}/data", "-k", self.directory]
        command = [*server, "-c", "listen_addresses=", *settings]
        super().__init__(command, machine.DATABASE, {"PATH": os.environ["PATH"]}, f"{self.directory}.log")
        ready = [self.programs / "pg_isready", "-q", "-h", self.directory]
        self.wait_for(lambda: subprocess.run(ready).returncode == 0)

    def url(self, database):
        return f"postgres://kedge@localhost/{database}?host={self.directory}"

    def sql(self, database, text):
        command = [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", self.url(database)]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def stop(self):
        # Fast shutdown: what is still connected is sent away.
        self.process.send_signal(2)
        self.process.wait(120)
        shutil.rmtree(self.directory)
        for log in Path(self.directory).parent.glob(f"{Path(self.directory).name}.*"):
            log.unlink()


class Server(Process):
    """One that speaks HTTP."""

    def __init__(self, command, cores, environment, log, port):
        super().__init__(command, cores, environment, log)
        self.port = port

    def ask(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = response.status, response.getheaders(), response.read()
        connection.close()
        return answer

    def accepts(self):
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True


class Programs:
    """What was built, and how it is started."""

    def __init__(self, kedge, bare, layers, postgres):
        self.kedge_program, self.bare_program, self.layers_program, self.postgres = kedge, bare, layers, postgres
        self.log = f"{postgres.directory}.servers.log"
        shown = subprocess.run([kedge, "config"], env=self.environment({}), capture_output=True, text=True, check=True)
        # Everything on, also what only some versions have.
        self.extra = {"KEDGE_METRICS__ENABLED": "true"} if "\nmetrics:" in shown.stdout else {}

    def environment(self, settings):
        base = {"PATH": os.environ["PATH"], "KEDGE_LOG": "warn", "KEDGE_ADMIN_PASSWORD": ADMIN_PASSWORD}
        return base | {"KEDGE_DATA_DIR": f"{self.postgres.directory}/unused"} | settings

    def kedge(self, database, cores=machine.SERVER, **settings):
        port = free_port()
        settings = {f"KEDGE_{key.upper()}": str(value) for key, value in settings.items()} | self.extra
        settings |= {"KEDGE_DATABASE_URL": self.postgres.url(database), "KEDGE_LISTEN": f"127.0.0.1:{port}"}
        server = Server([self.kedge_program, "serve"], cores, self.environment(settings), self.log, port)
        server.wait_for(server.accepts)
        return server

    def bare(self, mode, answer, *arguments, cores=machine.SERVER):
        port = free_port()
        command = [self.bare_program, mode, f"127.0.0.1:{port}", answer, *arguments]
        server = Server(command, cores, {"PATH": os.environ["PATH"]}, self.log, port)
        server.wait_for(server.accepts)
        return server

    def argon2(self, cores, seconds):
        """Passwords a second, with nothing else to do on these cores, and the CPU of each in milliseconds."""
        command = machine.pinned(cores, [self.bare_program, "argon2", len(cores), seconds])
        # A session of its own, as Kedge has: some kernels share cores out by session.
        running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        hashed, rate = running.stdout.read().split()
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode:
            raise RuntimeError(f"bare argon2 ended with {running.returncode}")
        return {"argon2": float(rate), "argon2_cpu_ms": 1000 * (usage.ru_utime + usage.ru_stime) / int(hashed)}

    def layers(self):
        """The nanoseconds of each layer of a warm request, in one process without a network."""
        command = machine.pinned(machine.SERVER, [self.layers_program, "--bench"])
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def migrate(self, database):
        self.postgres.sql("postgres", f"create database {database}")
        environment = self.environment({"KEDGE_DATABASE_URL": self.postgres.url(database)})
        subprocess.run([self.kedge_program, "migrate"], env=environment, check=True, capture_output=True)
        # The first start makes what every deployment has.
        self.kedge(database).stop()
