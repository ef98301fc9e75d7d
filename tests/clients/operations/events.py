"""What happened, what is configured, and who is calling."""

from operations.call import STRANGER, names, nothing, refused, succeeds

AGE = "user_authentication.max_api_key_age_days"


def key(w):
    return dict(config_key=AGE)


def change(w):
    return dict(key=AGE, value=365)


def event(w):
    """Of an event that is there."""
    events = w.kedge.ask("GET", "/v2/events?limit=1")
    return dict(event_id=events["results"][0]["event_id"])


OPERATIONS = {
    "list_events": (
        succeeds("admin", 200, nothing, "EventsList", lambda w, events: events.item_count == len(events.results) > 0),
        refused("user", 403, nothing, "action=listEvents"),
    ),
    "get_event": (
        succeeds("admin", 200, event, "EventResponse", lambda w, found: found.event.source.service_name == "identity"),
        refused("user", 403, event, "action=getEvent"),
    ),
    "list_event_types": (
        succeeds(
            "admin", 200, nothing, "[EventCategory]", lambda w, types: names(types) == ["user", "system"]
        ),
        refused("user", 403, nothing, "action=listEvents"),
    ),
    "list_configurations": (
        succeeds(
            "admin",
            200,
            nothing,
            "SystemConfigurationList",
            lambda w, configurations: AGE in names(configurations.items, "key"),
        ),
        refused("user", 403, nothing, "action=getSystemConfig"),
    ),
    "get_configuration": (
        succeeds("admin", 200, key, "SystemConfiguration", lambda w, found: found.key == AGE and found.is_editable),
        refused("user", 403, key, "action=getSystemConfig"),
    ),
    "get_configuration_schema": (
        succeeds("admin", 200, nothing, "dict", lambda w, schema: AGE in schema["properties"]),
        refused("user", 403, nothing, "action=getSystemConfig"),
    ),
    "put_configuration": (
        succeeds(
            "admin",
            200,
            lambda w: dict(key(w), body=change(w)),
            "SystemConfiguration",
            lambda w, changed: changed.source == "api",
        ),
        refused("user", 403, lambda w: dict(key(w), body=change(w)), "action=updateSystemConfig"),
    ),
    "patch_configuration": (
        succeeds(
            "admin",
            200,
            lambda w: dict(body=[change(w)]),
            "SystemConfigurationList",
            lambda w, configurations: AGE in names(configurations.items, "key"),
        ),
        refused("user", 403, lambda w: dict(body=[change(w)]), "action=updateSystemConfig"),
    ),
    "delete_configuration": (
        succeeds("admin", 204, key),
        refused("user", 403, key, "action=unsetSystemConfig"),
    ),
    "check_auth": (succeeds("user", 200, nothing), STRANGER),
    "check_auth_by_post": (succeeds("user", 200, nothing), STRANGER),
}
