"""The figures as Markdown, and which goals are met."""

import data
from scenarios import BARE, KEDGE, SELECT

HEAD = """# What Kedge costs

Written by `benches/run`; its head says how to run it. Kedge runs as it is shipped, with request ids, limits and
time-outs, logging warnings, beside two programs (`benches/bare.rs`) that are sent the same requests and answer the
same bytes: *bare axum* does nothing else, *bare axum + select* first selects one row by primary key from the same
PostgreSQL, through a pool like Kedge's.

All three stand on the same core and are measured in turn, so that what else the machine does falls on all alike; each
figure is the median of its runs. The generator has a core of its own, so that what it costs is no part of what is
measured; where there are but two cores it shares its own with PostgreSQL, which slows all that ask the database, alike.
A closed loop: each connection sends its next request when the last is answered. CPU is the server process's own, user
and system, per request and as a part of one core; RSS is what it has resident after the run. *Kedge's part* is its
requests/s over the other's; *by CPU* is the other's CPU per request over Kedge's, which is also right where the
generator (at 100 %) or PostgreSQL is what the faster server waits for.
"""


LAYERS = """Of `GET /v2/account`, in one process without a network (`benches/layers.rs`), the fastest of 15 rounds of 20,000
requests. The router of both is axum's; the two rows of routers hold the making of the request, too.
"""


def table(head, rows, text=()):
    """The columns `text` are words, the others figures."""
    line = lambda cells: "| " + " | ".join(map(str, cells)) + " |"
    rule = "|" + "|".join("---" if n in (0, *text) else "---:" for n in range(len(head))) + "|"
    return "\n".join([line(head), rule, *map(line, rows)]) + "\n"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def parts(kedge, other):
    """Kedge's part of another's requests a second, and of its requests a second of CPU."""
    return kedge["rate"] / max(other["rate"], 1e-9), other["cpu_ms"] / max(kedge["cpu_ms"], 1e-9)


def scenario(title, note, cells):
    rows = []
    for connections, servers in cells.items():
        for name, result in servers.items():
            by_rate, by_cpu = parts(servers[KEDGE], result)
            errors = f" ({result['errors']:.0f} failed)" if result["errors"] else ""
            rows.append([
                connections if name == KEDGE else "",
                name,
                number(result["rate"]) + errors,
                "" if name == KEDGE else f"{by_rate:.2f}",
                "" if name == KEDGE else f"{by_cpu:.2f}",
                number(result["p50"]),
                number(result["p99"]),
                number(result["cpu_ms"]),
                f"{result['cpu_percent']:.0f}",
                f"{result['generator_percent']:.0f}",
                f"{result['rss']:.0f}",
            ])
    head = ["connections", "server", "requests/s", "Kedge's part", "by CPU", "p50 ms", "p99 ms", "CPU ms", "CPU %"]
    head += ["generator CPU %", "RSS MiB"]
    return f"\n## {title}\n\n" + (f"{note}\n\n" if note else "") + table(head, rows, [1])


def growth(title, note, measured):
    rows = []
    for what, sides in measured.items():
        (few, a), (many, b) = sorted(sides.items(), key=lambda side: len(side[0]))
        errors = f" ({a['errors'] + b['errors']:.0f} failed)" if a["errors"] + b["errors"] else ""
        medians = [number(a["p50"]), number(b["p50"]), f"{b['p50'] / a['p50']:.2f}"]
        rows.append([what + errors, *medians, number(a["p99"]), number(b["p99"])])
    return f"\n## {title}\n\n{note}\n\n" + table(
        ["", f"p50 ms, {few}", f"p50 ms, {many}", "ratio", f"p99 ms, {few}", f"p99 ms, {many}"], rows
    )


def memory(measured):
    return "\n## Memory\n\n" + table(["", "RSS MiB"], [[what, f"{mib:.1f}"] for what, mib in measured.items()])


def flood(measured):
    rows = []
    for what, result in measured.items():
        guesses = result["guesses"]
        rate = guesses["refused"] / guesses["seconds"]
        rows.append([
            what,
            f"{rate:.0f}",
            guesses["unavailable"],
            guesses["others"] + guesses["broken"],
            number(result["quiet"]["rate"]),
            number(result["flooded"]["rate"]),
            number(result["quiet"]["p99"]),
            number(result["flooded"]["p99"]),
            f"{result['flooded']['p99'] / result['quiet']['p99']:.2f}",
            result["flooded"]["errors"],
            " -> ".join(f"{result[when]:.0f}" for when in ("rss_before", "rss_flooded", "rss_most")),
        ])
    head = ["500 clients sign in with wrong passwords", "refused/s", "answered 503", "other", "keys/s before", "during"]
    head += ["p99 ms before", "during", "ratio", "keys failed", "RSS MiB"]
    note = "API-key requests on 16 connections, hashing on the same core. The limits of failed sign-ins are off, so\n"
    note += "that every password is hashed. RSS: before, with 500 sign-ins under way for two seconds, and at most from then."
    return f"\n## Under a flood of sign-ins\n\n{note}\n\n" + table(head, rows)


class Goals:
    """What was promised, beside what was measured."""

    def __init__(self):
        self.rows = []

    def add(self, goal, bound, value, failed=0, at_least=True, by_cpu=None):
        met = (value >= bound if at_least else value <= bound) and not failed
        verdict = "met" if met else "missed" + (f" ({failed:.0f} requests failed)" if failed else "")
        by_cpu = "" if by_cpu is None else f"{by_cpu:.3g}"
        self.rows.append([goal, f"{'>=' if at_least else '<='} {bound:g}", f"{value:.3g}", by_cpu, verdict])

    def scenario(self, name, cells):
        at = cells[64]
        kedge, bare, select = at[KEDGE], at[BARE], at[SELECT]
        failed = kedge["errors"]
        warm = {"key": ("warm API key", 0.75), "bearer": ("warm bearer token", 0.70), "basic": ("warm Basic", 0.75)}
        if name in warm:
            title, bound = warm[name]
            by_rate, by_cpu = parts(kedge, bare)
            self.add(f"{title}: part of bare axum's requests/s", bound, by_rate, failed, by_cpu=by_cpu)
            self.add(f"{title}: p99 against bare axum's", 2, kedge["p99"] / bare["p99"], failed, at_least=False)
        if name == "cold":
            by_rate, by_cpu = parts(kedge, select)
            title = "cold API key: part of bare axum + select's requests/s"
            self.add(title, 0.8, by_rate, failed, by_cpu=by_cpu)
        if name == "token":
            by_cpu = kedge["argon2_cpu_ms"] / kedge["cpu_ms"]
            title = "token issue: part of what argon2 alone reaches"
            self.add(title, 0.9, kedge["rate"] / kedge["argon2"], failed, by_cpu=by_cpu)

    def growth(self, measured):
        for what, sides in measured.items():
            (few, a), (many, b) = sorted(sides.items(), key=lambda side: len(side[0]))
            failed = a["errors"] + b["errors"]
            ratio = b["p50"] / a["p50"]
            self.add(f"{many} users and keys against {few}, {what}: p50", 1.15, ratio, failed, at_least=False)

    def memory(self, measured):
        for what, mib in measured.items():
            if "TLS" not in what:
                self.add(f"RSS {what}, MiB", 64 if "idle" in what else 256, mib, at_least=False)

    def flood(self, measured):
        for what, result in measured.items():
            quiet, flooded = result["quiet"], result["flooded"]
            self.add(f"API keys in a flood, {what}: p99 against before", 3, flooded["p99"] / quiet["p99"],
                     flooded["errors"], at_least=False)
            self.add(f"RSS in a flood, {what}: most against its first seconds", 1.1,
                     result["rss_most"] / result["rss_flooded"], at_least=False)

    def table(self):
        head = ["goal, at 64 connections where requests are counted", "bound", "measured", "by CPU", ""]
        return table(head, self.rows, [4])


def write(world, description, settings, results):
    """The whole file, from what was measured."""
    goals, sections = Goals(), []
    scenarios = world.scenarios()
    for name, result in results.items():
        if name in scenarios:
            note = scenarios[name].note
            if name == "token":
                alone = (f"{at[KEDGE]['argon2']:.1f} ({at[KEDGE]['argon2_cpu_ms']:.1f})" for at in result.values())
                note += f"\nargon2 alone, before each of Kedge's runs, passwords/s (CPU ms): {', '.join(alone)}."
            sections.append(scenario(scenarios[name].title, note, result))
            goals.scenario(name, result)
        elif name == "growth":
            note = "Kedge is started anew and asked for 900 keys, each once, on one connection; then for one of them."
            sections.append(growth("Users and keys", note, result))
            goals.growth(result)
        elif name == "grants":
            note = f"The same for users that hold a role in 1 account, and in {data.GRANTS}."
            sections.append(growth("Grants of a user", note, result))
        elif name == "layers":
            sections.append("\n## Where a warm request's time goes\n\n" + LAYERS + "\n" + result)
        elif name == "memory":
            sections.append(memory(result))
            goals.memory(result)
        else:
            sections.append(flood(result))
            goals.flood(result)
    facts = [[fact, value] for fact, value in description.items()]
    set_to = ", ".join(f"{name} = {value}" for name, value in settings.items())
    facts.append(["PostgreSQL's settings", f"{set_to}, others as by default (fsync on)"])
    facts.append(["data", f"{world.users:,} users with a key and a role each, in accounts of 1,000"])
    facts.append(["runs", f"{world.rounds} of {world.seconds} s for each figure of a warm scenario"])
    head = HEAD + "\n" + table(["machine", ""], facts, [1]) + "\n## Goals\n\n" + goals.table()
    return head + "".join(sections)
