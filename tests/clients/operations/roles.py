"""Roles and user groups."""

from operations.call import STRANGER, in_group, in_missing_group, member, names, nothing, refused, succeeds

OPERATIONS = {
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
}
