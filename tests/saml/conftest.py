"""The Kedge that a run of the tests shares. Each test makes what it needs, and changes nothing that others look at."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.with_name("clients")))

from idp import Answer, IdP, Key
from kedge import Kedge
from registration import Registration
from world import World, fresh


@pytest.fixture(scope="session")
def kedge():
    with Kedge() as kedge:
        yield kedge


@pytest.fixture
def world(kedge):
    return World(kedge)


@pytest.fixture(scope="session")
def key():
    return Key()


@pytest.fixture
def idp(key):
    """An IdP of pysaml2's, which signs in a user whom nobody else has."""
    with IdP(Answer(user=fresh("alice")), key=key) as idp:
        yield idp


@pytest.fixture
def register(kedge, world, idp):
    """Makes Kedge and that IdP known to each other."""

    def register(**settings):
        registration = Registration(kedge)
        registration.make(idp_metadata_xml=idp.metadata(), **{"default_account": world.account, **settings})
        idp.service_providers.append(registration.sp_metadata_url)
        return registration

    return register


@contextmanager
def started(*command):
    """The entity id of an IdP that is a program, which runs between `with` and its end."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("metadata: "), f"{command} says {line!r}"
        yield line.removeprefix("metadata: ").strip()
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.fixture
def program():
    """Starts an IdP as one does by hand: Python's for idp.py, Node's for samlify/idp.mjs."""

    def program(script, *options):
        interpreter = sys.executable if script.endswith(".py") else os.environ.get("NODE", "node")
        return started(interpreter, HERE / script, *options)

    return program
