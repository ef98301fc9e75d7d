"""Every operation, once with success and once with a refusal that is documented for it.

The table drives a client generated from the contract and one generated from Kedge's own document. Where the contract
documents no refusal of an operation but 500, the refusal is the 401 that any operation may answer, and only Kedge's own
document has it.
"""

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

#: operation id -> (success, refusal); no refusal where the document of the operation knows none.
OPERATIONS = {
    # Identity
    "get_users_account": (
        succeeds("user", 200, nothing, "Account", lambda w, a: a.name == w.account and a.state == "enabled"),
        STRANGER,
    ),
    "get_user": (
        succeeds("token", 200, nothing, "User", lambda w, u: (u.username, u.account_name) == (w.user.name, w.account)),
        STRANGER,
    ),
    "list_my_user_groups": (
        succeeds("user", 200, nothing, "[UserGroup]", lambda w, groups: groups == []),
        STRANGER,
    ),
    "list_api_keys": (
        succeeds("user", 200, nothing, "ApiKeyList", lambda w, keys: keys.items == []),
        refused("key", 403, nothing, "Not authorized. Operation not allowed with an API key"),
    ),
    "create_api_key": (
        succeeds(
            "user",
            201,
            lambda w: dict(body=dict(name=w.free, expires_at=expiry())),
            "UserApiKey",
            lambda w, key: key.name == w.free and key.value.startswith("kedge_") and key.status == "active",
        ),
        refused("user", 400, lambda w: dict(body=dict(name=w.key.name, expires_at=expiry())), "already exists"),
    ),
    "get_api_key": (
        succeeds(
            "user",
            200,
            lambda w: dict(key_name=w.key.name),
            "UserApiKey",
            lambda w, key: key.name == w.key.name and key.value is None,
        ),
        refused("user", 404, lambda w: dict(key_name=w.free), "not found"),
    ),
    "patch_api_key": (
        succeeds(
            "token",
            200,
            lambda w: dict(key_name=w.key.name, body=dict(status="revoked")),
            "UserApiKey",
            lambda w, key: key.status == "revoked",
        ),
        refused("user", 404, lambda w: dict(key_name=w.free, body=dict(status="revoked")), "not found"),
    ),
    "delete_api_key": (
        succeeds("user", 204, lambda w: dict(key_name=w.key.name)),
        refused("user", 404, lambda w: dict(key_name=w.free), "not found"),
    ),
    "get_credentials": (
        succeeds("user", 200, nothing, "[AccessCredential]", lambda w, all: names(all, "type") == ["password"]),
        STRANGER,
    ),
    "add_credential": (
        succeeds(
            "user",
            200,
            lambda w: dict(body=password("a-new-looking-glass")),
            "AccessCredential",
            lambda w, credential: credential.type == "password" and credential.value != "a-new-looking-glass",
        ),
        refused("user", 400, lambda w: dict(body=password(COMMON_PASSWORD)), "among the first that guessers try"),
    ),
    # Accounts
    "list_accounts": (
        succeeds("admin", 200, nothing, "[Account]", lambda w, accounts: "admin" in names(accounts)),
        refused("user", 403, nothing, "action=listAccounts"),
    ),
    "create_account": (
        succeeds(
            "admin",
            200,
            lambda w: dict(body=dict(name=w.free, email="alice@example.com")),
            "Account",
            lambda w, a: (a.name, a.email, a.type, a.state) == (w.free, "alice@example.com", "user", "enabled"),
        ),
        refused("admin", 409, lambda w: dict(body=dict(name=w.account)), "Account already exists"),
    ),
    "get_account": (
        succeeds("user", 200, in_account, "Account", lambda w, a: a.name == w.account),
        refused("user", 403, lambda w: dict(account_name="admin"), "domain=admin action=getAccount target=*"),
    ),
    "update_account": (
        succeeds(
            "admin",
            200,
            lambda w: in_account(w, body=dict(email="hatter@example.com")),
            "Account",
            lambda w, a: a.email == "hatter@example.com",
        ),
        refused("admin", 404, lambda w: of_missing_account(w, body=dict(email="a@example.com")), "not found"),
    ),
    "update_account_state": (
        succeeds(
            "admin",
            200,
            lambda w: in_account(w, body=dict(state="disabled")),
            "AccountStatus",
            lambda w, status: status.state == "disabled",
        ),
        refused(
            "admin",
            400,
            lambda w: dict(account_name="admin", body=dict(state="disabled")),
            "Cannot disable the admin account",
        ),
    ),
    "delete_account": (
        succeeds("admin", 204, lambda w: dict(account_name=w.disabled_account)),
        refused("admin", 400, in_account, "Cannot go from state enabled to state deleting"),
    ),
    # Users
    "list_all_system_users": (
        succeeds("admin", 200, nothing, "Users", lambda w, users: "admin" in names(users.items, "username")),
        refused("user", 403, nothing, "action=listAllUsers"),
    ),
    "list_users": (
        succeeds(
            "admin",
            200,
            lambda w: dict(account_name=w.user.account),
            "[User]",
            lambda w, users: names(users, "username") == [w.user.name],
        ),
        refused("admin", 404, of_missing_account, "not found"),
    ),
    "create_user": (
        succeeds(
            "admin",
            200,
            lambda w: in_account(w, body=dict(username=w.free, password="through-the-glass")),
            "User",
            lambda w, u: (u.username, u.account_name, u.type) == (w.free, w.account, "native"),
        ),
        refused(
            "admin",
            400,
            lambda w: in_account(w, body=dict(username=w.user.name, password="through-the-glass")),
            "User already exists",
        ),
    ),
    "list_users_with_roles": (
        succeeds(
            "admin",
            200,
            lambda w: dict(account_name=w.reader.account),
            "Users",
            lambda w, users: names(users.items[0].unified_roles, "role_name") == ["read-only"],
        ),
        refused("admin", 404, of_missing_account, "not found"),
    ),
    "get_account_user": (
        succeeds("admin", 200, of_user, "User", lambda w, u: u.username == w.user.name),
        refused("admin", 404, lambda w: dict(account_name="admin", username=w.user.name), "User not found"),
    ),
    "delete_user": (
        succeeds("admin", 204, of_user),
        refused("user", 403, lambda w: in_account(w, username=w.other.name), "action=deleteUser"),
    ),
    # Credentials of other users
    "list_user_credentials": (
        succeeds("admin", 200, of_user, "[AccessCredential]", lambda w, all: names(all, "type") == ["password"]),
        refused("admin", 404, of_missing_user, "User not found"),
    ),
    "create_user_credential": (
        succeeds(
            "admin",
            200,
            lambda w: of_user(w, body=password("a-new-looking-glass")),
            "AccessCredential",
            lambda w, credential: credential.type == "password" and credential.value != "a-new-looking-glass",
        ),
        refused("admin", 400, lambda w: of_user(w, body=password(COMMON_PASSWORD)), "among the first that guessers try"),
    ),
    "delete_user_credential": (
        succeeds("admin", 204, lambda w: of_user(w, credential_type="password")),
        refused(
            "admin",
            400,
            lambda w: dict(account_name="admin", username="admin", credential_type="password"),
            "Cannot delete credential of authenticated user",
        ),
    ),
    # API keys of other users
    "list_user_api_keys": (
        succeeds("admin", 200, of_user, "ApiKeyList", lambda w, keys: keys.items == []),
        refused("admin", 404, of_missing_user, "User not found"),
    ),
    "create_user_api_key": (
        succeeds(
            "user",
            201,
            lambda w: of_user(w, body=dict(name=w.free, expires_at=expiry())),
            "UserApiKey",
            lambda w, key: key.name == w.free and key.value.startswith("kedge_"),
        ),
        refused(
            "key",
            403,
            lambda w: of_user(w, body=dict(name=w.free, expires_at=expiry())),
            "Not authorized. Operation not allowed with an API key",
        ),
    ),
    "get_user_api_key": (
        succeeds(
            "admin",
            200,
            lambda w: of_user(w, key_name=w.key.name),
            "UserApiKey",
            lambda w, key: key.name == w.key.name and key.value is None,
        ),
        refused("admin", 404, lambda w: of_user(w, key_name=w.free), "not found"),
    ),
    "patch_user_api_key": (
        succeeds(
            "admin",
            200,
            lambda w: of_user(w, key_name=w.key.name, body=dict(name=w.free, description="renamed")),
            "UserApiKey",
            lambda w, key: (key.name, key.description) == (w.free, "renamed"),
        ),
        refused("admin", 404, lambda w: of_user(w, key_name=w.free, body=dict(status="revoked")), "not found"),
    ),
    "delete_user_api_key": (
        succeeds("admin", 204, lambda w: of_user(w, key_name=w.key.name)),
        refused("admin", 404, lambda w: of_user(w, key_name=w.free), "not found"),
    ),
    # Roles
    "my_roles": (
        succeeds(
            "reader",
            200,
            nothing,
            "[RbacManagerAccountRole]",
            lambda w, roles: (roles[0].roles.name, roles[0].domain_name) == ("read-only", w.account),
        ),
        STRANGER,
    ),
    "list_roles": (
        succeeds("reader", 200, nothing, "[RbacManagerRoleSummary]", lambda w, roles: "read-only" in names(roles)),
        refused("user", 403, nothing, "action=listRoles"),
    ),
    "get_role": (
        succeeds(
            "admin",
            200,
            lambda w: dict(role_name="read-only"),
            "RbacManagerRole",
            lambda w, role: role.immutable is True and "getAccount" in names(role.permissions, "action"),
        ),
        refused("admin", 404, lambda w: dict(role_name=w.free), "not found"),
    ),
    "list_role_members": (
        succeeds(
            "admin",
            200,
            lambda w: dict(role_name="read-only", domain_name=w.reader.account),
            "[RbacManagerRoleMember]",
            lambda w, members: names(members, "username") == [w.reader.name],
        ),
        refused("user", 403, lambda w: dict(role_name="read-only", domain_name=w.account), "action=listRoleMembers"),
    ),
    "add_role_user": (
        succeeds(
            "admin",
            200,
            lambda w: dict(role_name="read-write", body=member(w)),
            "RbacManagerRoleMember",
            lambda w, m: (m.username, m.domain_name, m.for_account) == (w.user.name, w.account, w.account),
        ),
        refused("user", 403, lambda w: dict(role_name="full-control", body=member(w)), "action=createRoleMember"),
    ),
    "delete_role_user": (
        succeeds(
            "admin",
            204,
            lambda w: dict(role_name="read-only", username=w.reader.name, domain_name=w.account),
        ),
        refused(
            "admin",
            404,
            lambda w: dict(role_name="read-only", username=w.user.name, domain_name=w.account),
            "not found",
        ),
    ),
    "list_user_roles": (
        succeeds(
            "admin",
            200,
            lambda w: dict(username=w.reader.name, domain_name=w.account, role="read-only"),
            "[RbacManagerRoleMembership]",
            lambda w, roles: names(roles, "role") == ["read-only"],
        ),
        refused("admin", 404, lambda w: dict(username=w.free), "not found"),
    ),
    # User groups
    "list_user_groups": (
        succeeds(
            "admin",
            200,
            lambda w: dict(user_group_name=w.group and w.group_name),
            "[UserGroup]",
            lambda w, groups: names(groups, "group_uuid") == [w.group],
        ),
        refused("user", 403, nothing, "action=listUserGroups"),
    ),
    "create_user_group": (
        succeeds(
            "admin",
            201,
            lambda w: dict(body=dict(name=w.free, description="The tea party")),
            "UserGroup",
            lambda w, group: (group.name, group.description) == (w.free, "The tea party"),
        ),
        refused("admin", 409, lambda w: dict(body=dict(name=w.group and w.group_name)), "already exists"),
    ),
    "get_user_group": (
        succeeds("admin", 200, in_group, "UserGroup", lambda w, group: group.name == w.group_name),
        refused("admin", 404, in_missing_group, "not found"),
    ),
    "update_user_group": (
        succeeds(
            "admin",
            200,
            lambda w: in_group(w, body=dict(description="The croquet ground")),
            "UserGroup",
            lambda w, group: group.description == "The croquet ground",
        ),
        refused("admin", 404, lambda w: in_missing_group(w, body=dict(description="None")), "not found"),
    ),
    "delete_user_group": (
        succeeds("admin", 204, in_group),
        refused("admin", 404, in_missing_group, "not found"),
    ),
    "list_user_group_users": (
        succeeds(
            "admin",
            200,
            lambda w: w.group_user and in_group(w),
            "UserGroupUsers",
            lambda w, users: names(users.items, "username") == [w.group_user.name],
        ),
        refused("user", 403, in_group, "action=getUserGroupUsers"),
    ),
    "add_user_group_users": (
        succeeds(
            "admin",
            201,
            lambda w: in_group(w, body=dict(usernames=[dict(username=w.user.name)])),
            "UserGroupUsers",
            lambda w, users: names(users.items, "username") == [w.user.name],
        ),
        refused(
            "user",
            403,
            lambda w: in_group(w, body=dict(usernames=[dict(username=w.user.name)])),
            "action=addUserGroupUser",
        ),
    ),
    "delete_user_group_users": (
        succeeds("admin", 204, lambda w: in_group(w, username=[w.group_user.name])),
        refused("admin", 404, lambda w: in_missing_group(w, username=[w.user.name]), "not found"),
    ),
    "list_user_group_roles": (
        succeeds(
            "admin",
            200,
            lambda w: w.group_role and in_group(w),
            "UserGroupRoles",
            lambda w, roles: (roles.items[0].for_account, roles.items[0].roles[0].role) == (w.account, "read-only"),
        ),
        refused("admin", 404, in_missing_group, "not found"),
    ),
    "add_user_group_roles": (
        succeeds(
            "admin",
            201,
            lambda w: in_group(w, body=dict(domain_name=w.account, roles=[dict(role="read-write")])),
            "UserGroupRoles",
            lambda w, roles: roles.items[0].roles[0].role == "read-write",
        ),
        refused(
            "admin",
            404,
            lambda w: in_missing_group(w, body=dict(domain_name=w.account, roles=[dict(role="read-write")])),
            "not found",
        ),
    ),
    "delete_user_group_role": (
        succeeds("admin", 204, lambda w: in_group(w, membership_id=[w.group_role])),
        refused("admin", 404, lambda w: in_missing_group(w, all_roles_for_account=[w.account]), "not found"),
    ),
    # OAuth2
    "get_oauth_token": (
        succeeds(
            "nobody",
            200,
            lambda w: dict(grant_type="password", username=w.user.name, password=w.user.password),
            "TokenResponse",
            lambda w, t: t.token_type == "Bearer" and t.expires_in == 3600 and t.access_token and t.refresh_token,
        ),
        refused("nobody", 400, lambda w: dict(username=w.user.name, password="mine-mine-mine"), "invalid_grant"),
    ),
    "revoke_oauth_token": (
        succeeds("nobody", 200, lambda w: dict(token=w.tokens["refresh_token"], token_type_hint="refresh_token")),
        refused("nobody", 400, nothing, "invalid_request"),
    ),
    "introspect_oauth_token": (
        succeeds(
            "user",
            200,
            lambda w: dict(token=w.tokens["access_token"]),
            "IntrospectionResponse",
            lambda w, token: token.active and token.username == w.user.name,
        ),
        refused("nobody", 401, lambda w: dict(token="none"), "Unauthorized"),
    ),
    "list_sessions": (
        succeeds(
            "token",
            200,
            nothing,
            "SessionList",
            lambda w, sessions: [str(session.id) for session in sessions.items if session.current] == [w.session],
        ),
        STRANGER,
    ),
    "delete_session": (
        succeeds("user", 204, lambda w: dict(session_id=w.session)),
        refused("user", 404, lambda w: dict(session_id=NOBODY), "not found"),
    ),
    "get_jwks": (succeeds("nobody", 200, nothing, "dict", lambda w, jwks: jwks["keys"][0]["kid"]), None),
    "get_authorization_server": (
        succeeds("nobody", 200, nothing, "AuthorizationServer", lambda w, server: server.issuer == w.kedge.url),
        None,
    ),
    # The server about itself
    "ping": (succeeds("nobody", 200, nothing, "str", lambda w, version: version == "v2"), None),
    "ping_bare": (succeeds("nobody", 200, nothing, "str", lambda w, version: version == "v2"), None),
    "health_check": (succeeds("nobody", 200, nothing), None),
    "health": (succeeds("nobody", 200, nothing), None),
    "ready": (succeeds("nobody", 200, nothing), None),
    "version_check": (
        succeeds("nobody", 200, nothing, "ServiceVersion", lambda w, version: version.api.version == "2"),
        None,
    ),
    "version": (
        succeeds("nobody", 200, nothing, "ServiceVersion", lambda w, version: version.api.version == "2"),
        None,
    ),
    "get_status": (succeeds("user", 200, nothing, "StatusResponse", lambda w, status: status.up is True), STRANGER),
    "get_service_detail": (
        succeeds(
            "user",
            200,
            nothing,
            "SystemStatusResponse",
            lambda w, system: names(system.service_states, "service_name") == ["api"],
        ),
        STRANGER,
    ),
    "describe_error_codes": (
        succeeds("user", 200, nothing, "[AnchoreErrorCode]", lambda w, codes: "not_authorized" in names(codes)),
        STRANGER,
    ),
    "set_new_log_level": (
        succeeds(
            "admin",
            200,
            lambda w: dict(body=dict(service_name="all", logging_level="info")),
            "[LoggingLevel]",
            lambda w, levels: names(levels, "logging_level") == ["info"],
        ),
        refused(
            "user",
            403,
            lambda w: dict(body=dict(service_name="all", logging_level="trace")),
            "action=updateLoggingLevel",
        ),
    ),
    "get_resource_limits": (
        succeeds(
            "admin",
            200,
            nothing,
            "SystemResourceLimitsList",
            lambda w, limits: "account_inventory" in names(limits.items),
        ),
        refused("user", 403, nothing, "action=getResourceLimits"),
    ),
    "list_services": (
        succeeds(
            "reader", 200, nothing, "[Service]", lambda w, services: names(services, "service_name") == ["api"]
        ),
        refused("user", 403, nothing, "action=listServices"),
    ),
    "get_openapi_json": (
        succeeds("nobody", 200, nothing, "dict", lambda w, document: document["info"]["title"] == "Kedge"),
        None,
    ),
    "get_openapi_yaml": (succeeds("nobody", 200, nothing, "str", lambda w, document: "title: Kedge" in document), None),
}
