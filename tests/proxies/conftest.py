"""Each test runs behind each of the proxies, in front of one service. They share a Kedge, and make their own keys."""

import sys
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.with_name("clients")))

import proxies
import service as services
from asking import basic
from kedge import Kedge

# As deploy/ has it, percent-decoded.
ACCOUNT = "tea party"
OTHER_ACCOUNT = "croquet"
PASSWORD = "through-the-looking-glass"
ROLES = HERE / "roles.yaml"
# All that reaches Kedge comes from a proxy at this address; clients come from others of this machine.
TRUSTED = "127.0.0.1"


def fresh(kind):
    """A name that nothing has yet."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


class World:
    """A Kedge in which alice may deploy in two accounts, and the dormouse may only look."""

    def __init__(self, kedge):
        self.kedge = kedge
        for account in (ACCOUNT, OTHER_ACCOUNT):
            kedge.ask("POST", "/v2/accounts", json={"name": account})
        self.alice = self.make_user("alice@wonderland.test", "deployer", "read-only")
        self.grant("alice@wonderland.test", "deployer", OTHER_ACCOUNT)
        self.dormouse = self.make_user("dormouse", "read-only")

    def make_user(self, name, *roles):
        path = f"/v2/accounts/{quote(ACCOUNT)}/users"
        self.kedge.ask("POST", path, json={"username": name, "password": PASSWORD})
        for role in roles:
            self.grant(name, role, ACCOUNT)
        return name, PASSWORD

    def grant(self, name, role, account):
        path = f"/v2/rbac-manager/roles/{role}/members"
        self.kedge.ask("POST", path, json={"username": name, "domain_name": account})

    def make_key(self, **narrowing):
        """A key of alice's: its name, and the header that it signs in by."""
        body = {"name": fresh("key"), **narrowing}
        key = self.kedge.ask("POST", "/v2/user/api-keys", user=self.alice, json=body)
        return key["name"], ("Authorization", basic("_api_key", key["value"]))


def as_user(user):
    return ("Authorization", basic(*user))


@pytest.fixture(scope="session")
def kedge():
    with Kedge(ROLES__FILE=str(ROLES), SERVER__TRUSTED_PROXIES=TRUSTED) as kedge:
        yield kedge


@pytest.fixture(scope="session")
def world(kedge):
    return World(kedge)


@pytest.fixture(scope="session")
def running_service():
    with services.running() as service:
        yield service


@pytest.fixture
def service(running_service):
    running_service.received.clear()
    return running_service


@pytest.fixture(scope="session", params=proxies.ALL, ids=lambda proxy: proxy.__name__)
def proxy(request, kedge, running_service):
    with request.param(kedge.url, running_service.address) as proxy:
        yield proxy
