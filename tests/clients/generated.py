"""Clients that OpenAPI Generator writes from a document, and a way to call both alike.

A generated client is kept outside of the repository, in a directory named after what it was made from, until one is
made from something else.
"""

import base64
import hashlib
import importlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
import typing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pydantic

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kedge-generated-clients"


def generate(package, document):
    """Imports the client made from a document, making it where that was not done before."""
    text = json.dumps(document, sort_keys=True)
    made_from = f"{version('openapi-generator-cli')}\n{package}\n{text}"
    directory = CACHE / package / hashlib.sha256(made_from.encode()).hexdigest()
    if not directory.exists():
        shutil.rmtree(CACHE / package, ignore_errors=True)
        directory.parent.mkdir(parents=True)
        with tempfile.TemporaryDirectory(dir=directory.parent) as work:
            (Path(work) / "document.json").write_text(text)
            generator = Path(sys.executable).parent / "openapi-generator-cli"
            made = subprocess.run(
                [generator, "generate", "-g", "python", "-i", "document.json", "-o", "client"]
                + ["--package-name", package, "--additional-properties", "generateSourceCodeOnly=true"],
                cwd=work,
                capture_output=True,
                text=True,
            )
            assert made.returncode == 0, f"no client can be generated:\n{made.stdout}\n{made.stderr}"
            (Path(work) / "client").rename(directory)
    sys.path.insert(0, str(directory))
    return importlib.import_module(package)


def without_required_alternatives(schema):
    """The document without each `oneOf` or `anyOf` that lists nothing but `required`.

    The contract has three: that a role member has one of two names for its account, and that a changed API key has one
    of three properties. From a schema with one of them the generator makes a model without any property, which reads
    nothing. What they ask for is the server's to check, and the tests of the server do.
    """
    if isinstance(schema, list):
        return [without_required_alternatives(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: without_required_alternatives(part)
        for name, part in schema.items()
        if not (name in ("oneOf", "anyOf") and all(set(branch) == {"required"} for branch in part))
    }


@dataclass(frozen=True)
class Documented:
    """An operation as the document has it."""

    path: str
    responses: dict

    def refusals(self):
        """The statuses below 500 with which it may refuse."""
        return {int(status) for status in self.responses if "400" <= status < "500"}

    def is_read_by_clients(self):
        """Whether a generated client reads its answer: a body that is neither JSON nor text it only hands over."""
        answers = [answer for status, answer in self.responses.items() if status < "300"]
        kinds = [kind for answer in answers for kind in answer.get("content", {})]
        return kinds in ([], ["application/json"]) or kinds[0].startswith("text/")

    def schema(self, status):
        """The schema of its JSON answer with this status, by name where it has one; None where there is no body."""
        content = self.responses.get(str(status), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return schema and (schema.get("$ref", "").rpartition("/")[2] or schema)


class Client:
    """A generated client, and the document it was made from."""

    def __init__(self, package, document, base_url):
        self.package = generate(package, document)
        self.base_url = base_url
        self.declares_security = "securitySchemes" in document["components"]
        self.operations = {
            operation["operationId"]: Documented(path, operation["responses"])
            for path, methods in document["paths"].items()
            for operation in methods.values()
            if "operationId" in operation
        }

    def call(self, operation, credentials, body=None, **arguments):
        """Calls an operation by its id: in which class it is differs with the tags."""
        with self.package.ApiClient(self.configuration(credentials)) as api:
            if not self.declares_security:
                self.sign_in_by_header(api, credentials)
            is_read = self.operations[operation].is_read_by_clients()
            way = "with_http_info" if is_read else "without_preload_content"
            method = next(
                getattr(group, f"{operation}_{way}")
                for name, group in vars(self.package).items()
                if name.endswith("Api") and hasattr(group, operation)
            )
            if body is not None:
                parameter, model = body_parameter(method)
                made = [model.from_dict(fitting(model, one)) for one in (body if isinstance(body, list) else [body])]
                arguments[parameter] = made if isinstance(body, list) else made[0]
            group = getattr(self.package, method.__qualname__.partition(".")[0])
            answer = getattr(group(api), method.__name__)(**arguments)
            return answer if is_read else self.package.ApiResponse(
                status_code=answer.status, data=answer.data.decode(), headers=answer.headers, raw_data=answer.data
            )

    def configuration(self, credentials):
        settings = {}
        if self.declares_security and isinstance(credentials, tuple):
            settings = dict(username=credentials[0], password=credentials[1])
        elif self.declares_security and credentials:
            settings = dict(access_token=credentials)
        return self.package.Configuration(host=self.base_url, **settings)

    @staticmethod
    def sign_in_by_header(api, credentials):
        """The way where the document declares no security scheme: the generated configuration then sends nothing."""
        if isinstance(credentials, tuple):
            basic = base64.b64encode(":".join(credentials).encode()).decode()
            api.set_default_header("Authorization", f"Basic {basic}")
        elif credentials:
            api.set_default_header("Authorization", f"Bearer {credentials}")


def fitting(model, body):
    """The body with a moment as the model has it: the contract's is a datetime, that of our document a text."""
    times = {name for name, field in model.model_fields.items() if "datetime" in repr(field.annotation)}
    return {
        name: value.isoformat() if isinstance(value, datetime) and name not in times else value
        for name, value in body.items()
    }


def body_parameter(method):
    """The name and the model of the parameter that is the body: how they are called differs with the document."""
    for name, parameter in inspect.signature(method).parameters.items():
        for kind in (parameter.annotation, *typing.get_args(parameter.annotation)):
            if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
                return name, kind
    raise LookupError(f"{method.__qualname__} takes no body")
