"""An identity provider as Kedge knows it, and the ways to sign in by it."""

import base64

import requests
from sign_in import Form, form_at, login, send, user
from world import fresh

SAML = "/v2/rbac-manager/saml"
ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"
# All that is told about a response that does not count; why it does not is in the log.
NOT_ACCEPTED = 403, "Not authorized. The response of the identity provider was not accepted."


class Registration:
    """Under a name that nothing else has; Kedge is another service provider to each."""

    def __init__(self, kedge):
        self.kedge = kedge
        self.name = fresh("idp")
        self.path = f"{SAML}/idps/{self.name}"
        self.sp_metadata_url = f"{kedge.url}{SAML}/metadata/{self.name}"
        self.sp_entity_id = self.sp_metadata_url
        self.acs_url = f"{kedge.url}{SAML}/sso/{self.name}"
        self.token_url = f"{kedge.url}/v2/oauth/token"

    def make(self, **settings):
        body = {
            "name": self.name,
            "enabled": True,
            "acs_url": self.acs_url,
            "sp_entity_id": self.sp_entity_id,
            **settings,
        }
        return self.kedge.ask("POST", f"{SAML}/idps", json={name: it for name, it in body.items() if it is not None})

    def map_groups(self, *groups):
        self.kedge.ask("POST", f"{self.path}/user-group-mappings", json={"user_group_uuids": groups})

    # By the assertion consumer service

    def request_url(self):
        return login(self.kedge.url, self.name)

    def form(self):
        """What the IdP answers to a request of Kedge's."""
        return form_at(self.request_url())

    def sign_in(self):
        return send(self.form())

    def post(self, response):
        """Shows Kedge a response that nobody asked for."""
        form = Form("")
        form.action = self.acs_url
        form.fields = {"SAMLResponse": base64.b64encode(response.encode()).decode()}
        return send(form)

    # By the token endpoint

    def grant(self, assertion):
        assertion = base64.urlsafe_b64encode(assertion.encode()).rstrip(b"=").decode()
        form = {"grant_type": ASSERTION_GRANT, "assertion": assertion}
        return requests.post(self.token_url, form, timeout=30)

    # What came of it

    def user(self, answer):
        """Whom the answer of either signs in; it must be a success."""
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return user(self.kedge.url, body["access_token"] if "access_token" in body else body["token"])


def is_accepted(answer):
    return answer.status_code == 200


def is_refused(answer):
    """Whether the response does not count."""
    return (answer.status_code, answer.json().get("message")) == NOT_ACCEPTED


def is_unwelcome(answer):
    """Whether the response counts, but means nobody who may sign in."""
    return answer.status_code == 403 and answer.json()["message"] != NOT_ACCEPTED[1]


def roles(user):
    """The roles of a user, as (role, account)."""
    return sorted((role["role_name"], role["domain_name"]) for role in user["unified_roles"])
