"""anchorecli 0.9.3, the predecessor's client, with its base URL at `/v1`, for which it was written, and at `/v2`.

What it cannot do at `/v2`, because the API spells something otherwise there than in 2021:

- `system errorcodes` asks for `/system/error_codes`; in v2 the path is `/system/error-codes`. It fails.
- `system status` reads `servicename` and `hostid`; in v2 they are `service_name` and `host_id`. It works, and shows
  `ServiceName Unknown` and `HostID Unknown`.
"""

import json
import os
import re
import subprocess

import pytest

from world import PASSWORD, User, fresh

ANCHORECLI = os.environ["ANCHORECLI"]
NEW_PASSWORD = "a-new-looking-glass"


class Client:
    def __init__(self, kedge, version, user=None):
        self.kedge = kedge
        self.version = version
        self.name, self.password = user.basic if user else kedge.admin

    def __call__(self, *words, status=0):
        """What it prints, having checked its exit status."""
        run = subprocess.run(
            [ANCHORECLI, *words],
            env={
                "PATH": os.environ["PATH"],
                "NO_PROXY": "127.0.0.1",
                # Where it looks for a configuration of its own.
                "HOME": "/nonexistent",
                "ANCHORE_CLI_URL": f"{self.kedge.url}/{self.version}",
                "ANCHORE_CLI_USER": self.name,
                "ANCHORE_CLI_PASS": self.password,
            },
            capture_output=True,
            text=True,
        )
        assert (run.returncode, run.stderr) == (status, ""), run.stdout + run.stderr
        return run.stdout

    def json(self, *words):
        return json.loads(self("--json", *words))


@pytest.fixture(params=["v1", "v2"])
def version(request):
    return request.param


@pytest.fixture
def cli(kedge, version):
    return Client(kedge, version)


def fields(shown):
    """Of lines such as `Name: alice`."""
    return dict(line.split(": ", 1) for line in shown.splitlines() if line)


def column(shown, heading):
    """What stands under a heading of a table."""
    head, *rows = [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines() if line.strip()]
    return [row[head.index(heading)] for row in rows]


# system


def test_system_status(cli, version):
    shown = cli("system", "status")
    service, host = {"v1": ("apiext", r"[^ ,]+"), "v2": ("ServiceName Unknown", "HostID Unknown")}[version]
    assert re.search(rf"^Service {service} \({host}, http[^ )]*\): up$", shown, re.MULTILINE), shown
    assert re.search(r"^Engine DB Version: \d+$", shown, re.MULTILINE)
    assert re.search(r"^Engine Code Version: \d+\.\d+\.\d+$", shown, re.MULTILINE)


def test_system_errorcodes(cli, version):
    if version == "v1":
        assert {"not_authorized", "internal_error"} <= set(column(cli("system", "errorcodes"), "Error Code"))
    else:
        shown = cli("system", "errorcodes", status=1)
        assert shown == "Detail: The requested URL was not found: /v2/system/error_codes\n\n"


# account


def test_account_whoami(cli):
    assert fields(cli("account", "whoami")) == {
        "Username": "admin",
        "AccountName": "admin",
        "AccountEmail": "admin@myanchore",
        "AccountType": "admin",
    }


def test_account_whoami_as_a_user_without_a_role(kedge, version, world):
    cli = Client(kedge, version, world.user)
    shown = fields(cli("account", "whoami"))
    assert (shown["Username"], shown["AccountName"]) == (world.user.name, world.account)


def test_account_add_list_get(cli):
    name = fresh("account")
    added = fields(cli("account", "add", name, "--email", "alice@example.com"))
    assert (added["Name"], added["Email"], added["Type"], added["State"]) == (
        name,
        "alice@example.com",
        "user",
        "enabled",
    )
    assert fields(cli("account", "get", name)) == added
    assert {"admin", name} <= set(column(cli("account", "list"), "Name"))
    assert name in [account["name"] for account in cli.json("account", "list")]


def test_account_disable_enable_del(cli, kedge, version, world):
    name = world.user.account
    user = Client(kedge, version, world.user)
    assert "Cannot go from state enabled to state deleting" in cli("account", "del", "--dontask", name, status=1)
    assert cli("account", "disable", name) == "Success\n"
    assert fields(cli("account", "get", name))["State"] == "disabled"
    assert f"Account {name} not enabled" in user("account", "whoami", status=2)
    assert cli("account", "enable", name) == "Success\n"
    assert fields(user("account", "whoami"))["AccountName"] == name
    assert cli("account", "disable", name) == "Success\n"
    assert cli("account", "del", "--dontask", name) == "Success\n"


def test_account_refusals_are_read(cli, world):
    shown = fields(cli("account", "get", world.free, status=1))
    assert shown == {"Error": "Account not found", "HTTP Code": "404"}
    assert fields(cli("account", "add", world.account, status=1))["Error"] == "Account already exists"
    assert fields(cli("account", "disable", "admin", status=1)) == {
        "Error": "Cannot disable the admin account",
        "HTTP Code": "400",
    }


def test_a_user_without_a_role_is_told_what_is_missing(kedge, version, world):
    cli = Client(kedge, version, world.user)
    assert fields(cli("account", "list", status=1)) == {
        "Error": "Not authorized. Requires permissions: domain=system action=listAccounts target=*",
        "HTTP Code": "403",
    }


def test_a_wrong_password_is_refused(kedge, version, world):
    stranger = Client(kedge, version, User(world.user.name, world.account, "mine-mine-mine"))
    assert "Unauthorized" in stranger("account", "whoami", status=2)


# account user


def test_account_user_add_list_get_setpassword_del(cli, kedge, version, world):
    name, account = fresh("alice"), ("--account", world.account)
    added = fields(cli("account", "user", "add", name, PASSWORD, *account))
    assert (added["Name"], added["Type"]) == (name, "native")
    assert fields(cli("account", "user", "get", name, *account)) == added
    assert column(cli("account", "user", "list", *account), "Name") == [name]
    assert [user["username"] for user in cli.json("account", "user", "list", *account)] == [name]

    before = Client(kedge, version, User(name, world.account))
    after = Client(kedge, version, User(name, world.account, NEW_PASSWORD))
    assert fields(before("account", "whoami"))["Username"] == name
    shown = cli("account", "user", "setpassword", NEW_PASSWORD, "--username", name, *account)
    assert shown.startswith("Password (re)set success\n")
    assert "Unauthorized" in before("account", "whoami", status=2)
    assert fields(after("account", "whoami"))["Username"] == name

    assert cli("account", "user", "del", name, *account) == "Success\n"
    assert "Unauthorized" in after("account", "whoami", status=2)
    assert fields(cli("account", "user", "get", name, *account, status=1))["Error"] == "User not found"


def test_account_user_refusals_are_read(cli, world):
    taken = cli("account", "user", "add", world.user.name, PASSWORD, "--account", world.account, status=1)
    assert fields(taken) == {"Error": "User already exists", "HTTP Code": "400"}
    unknown = cli("account", "user", "setpassword", PASSWORD, "--username", world.free, status=1)
    assert fields(unknown) == {"Error": "User not found", "HTTP Code": "404"}


def test_as_another_account(cli, world):
    shown = cli("--as-account", world.user.account, "account", "user", "list")
    assert column(shown, "Name") == [world.user.name]
