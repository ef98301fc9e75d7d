"""Keeps the run of .ci/schemathesis signed in, for requests that it makes up may change its own password, and counts
the answers. The server's log cannot be counted instead: the run changes its level, too."""

import atexit
import base64
import json
import os
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import schemathesis

USERNAME = os.environ["RUN_USERNAME"]
PASSWORD_PATHS = {"/v2/user/credentials", f"/v2/accounts/{os.environ['RUN_ACCOUNT']}/users/{USERNAME}/credentials"}

password = os.environ["RUN_PASSWORD"]
answers = Counter()


@atexit.register
def write_counts():
    refused, broken = answers[401], sum(count for status, count in answers.items() if status >= 500)
    with Path(os.environ["RUN_COUNTS"]).open("a") as counts:
        counts.write(f"{answers.total()} {refused} {broken}\n")


@schemathesis.auth(refresh_interval=None)
class CurrentPassword:
    def get(self, case, context):
        login = base64.b64encode(f"{USERNAME}:{password}".encode())
        return f"Basic {login.decode()}"

    def set(self, case, data, context):
        case.headers["Authorization"] = data


@schemathesis.hook
def filter_body(context, body):
    # A parameter of a form without a value counts as left out (RFC 6749, 3.2): no enum can say so.
    return not (isinstance(body, dict) and body.get("token_type_hint") == "")


@schemathesis.hook
def after_call(context, case, response):
    global password
    answers[response.status_code] += 1
    request = response.request
    path = unquote(request.path_url.partition("?")[0])
    if request.method == "POST" and response.status_code == 200 and path in PASSWORD_PATHS:
        password = json.loads(request.body)["value"]
