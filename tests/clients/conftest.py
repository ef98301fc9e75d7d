"""The Kedge that a run of the tests shares. They never change what others may look at: each makes its own account."""

import pytest

from kedge import Kedge
from world import World


@pytest.fixture(scope="session")
def kedge():
    with Kedge(METRICS__ENABLED="true") as kedge:
        yield kedge


@pytest.fixture
def world(kedge):
    return World(kedge)
