"""Accounts, their users, and these users' credentials and API keys."""

from operations.call import (
    COMMON_PASSWORD,
    expiry,
    in_account,
    names,
    nothing,
    of_missing_account,
    of_missing_user,
    of_user,
    password,
    refused,
    succeeds,
)

OPERATIONS = {
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
        refused("admin", 400, lambda w: of_user(w, body=password(COMMON_PASSWORD)), "too common"),
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
}
