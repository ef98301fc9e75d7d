"""Single sign-on."""

from idp_by_hand import IdP
from operations.call import NOBODY, names, nothing, refused, succeeds


def idp(w, **more):
    return dict(name=w.idp.name, **more)


def missing_idp(w, **more):
    return dict(name=w.free, **more)


def new_idp(w):
    return IdP(w.free).configuration(default_account=w.account)


def disabled(w):
    """The identity provider, of which only administrators are told."""
    body = dict(w.idp.configuration(default_account=w.account), enabled=False)
    return w.kedge.ask("PUT", f"/v2/rbac-manager/saml/idps/{w.idp.name}", json=body)["name"]


OPERATIONS = {
    "list_idps": (
        succeeds("admin", 200, lambda w: disabled(w) and {}, "[str]", lambda w, idps: w.idp.name in idps),
        None,
    ),
    "add_idp": (
        succeeds(
            "admin",
            200,
            lambda w: dict(body=new_idp(w)),
            "RbacManagerSamlConfiguration",
            lambda w, idp: (idp.name, idp.default_account, idp.require_existing_users) == (w.free, w.account, False),
        ),
        refused("admin", 409, lambda w: dict(body=w.idp.configuration(default_account=w.account)), "already exists"),
    ),
    "get_idp": (
        succeeds(
            "admin",
            200,
            lambda w: w.mapped_group and idp(w),
            "RbacManagerSamlConfigurationGet",
            lambda w, idp: (idp.name, idp.user_groups[0].user_group) == (w.idp.name, w.group_name),
        ),
        refused("admin", 404, missing_idp, "not found"),
    ),
    "update_idp": (
        succeeds(
            "admin",
            200,
            lambda w: idp(w, body=dict(w.idp.configuration(default_account=w.account), enabled=False)),
            "RbacManagerSamlConfiguration",
            lambda w, idp: idp.enabled is False,
        ),
        refused("admin", 404, lambda w: missing_idp(w, body=new_idp(w)), "not found"),
    ),
    "delete_idp": (succeeds("admin", 204, idp), refused("admin", 404, missing_idp, "not found")),
    "get_idp_user_groups": (
        succeeds(
            "admin",
            200,
            lambda w: w.mapped_group and idp(w),
            "[RbacManagerIdpUserGroup]",
            lambda w, groups: names(groups, "user_group_uuid") == [w.group],
        ),
        refused("admin", 404, missing_idp, "not found"),
    ),
    "add_idp_user_groups": (
        succeeds(
            "admin",
            200,
            lambda w: idp(w, body=dict(user_group_uuids=[w.group])),
            "[RbacManagerIdpUserGroup]",
            lambda w, groups: names(groups, "user_group_name") == [w.group_name],
        ),
        refused("admin", 404, lambda w: idp(w, body=dict(user_group_uuids=[NOBODY])), "not found"),
    ),
    "delete_idp_user_group": (
        succeeds("admin", 204, lambda w: idp(w, user_group=[w.mapped_group])),
        refused("admin", 404, lambda w: idp(w, user_group=[NOBODY]), "not found"),
    ),
    "saml_login": (
        succeeds(
            "nobody",
            200,
            lambda w: dict(idp_name=w.idp.name),
            "RbacManagerTokenResponse",
            lambda w, login: login.token.startswith(f"https://{w.idp.name}.test/sso?SAMLRequest="),
        ),
        refused("nobody", 404, lambda w: dict(idp_name=w.free), "not found"),
    ),
    "saml_sso": (
        succeeds(
            "nobody",
            200,
            lambda w: dict(idp_name=w.idp.name, saml_response=w.idp.response(w.free)),
            "RbacManagerTokenResponse",
            lambda w, sso: w.kedge.ask("GET", f"/v2/accounts/{w.account}/users/{w.free}")["type"] == "saml",
        ),
        refused("nobody", 404, lambda w: dict(idp_name=w.free), "not found"),
    ),
}
