"""The machine: what it is, which core does what, and what a process takes of it."""

import datetime
import os
import platform
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORES = sorted(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")

# The server under test has a core of its own. The generator and PostgreSQL share the next, or have one each.
SERVER = CORES[:1]
GENERATOR = CORES[1:2] or CORES
DATABASE = CORES[2:3] or GENERATOR
# For what argon2 bounds: two cores, the generator beside it being nearly idle.
HASHING = CORES[:2]


def pinned(cores, command):
    return ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


def busy(seconds=2):
    """The part of the cores that is not idle, in percent: before a run, what others take."""

    def look():
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    (all_before, idle_before), _, (all_after, idle_after) = look(), time.sleep(seconds), look()
    return 100 * (1 - (idle_after - idle_before) / (all_after - all_before))


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def describe(postgres, others):
    def first(path, key):
        lines = Path(path).read_text().splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "unknown")

    changed = " with changes that are not committed" if output("git", "status", "--porcelain", "-uno") else ""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": output("git", "rev-parse", "--short=12", "HEAD") + changed,
        "CPU": f"{first('/proc/cpuinfo', 'model name')}, {len(CORES)} cores",
        "taken by others": f"{others[0]:.0f} % of the cores before the run, {others[1]:.0f} % after it",
        "memory": f"{int(first('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Rust": output("rustc", "--version"),
        "PostgreSQL": postgres,
        "load generator": "wrk, one thread",
        "cores": f"server {SERVER}, generator {GENERATOR}, PostgreSQL {DATABASE}; "
        f"where passwords are hashed: server {HASHING}",
    }
