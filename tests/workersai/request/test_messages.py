"""Messages, tools and formats into the form one model wants."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.workersai.talking import GLM, GRANITE, LLAMA, SEA_LION, UNKNOWN, described
from workersai import ConfigurationError, Endpoint, get_profile
from workersai._request.messages import to_wire_messages
from workersai._request.response_format import to_wire_response_format
from workersai._request.tools import to_wire_tool_choice, to_wire_tools, tool_names

TEXT_ONLY = [GRANITE, SEA_LION, "@cf/qwen/qwen2.5-coder-32b-instruct"]
SCOUT = "@cf/meta/llama-4-scout-17b-16e-instruct"
TEXT = {"type": "text", "text": "Look:"}
MORE = {"type": "text", "text": "there"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "AAAA"}}


def message(model: str, given: Any) -> dict[str, Any]:
    """One message as *model* wants it; what the caller passed stays as it was."""
    before = copy.deepcopy(given)
    (wire,) = to_wire_messages([given], get_profile(model))
    assert given == before
    return wire


# ------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("model", TEXT_ONLY)
def test_text_parts_are_joined_where_content_is_a_string(model: str) -> None:
    """A list of text parts answers 5006 on models whose schema says string."""
    wire = message(model, {"role": "user", "content": [TEXT, MORE]})
    assert wire == {"role": "user", "content": "Look:\nthere"}


@pytest.mark.parametrize("model", [GLM, LLAMA, UNKNOWN])
def test_text_parts_stay_where_lists_are_taken(model: str) -> None:
    """Other models get the list as it is."""
    wire = message(model, {"role": "user", "content": [TEXT, MORE]})
    assert wire == {"role": "user", "content": [TEXT, MORE]}


def test_a_part_is_sent_without_what_is_not_its_text() -> None:
    """Fields of other providers on a text part do not travel."""
    part = {**TEXT, "cache_control": {"type": "ephemeral"}}
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [TEXT]


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE], ids=["image", "audio", "file"])
@pytest.mark.parametrize("model", TEXT_ONLY)
def test_what_is_no_text_is_refused_by_a_text_only_model(model: str, part: dict[str, Any]) -> None:
    """An image for a model that takes text raises before any request, naming the model."""
    with pytest.raises(ConfigurationError) as caught:
        message(model, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"
    assert part["type"] in str(caught.value)
    assert model in str(caught.value)
    assert "messages[0]" in str(caught.value)


@pytest.mark.parametrize("part", [IMAGE, AUDIO, FILE], ids=["image", "audio", "file"])
@pytest.mark.parametrize("model", [GLM, UNKNOWN])
def test_parts_are_sent_where_nothing_forbids_them(model: str, part: dict[str, Any]) -> None:
    """The schema of glm lists images, audio and files; of an unknown model nothing is known."""
    wire = message(model, {"role": "user", "content": [TEXT, part]})
    assert wire["content"] == [TEXT, part]


def test_an_address_is_refused_where_images_come_as_data() -> None:
    """A model whose page takes images as data URIs alone is not sent an address."""
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    with pytest.raises(ConfigurationError, match="data URIs alone") as caught:
        message(SCOUT, {"role": "user", "content": [TEXT, part]})
    assert caught.value.parameter == "messages"
    assert SCOUT in str(caught.value)
    assert message(SCOUT, {"role": "user", "content": [IMAGE]})["content"] == [IMAGE]
    assert message(GLM, {"role": "user", "content": [part]})["content"] == [part]


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"c":"Zürich"}'}}


@pytest.mark.parametrize("content", [None, "", []], ids=repr)
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_content_stands_beside_tool_calls(model: str, content: Any) -> None:
    """Missing or null content beside calls answers 5006; it is sent as the empty string."""
    given = {"role": "assistant", "content": content, "tool_calls": [CALL]}
    assert message(model, given) == {"role": "assistant", "content": "", "tool_calls": [CALL]}
    del given["content"]
    assert message(model, given) == {"role": "assistant", "content": "", "tool_calls": [CALL]}


def test_arguments_are_json_text() -> None:
    """Arguments given as an object go out as JSON text, unicode unescaped."""
    call = {"id": "a", "function": {"name": "f", "arguments": {"c": "Zürich"}}}
    wire = message(GRANITE, {"role": "assistant", "content": "", "tool_calls": [call]})
    assert wire["tool_calls"] == [
        {
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": '{"c": "Zürich"}'},
        }
    ]


def test_no_empty_list_of_calls_is_sent() -> None:
    """OpenAI-shaped models refuse an empty list; no calls is no field."""
    wire = message(GLM, {"role": "assistant", "content": "a", "tool_calls": []})
    assert wire == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(("model", "kept"), [(GLM, True), (GRANITE, False), (SEA_LION, False)])
def test_reasoning_goes_back_to_models_that_reason(model: str, kept: bool) -> None:
    """Reasoning is replayed under its own name, never inside the content."""
    wire = message(model, {"role": "assistant", "content": "Yes", "reasoning": "Hm."})
    assert wire["content"] == "Yes"
    assert wire.get("reasoning") == ("Hm." if kept else None)


@pytest.mark.parametrize(
    ("model", "role"), [(GLM, "developer"), (GRANITE, "system"), (UNKNOWN, "system")]
)
def test_the_role_developer(model: str, role: str) -> None:
    """Only models with the OpenAI schema list it; others know it as `system`."""
    assert message(model, {"role": "developer", "content": "Be brief."})["role"] == role


def test_fields_that_are_none_are_not_sent() -> None:
    """A name that is None is no name."""
    given = {"role": "user", "content": "Hi", "name": None}
    assert message(GLM, given) == {"role": "user", "content": "Hi"}


def test_a_tool_result_keeps_its_id_and_name() -> None:
    """What the model needs to match the result with its call is sent."""
    given = {"role": "tool", "tool_call_id": "a", "name": "f", "content": [TEXT]}
    assert message(GRANITE, given) == {**given, "content": "Look:"}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        ["hello"],
        [{"content": "no role"}],
        [{"role": 5, "content": "x"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": ["text"]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "assistant", "content": "", "tool_calls": ["f"]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f"}}]}],
    ],
    ids=str,
)
def test_a_message_that_is_none_is_refused(messages: Any) -> None:
    """What no model could read raises as an argument, not as a crash."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_messages(messages, get_profile(GRANITE))
    assert caught.value.parameter == "messages"


# ---------------------------------------------------------------------------------- tools

SCHEMA = {"type": "object", "properties": {"a": described("integer")}, "required": ["a"]}
NESTED = {"type": "function", "function": {"name": "f", "description": "F.", "parameters": SCHEMA}}


@pytest.mark.parametrize(
    "given",
    [
        NESTED,
        {"name": "f", "description": "F.", "parameters": SCHEMA},
        {"type": "function", "name": "f", "description": "F.", "parameters": SCHEMA},
        {"name": "f", "description": "F.", "input_schema": SCHEMA},
        {"type": "custom", "name": "f", "description": "F.", "input_schema": SCHEMA},
    ],
    ids=["nested", "flat", "flat with type", "Anthropic", "Anthropic with type"],
)
@pytest.mark.parametrize("model", [GRANITE, GLM, UNKNOWN])
def test_tools_are_always_nested(model: str, given: dict[str, Any]) -> None:
    """Every form of a definition becomes the only one that all models take."""
    before = copy.deepcopy(given)
    assert to_wire_tools([given], get_profile(model)) == [NESTED]
    assert given == before


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}], ids=repr)
def test_properties_are_always_there(parameters: Any) -> None:
    """A tool without arguments still needs `properties`."""
    (wire,) = to_wire_tools([{"name": "f", "parameters": parameters}], get_profile(GLM))
    assert wire == {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
    }


def test_strict_is_sent() -> None:
    """The OpenAI schema documents it."""
    (wire,) = to_wire_tools([{"name": "f", "strict": True}], get_profile(GLM))
    assert wire["function"]["strict"] is True


def test_custom_tools_are_sent_as_they_are() -> None:
    """The page of glm lists them; they are no functions."""
    custom = {"type": "custom", "custom": {"name": "f"}}
    assert to_wire_tools([custom], get_profile(GLM)) == [custom]


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": ["string", "null"]}, "string"),
        ({"anyOf": [{"type": "null"}, {"type": "number"}]}, "number"),
        ({"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]}, "object"),
        ({"$ref": "#/$defs/Inner"}, "object"),
        ({"$ref": "#/$defs/Loop"}, "string"),
        ({"$ref": "#/$defs/Missing"}, "string"),
        ({"allOf": [{"$ref": "#/$defs/Inner"}]}, "object"),
        ({"enum": ["a", "b"]}, "string"),
        ({"enum": [1, 2]}, "integer"),
        ({"const": True}, "boolean"),
        ({"properties": {}}, "object"),
        ({}, "string"),
        (True, "string"),
    ],
    ids=str,
)
def test_a_property_has_type_and_description(spec: Any, kind: str) -> None:
    """The pages of granite and sea-lion require both on every property."""
    definitions = {"Inner": {"type": "object"}, "Loop": {"$ref": "#/$defs/Loop"}}
    schema = {"properties": {"a": spec}, "$defs": definitions}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    found = wire["function"]["parameters"]["properties"]["a"]
    assert (found["type"], found["description"]) == (kind, "")
    assert wire["function"]["description"] == ""
    (other,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GLM))
    assert other["function"]["parameters"]["properties"]["a"] == spec


@pytest.mark.parametrize(
    "given",
    [{}, {"type": "function"}, {"function": {}}, {"name": 5}, "f", {"function": "f"}],
    ids=str,
)
def test_a_tool_needs_a_name(given: Any) -> None:
    """A definition of no known form raises as an argument."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_tools([given], get_profile(GLM))
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize("schema", [[1], "x", {"properties": ["x"]}])
@pytest.mark.parametrize("key", ["parameters", "input_schema"])
def test_parameters_are_a_schema_of_an_object(key: str, schema: Any) -> None:
    """A server of tools may send anything; it raises as an argument."""
    with pytest.raises(ConfigurationError, match="no JSON schema") as caught:
        to_wire_tools([{"name": "f", key: schema}], get_profile(GRANITE))
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize(
    "odd", [{"anyOf": None}, {"anyOf": [1]}, {"enum": 5}, {"$ref": "#/$defs/none"}], ids=str
)
@pytest.mark.parametrize("definitions", [None, 5])
def test_odd_properties_get_a_type_all_the_same(odd: Any, definitions: Any) -> None:
    """What is no JSON Schema inside of a property is the server's to judge."""
    schema = {"properties": {"x": odd}, "$defs": definitions}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    assert wire["function"]["parameters"]["properties"]["x"]["type"] == "string"


def test_the_names_of_tools() -> None:
    """They are what a tool choice can name."""
    tools: list[dict[str, Any]] = [NESTED, {"type": "custom", "custom": {"name": "g"}}]
    tools.append({"type": "custom", "function": 5})
    assert tool_names(tools) == {"f"}


NAMED = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (None, None),
        (False, None),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        (True, "required"),
        ("f", NAMED),
        (NAMED, NAMED),
        ({"type": "allowed_tools"}, {"type": "allowed_tools"}),
    ],
    ids=str,
)
def test_a_tool_choice(choice: Any, wire: Any) -> None:
    """`any` answers 8001 and is `required`; a name is the named form; a dict is as it is."""
    assert to_wire_tool_choice(choice, frozenset({"f"})) == wire


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_choice_without_tools_that_asks_for_nothing(choice: str) -> None:
    """It is not sent: there is nothing to choose."""
    assert to_wire_tool_choice(choice, frozenset()) is None


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("g", {"f"}),
        (["f"], {"f"}),
        ("g", set()),
        ("required", set()),
        ("any", set()),
        (True, set()),
    ],
    ids=str,
)
def test_a_choice_that_cannot_be_met(choice: Any, names: set[str]) -> None:
    """A call that no tool of the request can answer raises before any request."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_tool_choice(choice, frozenset(names))
    assert caught.value.parameter == "tool_choice"
    assert repr(choice) in str(caught.value)


# -------------------------------------------------------------------------------- formats

BARE = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TITLED = {"title": "My Answer!", "description": "D.", **BARE}
ENVELOPE = {"name": "answer", "schema": BARE, "strict": True}


@pytest.mark.parametrize(
    ("model", "endpoint", "given", "wire"),
    [
        (GRANITE, "run", BARE, BARE),
        (SEA_LION, "run", BARE, BARE),
        (LLAMA, "run", BARE, BARE),
        (UNKNOWN, "run", BARE, BARE),
        (GRANITE, "run", ENVELOPE, {"title": "answer", **BARE}),
        (GRANITE, "openai", BARE, {"name": "response", "schema": BARE}),
        (GRANITE, "openai", ENVELOPE, ENVELOPE),
        (GLM, "run", BARE, {"name": "response", "schema": BARE}),
        (GLM, "run", TITLED, {"name": "My_Answer_", "schema": TITLED}),
        (GLM, "run", ENVELOPE, ENVELOPE),
        (GLM, "run", {"schema": BARE}, {"name": "response", "schema": BARE}),
        (GLM, "openai", BARE, {"name": "response", "schema": BARE}),
    ],
)
def test_a_json_schema_is_bare_or_named(
    model: str, endpoint: Endpoint, given: Any, wire: Any
) -> None:
    """Bare natively; in the named envelope where the page requires `name`, and on `/ai/v1`."""
    before = copy.deepcopy(given)
    found = to_wire_response_format(
        {"type": "json_schema", "json_schema": given}, get_profile(model), endpoint
    )
    assert found == {"type": "json_schema", "json_schema": wire}
    assert given == before


def test_a_schema_with_a_property_named_schema_is_no_envelope() -> None:
    """Only what is no JSON schema itself is taken for an envelope."""
    tricky = {"type": "object", "properties": {"schema": {"type": "string"}}, "schema": {}}
    found = to_wire_response_format(
        {"type": "json_schema", "json_schema": tricky}, get_profile(GLM), "run"
    )
    assert found is not None
    assert found["json_schema"] == {"name": "response", "schema": tricky}


@pytest.mark.parametrize("given", [None, {"type": "json_object"}, {"type": "text"}], ids=str)
@pytest.mark.parametrize("endpoint", ["run", "openai"])
def test_other_formats_are_sent_as_they_are(given: Any, endpoint: Endpoint) -> None:
    """Only schemas differ between models."""
    assert to_wire_response_format(given, get_profile(GLM), endpoint) == given


@pytest.mark.parametrize("given", [None, "schema", []], ids=repr)
def test_a_schema_format_needs_a_schema(given: Any) -> None:
    """Without one it raises before any request."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_response_format(
            {"type": "json_schema", "json_schema": given}, get_profile(GLM), "run"
        )
    assert caught.value.parameter == "response_format"


@pytest.mark.parametrize("given", ["json_object", 5, ["json_object"]], ids=repr)
def test_a_format_is_a_dict(given: Any) -> None:
    """Its name alone, as other libraries take it, raises before any request."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_response_format(given, get_profile(GLM), "run")
    assert caught.value.parameter == "response_format"
