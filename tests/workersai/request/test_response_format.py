"""Response formats in the form that each model accepts."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.workersai.talking import GLM, GRANITE, LLAMA, SEA_LION, UNKNOWN
from workersai._models import get_profile
from workersai._request.response_format import to_wire_response_format
from workersai.errors import ConfigurationError
from workersai.types import EndpointName

BARE = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TITLED = {"title": "My Answer!", "description": "D.", **BARE}
ENVELOPE = {"name": "answer", "schema": BARE, "strict": True}
LOOSE = {**ENVELOPE, "strict": False}


@pytest.mark.parametrize(
    ("model", "endpoint", "given", "wire"),
    [
        (GRANITE, "run", BARE, BARE),
        (SEA_LION, "run", BARE, BARE),
        (LLAMA, "run", BARE, BARE),
        (UNKNOWN, "run", BARE, BARE),
        (GRANITE, "run", ENVELOPE, {"title": "answer", "strict": True, **BARE}),
        (GRANITE, "run", LOOSE, {"title": "answer", "strict": False, **BARE}),
        (GRANITE, "openai", BARE, {"name": "response", "schema": BARE}),
        (GRANITE, "openai", ENVELOPE, ENVELOPE),
        (GLM, "run", BARE, {"name": "response", "schema": BARE}),
        (GLM, "run", TITLED, {"name": "My_Answer_", "schema": TITLED}),
        (GLM, "run", ENVELOPE, ENVELOPE),
        (GLM, "run", {"schema": BARE}, {"name": "response", "schema": BARE}),
        (GLM, "run", {"schema": TITLED}, {"name": "My_Answer_", "schema": TITLED}),
        (GLM, "run", {"name": "Ünï code", "schema": BARE}, {"name": "Uni_code", "schema": BARE}),
        (GLM, "run", {"name": "n" * 90, "schema": BARE}, {"name": "n" * 64, "schema": BARE}),
        (GLM, "openai", BARE, {"name": "response", "schema": BARE}),
    ],
)
def test_a_json_schema_is_bare_or_named(
    model: str, endpoint: EndpointName, given: Any, wire: Any
) -> None:
    """A schema is bare natively, and named on `/ai/v1` and if the page requires a name."""
    before = copy.deepcopy(given)
    found = to_wire_response_format(
        {"type": "json_schema", "json_schema": given}, get_profile(model), endpoint
    )
    assert found == {"type": "json_schema", "json_schema": wire}
    assert given == before


def test_a_schema_with_a_property_named_schema_is_no_envelope() -> None:
    """A dict is an envelope only if it is not a JSON schema itself."""
    tricky = {"type": "object", "properties": {"schema": {"type": "string"}}, "schema": {}}
    found = to_wire_response_format(
        {"type": "json_schema", "json_schema": tricky}, get_profile(GLM), "run"
    )
    assert found is not None
    assert found["json_schema"] == {"name": "response", "schema": tricky}


@pytest.mark.parametrize("given", [None, {"type": "json_object"}, {"type": "text"}], ids=str)
@pytest.mark.parametrize("endpoint", ["run", "openai"])
def test_other_formats_are_sent_as_they_are(given: Any, endpoint: EndpointName) -> None:
    """The client sends formats without a schema unchanged."""
    assert to_wire_response_format(given, get_profile(GLM), endpoint) == given


@pytest.mark.parametrize("given", [None, "schema", []], ids=repr)
def test_a_schema_format_needs_a_schema(given: Any) -> None:
    """A `json_schema` format without a schema raises before any request."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_response_format(
            {"type": "json_schema", "json_schema": given}, get_profile(GLM), "run"
        )
    assert caught.value.parameter == "response_format"


@pytest.mark.parametrize("given", ["json_object", 5, ["json_object"]], ids=repr)
def test_a_format_is_a_dict(given: Any) -> None:
    """The name of a format as a string raises before any request."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_response_format(given, get_profile(GLM), "run")
    assert caught.value.parameter == "response_format"


def test_the_form_of_the_responses_api() -> None:
    """The client accepts name, schema and strict beside the type, as in OpenAI's Responses API."""
    flat = {"type": "json_schema", **ENVELOPE}
    found = to_wire_response_format(flat, get_profile(GLM), "run")
    assert found == {"type": "json_schema", "json_schema": ENVELOPE}
