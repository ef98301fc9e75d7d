"""OAuth2 tokens, sessions, and where to find what."""

from operations.call import NOBODY, STRANGER, nothing, password, refused, succeeds

OPERATIONS = {
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
}
