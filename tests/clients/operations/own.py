"""What callers ask and change about themselves."""

from operations.call import COMMON_PASSWORD, STRANGER, expiry, names, nothing, password, refused, succeeds

OPERATIONS = {
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
        refused("user", 400, lambda w: dict(body=password(COMMON_PASSWORD)), "too common"),
    ),
}
