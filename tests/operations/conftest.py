"""Each test has databases and nodes of its own: it ends them, kills them and puts others in their place."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.with_name("clients")))
# Behind all others: it has modules of the same names as here.
sys.path.append(str(HERE.parents[1] / "benches"))

from postgres import Cluster, Directory

MEASURED = []


@pytest.fixture
def directory():
    with Directory() as directory:
        yield directory


@pytest.fixture
def cluster(directory):
    """A PostgreSQL with an empty database `kedge`."""
    with Cluster(directory) as cluster:
        cluster.make_database()
        yield cluster


@pytest.fixture
def measured(request):
    """Notes a figure, which is shown at the end of the run: it depends on the machine, and no test stands on it."""

    def measured(text):
        MEASURED.append(f"{request.node.name}: {text}")

    return measured


def pytest_terminal_summary(terminalreporter):
    for line in MEASURED:
        terminalreporter.write_line(line)
