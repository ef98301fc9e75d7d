"""A Kedge of one's own with its configurations, and what it answers to the documents."""

import base64
import os
import re
import socket
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from lxml import etree

from . import conditions, controls, encryption, keyed, markup, oracle, others, signatures, tampering, text, wrapping
from .keys import IdP, make_key
from .names import DS, MD
from .register import ASSERTION, BARE, BOTH, ENTRIES, FINE, HARM, RESPONSE, Site, World, make
from .wire import form

# Each registers what is in it.
FAMILIES = [conditions, controls, encryption, keyed, markup, others, signatures, tampering, text, wrapping]
# What Kedge wants signed, and what a document is signed with.
SITES = {
    "both": ({"response", "assertion"}, BOTH),
    "assertion": ({"assertion"}, ASSERTION),
    "response": ({"response"}, RESPONSE),
    "neither": (set(), ASSERTION),
    "solicited": ({"response", "assertion"}, BOTH),
    "grant": ({"assertion"}, BARE),
    "other": ({"response", "assertion"}, BOTH),
    "weak": ({"response", "assertion"}, BOTH),
    "mixed": ({"response", "assertion"}, BOTH),
}
# Those that Kedge may refuse to take at all.
PERHAPS = ("weak", "mixed")
SECONDS = 10
REASON = re.compile(r'request\{id="([^"]*)".*? reason=(.*)')


def make_world(directory, canary):
    key = lambda name, kind="rsa", **more: make_key(directory, name, kind, **more)
    idp = IdP("https://looking-glass.example/idp", (key("idp"), key("idp-ec", "ec")))
    other = IdP("https://wonderland.example/idp", (key("other", subject="wonderland"),))
    return World(
        directory,
        {},
        idp,
        other,
        key("foreign"),
        key("foreign-ec", "ec"),
        key("foreign-dsa", "dsa"),
        key("weak", "rsa1024"),
        canary,
    )


def make_site(world, name, url):
    wants, mode = SITES[name]
    idp = {
        "other": world.other,
        "weak": IdP("https://croquet.example/idp", (world.weak,)),
        "mixed": IdP("https://mad.example/idp", (*world.idp.keys, world.weak)),
    }.get(name, world.idp)
    path = f"{url}/v2/rbac-manager/saml"
    site = Site(name, idp, f"https://kedge.example/sp/{name}", f"{path}/sso/{name}", frozenset(wants), mode)
    if mode == BARE:
        site.token_url = f"{url}/v2/oauth/token"
    world.sites[name] = site
    return site


class Canary:
    """Listens, and nobody is to come: who does follows URLs out of documents that are not to be trusted."""

    def __enter__(self):
        self.visitors = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/canary"
        threading.Thread(target=self.listen, daemon=True).start()
        return self

    def listen(self):
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:
                return
            with visitor:
                visitor.settimeout(1)
                try:
                    self.visitors.append(visitor.recv(200))
                except OSError as error:
                    self.visitors.append(str(error))

    def __exit__(self, *_):
        self.listener.close()


# Without a Kedge, for who only wants the documents.


@contextmanager
def stand_in():
    with tempfile.TemporaryDirectory(prefix="kedge-saml.") as directory, Canary() as canary:
        world = make_world(Path(directory), canary.url)
        own = make_key(directory, "sp")
        for name in SITES:
            site = make_site(world, name, "http://127.0.0.1:8228")
            site.certificate, site.certificate_file = own.certificate, own.file
            site.login = lambda: "_" + os.urandom(16).hex()
            site.ask = site.login if name == "solicited" else None
        yield world


def documents(world, families=None):
    for entry in ENTRIES.values():
        if families and entry.family not in families:
            continue
        for site in entry.sites:
            if site in world.sites:
                yield entry, site


# With one.


@dataclass
class Outcome:
    document: object
    status: int | None
    body: str
    seconds: float
    user: str | None
    # refused, harmless, harmful or broken; of a control: signed in or, else, refused.
    verdict: str
    request_id: str | None = None
    # Whether xmlsec1 calls a signature in it valid; asked at the first of its configurations.
    valid: bool = False
    # What Kedge's log says of a refusal.
    reason: str = ""

    def __str__(self):
        user = f" and signs in {self.user}" if self.user else ""
        answer = f"answers {self.status}{user}, in {self.seconds:.2f} s"
        return f"{self.document}: {self.verdict}: {answer}: {self.body[:300]} {self.reason}"


class Driver:
    def __init__(self, kedge, world):
        self.kedge = kedge
        self.world = world
        self.local = threading.local()
        self.refused_sites = {}

    @property
    def session(self):
        """One for each thread, so that connections are kept."""
        if not hasattr(self.local, "session"):
            self.local.session = requests.Session()
            self.local.session.trust_env = False
        return self.local.session

    def configure(self):
        self.kedge.ask("POST", "/v2/accounts", json={"name": "tea-party"})
        body = {"username": self.world.native, "password": "off-with-their-heads"}
        self.kedge.ask("POST", "/v2/accounts/tea-party/users", json=body)
        for name in SITES:
            site = make_site(self.world, name, self.kedge.url)
            body = {
                "name": name,
                "enabled": True,
                "acs_url": site.acs_url,
                "sp_entity_id": site.sp_entity_id,
                "idp_metadata_xml": site.idp.metadata,
                "default_account": "tea-party",
                "default_role": "read-only",
                "require_signed_assertions": "assertion" in site.wants,
                "require_signed_response": "response" in site.wants or site.mode == BARE,
                "allow_unsolicited": name != "solicited",
                "allow_assertion_grant": site.mode == BARE,
            }
            headers = {"Authorization": f"Bearer {self.kedge.admin_token}"}
            url = f"{self.kedge.url}/v2/rbac-manager/saml/idps"
            answer = self.session.post(url, json=body, headers=headers, timeout=30)
            if not answer.ok:
                assert name in PERHAPS and answer.status_code == 400, f"{name}: {answer.status_code} {answer.text}"
                self.refused_sites[name] = answer.text
                del self.world.sites[name]
                continue
            self.read_metadata(site)
            site.login = lambda name=name: self.login(name)
            site.ask = site.login if name == "solicited" else None

    def read_metadata(self, site):
        answer = self.session.get(f"{self.kedge.url}/v2/rbac-manager/saml/metadata/{site.name}", timeout=30)
        answer.raise_for_status()
        for descriptor in etree.fromstring(answer.content).iter(f"{{{MD}}}KeyDescriptor"):
            if descriptor.get("use") != "signing":
                site.certificate = "".join(descriptor.findtext(f".//{{{DS}}}X509Certificate").split())
        site.certificate_file = self.world.directory / f"sp-{site.name}.pem"
        lines = re.findall(".{1,64}", site.certificate)
        head, foot = (f"-----{word} CERTIFICATE-----" for word in ("BEGIN", "END"))
        site.certificate_file.write_text("\n".join([head, *lines, foot, ""]))

    def login(self, name):
        """The id of a request that Kedge makes."""
        answer = self.session.get(f"{self.kedge.url}/v2/rbac-manager/saml/login/{name}", timeout=30)
        answer.raise_for_status()
        request = parse_qs(urlsplit(answer.json()["token"]).query)["SAMLRequest"][0]
        return etree.fromstring(zlib.decompress(base64.b64decode(request), -15)).get("ID")

    def send(self, post, case):
        door = post.door or ("grant" if case.site.mode == BARE else "sso")
        url = f"{self.kedge.url}/v2/oauth/token" if door == "grant" else case.site.acs_url
        if post.door == "sso":
            # As the usual form has it, whatever the configuration's own door is.
            body, kind = b"SAMLResponse=" + requests.utils.quote(base64.b64encode(post.octets), "").encode(), None
        else:
            body, kind = form(post, case)
        headers = {"Content-Type": kind or "application/x-www-form-urlencoded", "Accept": "application/json"}
        url = f"{url}?{post.query}" if post.query else url
        return self.session.post(url, body, headers=headers, timeout=60, allow_redirects=False)

    def user(self, answer):
        token = answer.json().get("token") or answer.json().get("access_token")
        me = self.session.get(f"{self.kedge.url}/v2/user", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        return me.json()["username"] if me.ok else None

    def show(self, entry, site):
        document = make(entry, self.world, site)
        case = document.case
        for before in case.before:
            where, content, *door = before
            post = type(document.post)(octets=content.encode(), door=door[0] if door else None)
            answer = self.send(post, self.at(case, where))
            if answer.status_code != 200:
                return Outcome(document, answer.status_code, f"ahead of it: {answer.text}", 0, None, "broken")
        start = time.monotonic()
        try:
            answer = self.send(document.post, case)
        except requests.RequestException as error:
            seconds = time.monotonic() - start
            return Outcome(document, None, f"{type(error).__name__}: {error}", seconds, None, "broken")
        seconds = time.monotonic() - start
        user = self.user(answer) if answer.status_code == 200 else None
        outcome = Outcome(document, answer.status_code, answer.text, seconds, user, "")
        outcome.request_id = answer.headers.get("x-request-id")
        outcome.verdict = verdict(document, answer.status_code, user)
        # The document is much the same at the others.
        outcome.valid = site == entry.sites[0] and oracle.has_valid_signature(document)
        # Some of them are large, and there are thousands.
        document.post.fields = document.post.body = None
        return outcome

    def at(self, case, site):
        other = case.at(site.name)
        other.name = case.name
        return other

    def run(self, families=None):
        """Two at a time: one document is made while Kedge looks at another."""
        with ThreadPoolExecutor(2) as pool:
            shown = [pool.submit(self.show, entry, site) for entry, site in documents(self.world, families)]
            outcomes = [one.result() for one in shown]
        # Machines have bad moments: what was slow is shown once more, alone.
        for i, outcome in enumerate(outcomes):
            if outcome.seconds > SECONDS:
                again = self.show(outcome.document.entry, outcome.document.case.site.name)
                again.valid = outcome.valid
                outcomes[i] = min(outcome, again, key=lambda one: one.seconds)
        return outcomes


def verdict(document, status, user):
    case = document.case
    if status is None or status >= 500 or not (status == 200 or 400 <= status < 500):
        return "broken"
    if status != 200:
        return "refused"
    if user is None:
        return "broken"
    # By each of the doors that is not the configuration's usual one.
    wants = {"sso": {"response", "assertion"}, "grant": {"assertion"}}.get(document.post.door, case.site.wants)
    names = {one.name for one in oracle.vouched(document) if one.satisfies(wants)}
    entry = document.entry
    if user not in names and user not in {name.strip() for name in names if name} or user == case.evil:
        return "harmful"
    if entry.control:
        return "signed in" if user == case.name else "harmful"
    return "harmful" if entry.accepting_at(case.site.name) == HARM else "harmless"


def unexpected(outcome):
    """Kedge is to refuse a hostile document, but for what the standards allow."""
    entry = outcome.document.entry
    return outcome.verdict == "harmless" and entry.accepting_at(outcome.document.case.site.name) != FINE


def wrong(outcome):
    if outcome.document.entry.control:
        return outcome.verdict != "signed in" or outcome.seconds > SECONDS
    return outcome.verdict in ("harmful", "broken") or unexpected(outcome) or outcome.seconds > SECONDS


@dataclass
class Run:
    outcomes: list
    refused_sites: dict
    healthy: bool
    # Lines of the log that say that something is wrong with Kedge itself.
    errors: list
    visitors: list

    def of(self, family=None, name=None):
        return [
            one
            for one in self.outcomes
            if family in (None, one.document.entry.family) and name in (None, one.document.entry.name)
        ]


def run(families=None, keep=None):
    """Starts a Kedge, shows it all that there is, and stops it."""
    sys.path.append(str(Path(__file__).parents[2] / "clients"))
    from kedge import Kedge, wrong

    with tempfile.TemporaryDirectory(prefix="kedge-saml.") as directory, Canary() as canary:
        world = make_world(Path(directory), canary.url)
        # What its end says of the log is for the caller to see beside all else.
        kedge = Kedge().__enter__()
        try:
            driver = Driver(kedge, world)
            driver.configure()
            outcomes = driver.run(families)
            healthy = requests.get(f"{kedge.url}/health", timeout=60).ok
        finally:
            status = kedge.stop()
    reasons = {}
    for request_id, reason in REASON.findall(kedge.said):
        # The first that is said of a request says most.
        reasons.setdefault(request_id, reason)
    for outcome in outcomes:
        outcome.reason = reasons.get(outcome.request_id, "")
    if keep:
        write(outcomes, kedge.said, keep)
    errors = wrong(kedge.said)
    return Run(outcomes, driver.refused_sites, healthy and status == 0, errors, canary.visitors)


def write(outcomes, log, directory):
    """What went wrong, for who has to look into it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kedge.log").write_text(log)
    (directory / "outcomes.txt").write_text("".join(f"{one}\n" for one in outcomes))
    for outcome in filter(wrong, outcomes):
        name = re.sub(r"[^\w]+", "-", f"{outcome.verdict} {outcome.document}")[:150]
        (directory / f"{name}.xml").write_bytes(outcome.document.octets)
        (directory / f"{name}.txt").write_text(f"{outcome}\n")


def table(run):
    """What came of each family, in Markdown."""
    lines = [
        "| family | documents | with a signature xmlsec1 calls valid | shown | refused | harmless | harmful | broken |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    families = list(dict.fromkeys(one.document.entry.family for one in run.outcomes))
    hostile = [one for one in run.outcomes if not one.document.entry.control]
    rows = [(family, run.of(family)) for family in families if family != "controls"] + [("all hostile ones", hostile)]
    for family, outcomes in rows:
        count = Counter(one.verdict for one in outcomes)
        names = len({(one.document.entry.family, one.document.entry.name) for one in outcomes})
        valid = sum(one.valid for one in outcomes)
        verdicts = " | ".join(str(count[verdict]) for verdict in ("refused", "harmless", "harmful", "broken"))
        lines.append(f"| {family} | {names} | {valid} | {len(outcomes)} | {verdicts} |")
    controls = run.of("controls")
    signed_in = sum(one.verdict == "signed in" for one in controls)
    names = len({one.document.entry.name for one in controls})
    lines += [
        "",
        f"Good documents: {names}, shown {len(controls)} times, {signed_in} times signed in as themselves.",
        "",
    ]
    return "\n".join(lines)
