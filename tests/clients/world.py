"""What a test needs to be there: made when it is first asked for, under names that nothing else has."""

import uuid
from dataclasses import dataclass
from functools import cached_property

from idp_by_hand import IdP

PASSWORD = "through-the-looking-glass"


def fresh(kind):
    """A name that nothing has yet."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class User:
    name: str
    account: str
    password: str = PASSWORD

    @property
    def basic(self):
        return self.name, self.password


@dataclass(frozen=True)
class Key:
    name: str
    value: str

    @property
    def basic(self):
        return "_api_key", self.value


class World:
    def __init__(self, kedge):
        self.kedge = kedge

    @cached_property
    def free(self):
        """A name that nothing has."""
        return fresh("free")

    @cached_property
    def account(self):
        """An enabled account."""
        return self.kedge.ask("POST", "/v2/accounts", json={"name": fresh("account")})["name"]

    @cached_property
    def disabled_account(self):
        name = self.kedge.ask("POST", "/v2/accounts", json={"name": fresh("disabled")})["name"]
        self.kedge.ask("PUT", f"/v2/accounts/{name}/state", json={"state": "disabled"})
        return name

    def make_user(self, kind):
        user = User(fresh(kind), self.account)
        self.kedge.ask(
            "POST", f"/v2/accounts/{user.account}/users", json={"username": user.name, "password": user.password}
        )
        return user

    @cached_property
    def user(self):
        """A user of the account, without a role."""
        return self.make_user("user")

    @cached_property
    def other(self):
        """Another user of the account, without a role."""
        return self.make_user("other")

    @cached_property
    def reader(self):
        """A user with the role read-only in the account."""
        user = self.make_user("reader")
        self.kedge.ask(
            "POST",
            "/v2/rbac-manager/roles/read-only/members",
            json={"username": user.name, "domain_name": user.account},
        )
        return user

    @cached_property
    def key(self):
        """An API key of the user."""
        key = self.kedge.ask("POST", "/v2/user/api-keys", user=self.user.basic, json={"name": fresh("key")})
        return Key(key["name"], key["value"])

    @cached_property
    def tokens(self):
        """Tokens of the user, as `/oauth/token` answers them."""
        return self.kedge.ask("POST", "/v2/oauth/token", user=self.user.basic)

    @cached_property
    def session(self):
        """The id of the session that the tokens belong to."""
        self.tokens
        return self.kedge.ask("GET", "/v2/user/sessions", user=self.user.basic)["items"][0]["id"]

    @cached_property
    def idp(self):
        """An identity provider, by whom a user of the account signs in."""
        idp = IdP(fresh("idp"))
        self.kedge.ask("POST", "/v2/rbac-manager/saml/idps", json=idp.configuration(default_account=self.account))
        return idp

    @cached_property
    def mapped_group(self):
        """The uuid of the group, mapped to the identity provider."""
        body = {"user_group_uuids": [self.group]}
        self.kedge.ask("POST", f"/v2/rbac-manager/saml/idps/{self.idp.name}/user-group-mappings", json=body)
        return self.group

    @cached_property
    def group_name(self):
        return fresh("group")

    @cached_property
    def group(self):
        """The uuid of a user group, without users and roles."""
        return self.kedge.ask("POST", "/v2/system/user-groups", json={"name": self.group_name})["group_uuid"]

    @cached_property
    def group_user(self):
        """The user, as a member of the group."""
        body = {"usernames": [{"username": self.user.name}]}
        self.kedge.ask("POST", f"/v2/system/user-groups/{self.group}/users", json=body)
        return self.user

    @cached_property
    def group_role(self):
        """The membership id of the role read-only in the account, granted to the group."""
        body = {"domain_name": self.account, "roles": [{"role": "read-only"}]}
        roles = self.kedge.ask("POST", f"/v2/system/user-groups/{self.group}/roles", json=body)
        return roles["items"][0]["roles"][0]["membership_id"]
