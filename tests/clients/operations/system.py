"""The server about itself."""

from operations.call import STRANGER, names, nothing, refused, succeeds

OPERATIONS = {
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
