"""Signs in at Kedge by SAML: goes the way of a browser, without one, and prints the token and whom it signs in.

    python tests/saml/sign_in.py KEDGE_URL IDP_NAME

It stops at the first page of the identity provider, and sends the form there as it is: right for one that asks for no
password, such as idp.py. It needs `requests` alone.
"""

import argparse
import json
import sys
from html.parser import HTMLParser

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry


class Form(HTMLParser):
    """The first form of a page: where it goes, and what is in it."""

    def __init__(self, page):
        super().__init__()
        self.action = None
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes["action"]
        elif tag == "input" and "name" in attributes:
            self.fields[attributes["name"]] = attributes.get("value") or ""


class Refused(Exception):
    def __init__(self, answer):
        super().__init__(f"{answer.url.partition('?')[0]} answers {answer.status_code}: {answer.text}")
        self.answer = answer


def taken(answer):
    if not answer.ok:
        raise Refused(answer)
    return answer


def login(kedge, name):
    """Where Kedge sends whoever wants to sign in by this identity provider, with the request in the URL."""
    return taken(requests.get(f"{kedge}/v2/rbac-manager/saml/login/{name}", timeout=30)).json()["token"]


def form_at(url):
    """The form with the response that the identity provider would have a browser post to Kedge."""
    with requests.Session() as browser:
        # As browsers do: it asks again where the connection is reset before there is an answer.
        browser.mount("http", HTTPAdapter(max_retries=Retry(3, backoff_factor=0.2)))
        return Form(taken(browser.get(url, timeout=30)).text)


def send(form, **arguments):
    return requests.post(form.action, form.fields, timeout=30, **arguments)


def sign_in(kedge, name):
    return taken(send(form_at(login(kedge, name)))).json()["token"]


def user(kedge, token):
    headers = {"Authorization": f"Bearer {token}"}
    return taken(requests.get(f"{kedge}/v2/user", headers=headers, timeout=30)).json()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kedge", metavar="KEDGE_URL", help="such as http://localhost:8228")
    parser.add_argument("name", metavar="IDP_NAME", help="the identity provider's name at Kedge")
    options = parser.parse_args()
    try:
        token = sign_in(options.kedge.rstrip("/"), options.name)
        print(token)
        print(json.dumps(user(options.kedge.rstrip("/"), token), indent=2))
    except (Refused, requests.ConnectionError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
