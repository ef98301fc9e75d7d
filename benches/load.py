"""Load: requests as they go over the wire, sent by wrk."""

import dataclasses
import json
import os
import subprocess
import tempfile
from pathlib import Path

import machine

# wrk calls `request` for every request; without it, it sends the one that `wrk` describes, which costs it least.
SAME = """
wrk.method, wrk.path, wrk.body = %s, %s, %s
wrk.headers = %s
"""
VARYING = """
local requests, at = {}, 0
function init()
  local file = assert(io.open("%s", "rb"))
  for request in file:read("*a"):gmatch("[^%%z]+") do requests[#requests + 1] = request end
  file:close()
end
function request()
  at = at %% #requests + 1
  return requests[at]
end
"""
# Ends after so many answers.
ENDING = """
local answered = 0
function response()
  answered = answered + 1
  if answered == %d then wrk.thread:stop() end
end
"""
# `done` asks for them in another state of Lua than `response`.
COUNTING = """
local threads = {}
function setup(thread) table.insert(threads, thread) end
refused, unavailable, others = 0, 0, 0
function response(status)
  if status == 400 or status == 401 then refused = refused + 1
  elseif status == 503 then unavailable = unavailable + 1
  else others = others + 1 end
end
"""
# Milliseconds.
DELAYING = "function delay() return %d end\n"
DONE = """
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests": %%d, "seconds": %%f, "failed": %%d, "broken": %%d, "p50": %%f, "p99": %%f',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
  %s
  io.write("}\\n")
end
"""
COUNTS = """
  for _, thread in ipairs(threads) do
    io.write(string.format(', "refused": %d, "unavailable": %d, "others": %d',
      thread:get("refused"), thread:get("unavailable"), thread:get("others")))
  end
"""


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict
    body: str = ""

    def all_headers(self):
        return {"Host": "127.0.0.1", "Accept": "application/json"} | self.headers

    def raw(self):
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.all_headers().items()]
        lines += [f"Content-Length: {len(self.body.encode())}"] if self.method == "POST" else []
        return "\r\n".join(lines) + "\r\n\r\n" + self.body


class Requests:
    """What is sent, over and over."""

    def __init__(self, requests):
        self.first, self.count, self.file = requests[0], len(requests), None
        if self.count > 1:
            self.file = tempfile.NamedTemporaryFile("w", prefix="kedge-bench.", newline="")
            self.file.write("\0".join(request.raw() for request in requests))
            self.file.flush()

    def script(self):
        if self.file:
            return VARYING % self.file.name
        # A text of JSON without escapes is one of Lua.
        headers = self.first.all_headers().items()
        headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers)
        said = [json.dumps(text) for text in (self.first.method, self.first.path, self.first.body)]
        return SAME % (*said, "{" + headers + "}")


class Load:
    """wrk at its work."""

    def __init__(self, port, requests, connections, seconds, *, answers=None, count=False, delay=0):
        parts = [requests.script(), COUNTING if count else "", DONE % (COUNTS if count else "")]
        parts += [ENDING % answers if answers else "", DELAYING % delay if delay else ""]
        self.script = tempfile.NamedTemporaryFile("w", prefix="kedge-bench.", suffix=".lua")
        self.script.write("".join(parts))
        self.script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", self.script.name]
        command += [f"http://127.0.0.1:{port}/"]
        self.process = subprocess.Popen(
            machine.pinned(machine.GENERATOR, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def result(self):
        shown = self.process.stdout.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.script.close()
        found = [line[7:] for line in shown.splitlines() if line.startswith("RESULT ")]
        if self.process.returncode or not found:
            raise RuntimeError(f"wrk failed: {shown}")
        result = json.loads(found[0])
        return result | {"generator_percent": 100 * (usage.ru_utime + usage.ru_stime) / result["seconds"]}


def measure(server, requests, connections, seconds, **options):
    """One run, with what it took of the server's process."""
    before = machine.cpu_seconds(server.pid)
    result = Load(server.port, requests, connections, seconds, **options).result()
    spent = machine.cpu_seconds(server.pid) - before
    answered = result["requests"] - result["failed"]
    result["rate"] = answered / result["seconds"]
    result["errors"] = result["failed"] + result["broken"]
    result["cpu_ms"] = 1000 * spent / max(result["requests"], 1)
    result["cpu_percent"] = 100 * spent / result["seconds"]
    result["rss"] = machine.rss_mib(server.pid)
    return result


def openssl_certificate(directory):
    certificate, key = Path(directory) / "cert.pem", Path(directory) / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
