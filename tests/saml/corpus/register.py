"""What documents there are: each a small function, registered under a family and a name."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from . import xmlsec
from .keys import IdP, Key
from .parts import Assertion, Response

# How a document is signed: a bare assertion is what `saml2-bearer` takes.
RESPONSE, ASSERTION, BOTH, BARE = "response", "assertion", "both", "bare"

# What it means that a hostile document signs in the user whom it is signed for. Any other user is always harm.
HARM = "harm"  # what is signed does not hold: it is too late, for another, by a key or in a way that counts for nothing
ODD = "odd"  # no harm, but Kedge has promised to refuse it, or nobody sends such a thing
FINE = "fine"  # the standards allow it, or leave it open

# The configurations of one identity provider, by what they want signed; GRANT is the one for bare assertions.
SSO = ("both", "assertion", "response", "neither")
RESPONSE_SIGNED = ("both", "response")
SOLICITED = ("solicited",)
GRANT = ("grant",)
ALL = SSO + GRANT
# That of the other identity provider.
OTHER = ("other",)


@dataclass
class Site:
    """A configuration of Kedge, as a document has to know it."""

    name: str
    idp: IdP
    sp_entity_id: str
    acs_url: str
    # What Kedge wants signed, and what a document for it is signed with unless it is about just that.
    wants: frozenset
    mode: str
    # The URL of `saml2-bearer`, where documents go there.
    token_url: str | None = None
    # The certificate to encrypt to, and its file.
    certificate: str = ""
    certificate_file: Path | None = None
    # Asks Kedge for an AuthnRequest and answers its id; nothing where Kedge takes what it did not ask for.
    ask: Callable[[], str] | None = None
    # The same, wherever the configuration stands.
    login: Callable[[], str] | None = None


@dataclass
class World:
    directory: Path
    sites: dict[str, Site]
    idp: IdP
    other: IdP
    # Keys that no configuration knows.
    foreign: Key
    foreign_ec: Key
    foreign_dsa: Key
    weak: Key
    # A URL of this machine that nobody may ask for anything.
    canary: str
    # A user that Kedge knows without any IdP.
    native: str = "duchess"


@dataclass
class Post:
    """A request of another make than the usual form. `fields` are pairs of the form, `body` is in place of all."""

    fields: list | None = None
    body: bytes | None = None
    content_type: str | None = None
    query: str = ""
    # The document that the signatures are looked for in.
    octets: bytes = b""
    # What xmlsec1 is to read in place of it, where it says the same and xmlsec1 does not take it.
    same: bytes | None = None
    # The door, where it is not the configuration's usual one.
    door: str | None = None


@dataclass
class Case:
    """One document for one configuration, in the making."""

    world: World
    site: Site
    name: str = ""
    evil: str = ""
    # What is shown to Kedge first, and has to sign in: documents, each with its site.
    before: list = field(default_factory=list)
    # What each ciphertext holds.
    plaintexts: dict = field(default_factory=dict)
    # Attributes that are ids beside the usual ones, and the public keys of who else signed.
    ids: list = field(default_factory=list)
    signers: list = field(default_factory=list)
    _asked: str | None = None

    def __post_init__(self):
        person = secrets.choice(["alice", "dormouse", "hatter", "white-rabbit", "march-hare", "mock-turtle"])
        self.name = f"{person}-{secrets.token_hex(6)}"
        self.evil = f"evil-jabberwock-{secrets.token_hex(6)}"

    @property
    def in_response_to(self):
        if self._asked is None and self.site.ask:
            self._asked = self.site.ask()
        return self._asked

    def at(self, site):
        """The same, as if it were for another configuration."""
        return Case(self.world, self.world.sites[site], plaintexts=self.plaintexts)

    def assertion(self, **changes):
        return Assertion(self, **changes)

    def evil_assertion(self, **changes):
        honest, self.name = self.name, self.evil
        try:
            return Assertion(self, **changes)
        finally:
            self.name = honest

    def response(self, *children, **changes):
        return Response(self, *children, **changes)

    def finish(self, assertion=None, response=None, *, mode=None, key=None, **signing):
        """The assertion and the response around it, signed as the configuration wants."""
        mode = mode or self.site.mode
        assertion = assertion or self.assertion()
        if key:
            self.signers.append(key.public)
        inner = assertion.signed(key, **signing) if mode != RESPONSE else assertion.xml()
        if mode == BARE:
            return inner
        response = response or self.response()
        response.children = [inner]
        return response.signed(key, **signing) if mode in (RESPONSE, BOTH) else response.xml()

    def wrap(self, inner, response=None, *, mode=None, **signing):
        """A response around what is already text, signed where the configuration wants responses signed."""
        mode = mode or self.site.mode
        if mode == BARE:
            return inner
        response = response or self.response()
        response.children = [inner]
        return response.signed(**signing) if mode in (RESPONSE, BOTH) else response.xml()

    def wrap_unsigned(self, inner, signature=""):
        return inner if self.site.mode == BARE else self.response(inner, signature=signature).xml()

    def forge(self, change):
        """An evil document with ids of an honest one. Its signatures are what `change` makes of the honest text and of
        the evil one, which has all that is right but the key."""
        assertion, evil = self.assertion(), self.evil_assertion()
        evil.id = assertion.id
        inner, honest = evil.xml(), assertion.xml()
        if self.site.mode != RESPONSE:
            honest = assertion.signed()
            evil.signature = change(honest, evil.signed(self.world.foreign))
            inner = evil.xml()
        if self.site.mode in (BARE, ASSERTION):
            return self.wrap_unsigned(inner)
        response = self.response(honest)
        evil = self.response(inner, id=response.id)
        try:
            forged = evil.signed(self.world.foreign)
        except xmlsec.Refused:
            # Two of the same id, which is what it is about.
            forged = ""
        evil.signature = change(response.signed(), forged)
        return evil.xml()


@dataclass(frozen=True)
class Entry:
    family: str
    name: str
    make: Callable[[Case], object]
    sites: tuple
    accepting: str
    fine_at: tuple
    control: bool

    def accepting_at(self, site):
        return FINE if self.control or site in self.fine_at else self.accepting


@dataclass
class Document:
    entry: Entry
    case: Case
    post: Post

    @property
    def octets(self):
        return self.post.octets

    def __str__(self):
        return f"{self.entry.family}: {self.entry.name}, at {self.case.site.name}"


ENTRIES: dict[tuple, Entry] = {}


def register(family, name, make, *, sites=SSO, accepting=HARM, fine_at=(), control=False):
    assert (family, name) not in ENTRIES, f"{family}: {name} is there twice"
    ENTRIES[family, name] = Entry(family, name, make, sites, accepting, fine_at, control)


def hostile(family, name, **options):
    def decorate(make):
        register(family, name, make, **options)
        return make

    return decorate


def control(name, **options):
    def decorate(make):
        register("controls", name, make, control=True, **options)
        return make

    return decorate


def make(entry, world, site):
    case = Case(world, world.sites[site])
    try:
        made = entry.make(case)
    except Exception as error:
        error.add_note(f"{entry.family}: {entry.name}, for {site}")
        raise
    if isinstance(made, str):
        made = made.encode()
    post = made if isinstance(made, Post) else Post(octets=made)
    return Document(entry, case, post)
