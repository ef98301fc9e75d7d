"""The proxies, each with the file that deploy/ has for it: nothing but addresses is put in other words."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from asking import ask
from kedge import REPOSITORY, free_port

DEPLOY = REPOSITORY / "deploy"
SECONDS_TO_START = 120


class Proxy:
    """Runs between `with` and its end, in front of a service. What it says is in `log`."""

    def __init__(self, kedge, service):
        self.kedge = kedge.removeprefix("http://")
        self.service = service
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="kedge-proxy.", dir="/tmp"))
        self.log = self.dir / "log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.dir)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=environment, cwd=self.dir)
        try:
            self.wait_until_it_asks()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_it_asks(self):
        """Traefik listens before it has read what to do with a request."""
        end = time.monotonic() + SECONDS_TO_START
        while not self.asks():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the proxy did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def asks(self):
        try:
            return ask(self).status == 401
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said = self.log.read_text()
        shutil.rmtree(self.dir)

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def configuration(self, name, **others):
        """A file of deploy/ with the addresses of the tests; each of them must stand in it."""
        addresses = {"127.0.0.1:8228": self.kedge, "127.0.0.1:8080": self.service, **others}
        text = (DEPLOY / name).read_text()
        for shipped, ours in addresses.items():
            assert shipped in text, f"{shipped} is not in {name}"
            text = text.replace(shipped, ours)
        return text


class Nginx(Proxy):
    def command(self):
        site = self.write("site.conf", self.configuration("nginx.conf", **{"127.0.0.1:8000": self.address}))
        # What Debian's nginx.conf has around the file, without what needs a directory of the system.
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {self.dir}/{kind};" for kind in kinds)
        user = "user root;" if os.geteuid() == 0 else ""
        main = f"daemon off; pid {self.dir}/pid; error_log stderr; {user} worker_processes 1; events {{}}"
        http = f"http {{ access_log off; {temporary} include {site}; }}"
        # An installation puts it into /usr/sbin, which not everybody's PATH has.
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        return [program, "-c", self.write("nginx.conf", f"{main}\n{http}\n"), "-e", "stderr"]


class Caddy(Proxy):
    """The one of Debian, several years old."""

    program = "/usr/bin/caddy"

    def command(self):
        # By its host's name, Caddy would ask the internet for a certificate.
        site = self.configuration("Caddyfile", **{"service.example.com": f"http://{self.address}"})
        file = self.write("Caddyfile", "{\n\tadmin off\n}\n" + site)
        return [self.program, "run", "--adapter", "caddyfile", "--config", file]


class RecentCaddy(Caddy):
    program = "caddy"


class Traefik(Proxy):
    def command(self):
        dynamic = self.write("dynamic.yaml", self.configuration("traefik/dynamic.yaml"))
        static = (DEPLOY / "traefik/traefik.yaml").read_text()
        for shipped, ours in {"127.0.0.1:8000": self.address, "/etc/traefik/dynamic.yaml": str(dynamic)}.items():
            assert shipped in static
            static = static.replace(shipped, ours)
        return ["traefik", f"--configFile={self.write('traefik.yaml', static)}"]


class Envoy(Proxy):
    def command(self):
        text = (DEPLOY / "envoy.yaml").read_text()
        for shipped, ours in {8000: self.port, 8228: self.kedge, 8080: self.service}.items():
            port = str(ours).rpartition(":")[2]
            assert f"port_value: {shipped} " in text
            text = text.replace(f"port_value: {shipped} ", f"port_value: {port} ")
        file = self.write("envoy.yaml", text)
        return ["envoy", "-c", file, "--concurrency", "1", "--use-dynamic-base-id", "--log-level", "warn"]


ALL = [Nginx, Caddy, RecentCaddy, Traefik, Envoy]
