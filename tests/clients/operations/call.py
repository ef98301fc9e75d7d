"""A call of the table, what is expected of it, and the arguments that many calls share."""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

from world import World

NOBODY = "00000000-0000-4000-8000-000000000000"
COMMON_PASSWORD = "password"


@dataclass(frozen=True)
class Call:
    """A call as `caller`, with the arguments that `arguments` makes of the world, and its status."""

    caller: str
    status: int
    arguments: Callable[[World], dict]
    # Success: the model that is answered, "[Model]" for a list, None for no body; and what has to be true of it.
    answer: Optional[str] = None
    holds: Callable[[World, Any], bool] = lambda w, answer: True
    # Refusal: what its body says.
    says: Optional[str] = None


def succeeds(caller, status, arguments, answer=None, holds=lambda w, answer: True):
    return Call(caller, status, arguments, answer=answer, holds=holds)


def refused(caller, status, arguments, says):
    return Call(caller, status, arguments, says=says)


def nothing(w):
    return {}


def credentials_of(caller, w):
    """What a caller signs in with: a user and password, or a bearer token, or nothing."""
    return {
        "admin": lambda: w.kedge.admin,
        "user": lambda: w.user.basic,
        "reader": lambda: w.reader.basic,
        "key": lambda: w.key.basic,
        "token": lambda: w.tokens["access_token"],
        "nobody": lambda: None,
    }[caller]()


def names(items, attribute="name"):
    return [getattr(item, attribute) for item in items]


def in_account(w, **more):
    return dict(account_name=w.account, **more)


def of_user(w, **more):
    return dict(account_name=w.account, username=w.user.name, **more)


def of_missing_account(w, **more):
    return dict(account_name=w.free, **more)


def of_missing_user(w, **more):
    return dict(account_name=w.account, username=w.free, **more)


def in_group(w, **more):
    return dict(group_uuid=w.group, **more)


def in_missing_group(w, **more):
    return dict(group_uuid=NOBODY, **more)


def password(value):
    return dict(type="password", value=value)


def member(w):
    return dict(username=w.user.name, domain_name=w.account)


class WrittenWithZ(datetime):
    """A time in UTC that a generated client sends as the contract's pattern wants it, with `Z`.

    The generated code writes a time as `isoformat` does, with `+00:00`, and breaks the pattern of its own document.
    """

    def isoformat(self, *_):
        return self.strftime("%Y-%m-%dT%H:%M:%SZ")


def expiry():
    """A moment in a week."""
    return WrittenWithZ.now(timezone.utc) + timedelta(days=7)


STRANGER = refused("nobody", 401, nothing, "Unauthorized")
