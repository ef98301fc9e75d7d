"""A client generated from the contract, and one from Kedge's own document, as users are told to make one.

Both are strict: an answer that lacks a required property, or has one of another type, is an error in the client.
"""

import json

import pydantic
import pytest
import yaml

from generated import Client, without_required_alternatives
from kedge import REPOSITORY
from operations import OPERATIONS
from operations.call import credentials_of

CONTRACT = yaml.safe_load((REPOSITORY.parent / "shared/contract/identity.yaml").read_text())
# Answers in a media type of its own, which the generated code refuses to read: test_metrics.py has a reader of the one,
# and the identity providers of tests/saml read the other.
FOR_OTHER_READERS = {"get_metrics", "saml_metadata"}
# The contract does not say what it takes, so a client of the contract cannot succeed.
TAKES_NOTHING = "saml_sso"


@pytest.fixture(scope="session")
def contract_client(kedge):
    return Client("from_contract", without_required_alternatives(CONTRACT), f"{kedge.url}/v2")


@pytest.fixture(scope="session")
def own_client(kedge):
    return Client("from_own_document", kedge.ask("GET", "/v2/openapi.json"), kedge.url)


def contract_operations():
    return {
        operation["operationId"]: path
        for path, methods in CONTRACT["paths"].items()
        for operation in methods.values()
    }


CALLS = [(name, operation) for operation in OPERATIONS for name in ("contract", "own")]
CALLS = [(name, operation) for name, operation in CALLS if name == "own" or operation in contract_operations()]


@pytest.fixture
def client(request):
    return request.getfixturevalue(f"{request.param}_client")


def test_every_operation_is_in_the_table(own_client, contract_client):
    assert OPERATIONS.keys() == own_client.operations.keys() - FOR_OTHER_READERS
    assert contract_operations().keys() <= OPERATIONS.keys()
    assert contract_operations().keys() <= contract_client.operations.keys()


def test_the_contract_declares_no_way_to_sign_in_and_the_own_document_declares_two(own_client, contract_client):
    assert not contract_client.declares_security
    schemes = own_client.package.Configuration(username="a", password="b", access_token="c").auth_settings()
    assert schemes.keys() == {"basic", "bearer"}


@pytest.mark.parametrize("client", ["contract", "own"], indirect=True)
def test_a_missing_required_property_is_an_error_in_the_client(client):
    with pytest.raises(pydantic.ValidationError):
        client.package.Account.from_dict({"state": "enabled"})
    with pytest.raises(pydantic.ValidationError):
        client.package.Account.from_dict({"name": 7})


SUCCESSES = [call for call in CALLS if call != ("contract", TAKES_NOTHING)]


@pytest.mark.parametrize(("client", "operation"), SUCCESSES, indirect=["client"])
def test_succeeds(client, operation, world):
    call, _ = OPERATIONS[operation]
    answer = client.call(operation, credentials_of(call.caller, world), **call.arguments(world))
    assert answer.status_code == call.status
    assert str(call.status) in client.operations[operation].responses
    assert kind_of(answer.data) == call.answer or (answer.data == [] and call.answer.startswith("["))
    assert call.answer or answer.raw_data == b""
    assert call.holds(world, answer.data), answer.data


@pytest.mark.parametrize(("client", "operation"), CALLS, indirect=["client"])
def test_is_refused(client, operation, world):
    _, call = OPERATIONS[operation]
    documented = client.operations[operation]
    if call is None:
        assert documented.refusals() == set()
        return
    with pytest.raises(client.package.ApiException) as refusal:
        client.call(operation, credentials_of(call.caller, world), **call.arguments(world))
    error = refusal.value
    # A body that does not fit its model is in the context: the generated code raises this error over that one.
    assert error.__context__ is None, error.__context__
    assert error.status == call.status
    assert call.says in error.body
    if call.status in documented.refusals():
        schema = documented.schema(call.status)
        assert kind_of(error.data) == schema or (isinstance(schema, dict) and error.data is not None)
    else:
        # What the contract has no word for: that nobody is signed in, where it documents only 500.
        assert client.package.__name__ == "from_contract"
        assert (call.status, documented.refusals()) == (401, set())
    if "/oauth/" not in documented.path:
        body = json.loads(error.body)
        assert body["code"] == body["httpcode"] == call.status
        assert body["error_type"]
        assert body["detail"] == {}


def test_a_token_that_is_not_active_fits_the_model(own_client, world):
    answer = own_client.call("introspect_oauth_token", world.user.basic, token="none")
    assert answer.data.active is False


def kind_of(data):
    """The name of a model, "[Model]" for a list of it, None for nothing."""
    if isinstance(data, list):
        return f"[{'|'.join(sorted({type(item).__name__ for item in data}))}]"
    return None if data is None else type(data).__name__
