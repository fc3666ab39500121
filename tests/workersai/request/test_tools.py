"""Tools and the tool choice in their wire form."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.workersai.talking import GLM, GRANITE, UNKNOWN, described
from workersai._models import get_profile
from workersai._request.tools import to_wire_tool_choice, to_wire_tools, tool_names
from workersai.errors import ConfigurationError

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
    """Every form of a definition becomes the nested form, which all models accept."""
    before = copy.deepcopy(given)
    assert to_wire_tools([given], get_profile(model)) == [NESTED]
    assert given == before


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}], ids=repr)
def test_properties_are_always_there(parameters: Any) -> None:
    """A tool without arguments is sent with empty `properties`."""
    (wire,) = to_wire_tools([{"name": "f", "parameters": parameters}], get_profile(GLM))
    assert wire == {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
    }


def test_strict_is_sent() -> None:
    """The client sends `strict`, which the OpenAI schema documents."""
    (wire,) = to_wire_tools([{"name": "f", "strict": True}], get_profile(GLM))
    assert wire["function"]["strict"] is True


def test_custom_tools_are_sent_as_they_are() -> None:
    """Custom tools, which glm's page lists, are sent unchanged."""
    custom = {"type": "custom", "custom": {"name": "f"}}
    assert to_wire_tools([custom], get_profile(GLM)) == [custom]


DEFINITIONS = {
    "Inner": {"type": "object"},
    "CallStyle": {"enum": ["red", "blue"]},
    "Loop": {"$ref": "#/$defs/Loop"},
    "Tree": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Tree"}]},
}


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"type": "integer"}, "integer"),
        ({"type": "number", "const": 1}, "number"),
        ({"$ref": "#/$defs/Inner"}, "object"),
        ({"$ref": "#/$defs/Inner", "description": "", "default": {}}, "object"),
        ({"$ref": "#/$defs/CallStyle"}, "string"),
        ({"allOf": [{"$ref": "#/$defs/Inner"}, {}]}, "object"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "number"),
        ({"oneOf": [{"$ref": "#/$defs/CallStyle"}, {"type": "string"}]}, "string"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "const": "a"}, "string"),
        ({"enum": ["a", "b"]}, "string"),
        ({"enum": [1, 2]}, "integer"),
        ({"enum": [1, 2.5]}, "number"),
        ({"const": True}, "boolean"),
        ({"properties": {}}, "object"),
        ({"items": {"type": "string"}}, "array"),
    ],
    ids=str,
)
def test_a_property_has_type_and_description(spec: Any, kind: str) -> None:
    """For granite and sea-lion every property gets a type and a description."""
    schema = {"properties": {"a": spec}, "$defs": DEFINITIONS}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    found = wire["function"]["parameters"]["properties"]["a"]
    assert found == {"description": "", **spec, "type": kind}
    assert wire["function"]["description"] == ""
    (other,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GLM))
    assert other["function"]["parameters"]["properties"]["a"] == spec


VALUES: list[Any] = ["text", "", 0, 7, 2.5, True, None, {}, [], ["a"]]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"title": "Anything"},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None},
        {"oneOf": [{"$ref": "#/$defs/Inner"}, {"type": "array", "items": {}}]},
        {"enum": [7, "text", None]},
        {"enum": [True, 0]},
        {"type": ["string", "null"]},
        {"$ref": "#/$defs/Loop"},
        {"$ref": "#/$defs/Tree"},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "https://example.com/schema"},
    ],
    ids=str,
)
def test_a_type_is_sent_only_if_it_holds_for_every_value(spec: Any) -> None:
    """A union, a mixed literal or `Any` gets no type.

    The schema that is sent accepts each value that the tool's own schema accepts.
    """
    schema = {"properties": {"a": spec}, "$defs": DEFINITIONS}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    found = wire["function"]["parameters"]["properties"]["a"]
    assert found == {"description": "", **spec}
    readable = {key: value for key, value in spec.items() if key != "$ref"}
    for value in VALUES:
        own = Draft202012Validator({**readable, "$defs": DEFINITIONS}).is_valid(value)
        kept = {key: item for key, item in found.items() if key != "$ref"}
        assert Draft202012Validator({**kept, "$defs": DEFINITIONS}).is_valid(value) == own


@pytest.mark.parametrize(("spec", "wire"), [(True, {}), (False, {"not": {}}), (None, {})])
def test_a_property_that_is_no_dict(spec: Any, wire: Any) -> None:
    """`true` is sent as a schema that accepts everything, `false` as one that accepts nothing."""
    schema = {"properties": {"a": spec}}
    (found,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    assert found["function"]["parameters"]["properties"]["a"] == {"description": "", **wire}


def test_a_schema_that_branches_without_end_is_read_at_once() -> None:
    """The client reads definitions that refer to each other a million times without delay."""
    definitions: dict[str, Any] = {
        f"D{n}": {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 4} for n in range(40)
    }
    definitions["D40"] = {"type": "string"}
    schema = {"properties": {"a": {"$ref": "#/$defs/D20"}}, "$defs": definitions}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    assert "a" in wire["function"]["parameters"]["properties"]


def test_the_root_of_a_schema_may_be_a_reference() -> None:
    """The client resolves a reference at the root, as schemas of recursive classes have."""
    node = {"type": "object", "properties": {"child": {"$ref": "#/$defs/Node"}}}
    schema = {"$ref": "#/$defs/Node", "$defs": {"Node": node}}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GLM))
    assert wire["function"]["parameters"] == {**node, "$defs": {"Node": node}}


def test_what_stands_beside_properties_is_sent() -> None:
    """Rules of the whole object and definitions are sent with the schema."""
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/A"}},
        "definitions": {"A": {"type": "string"}},
        "additionalProperties": False,
        "anyOf": [{"required": ["a"]}],
        "examples": [{"a": "x"}],
    }
    (wire,) = to_wire_tools([{"name": "f", "input_schema": schema}], get_profile(GLM))
    assert wire["function"]["parameters"] == schema


@pytest.mark.parametrize(
    "given",
    [{}, {"type": "function"}, {"function": {}}, {"name": 5}, {"name": ""}, "f", {"function": "f"}],
    ids=str,
)
def test_a_tool_needs_a_name(given: Any) -> None:
    """A definition of an unknown form raises an argument error."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_tools([given], get_profile(GLM))
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize(
    "schema", [[1], "x", {"properties": ["x"]}, {"type": "array"}, {"type": ["string"]}], ids=str
)
@pytest.mark.parametrize("key", ["parameters", "input_schema"])
def test_parameters_are_a_schema_of_an_object(key: str, schema: Any) -> None:
    """Parameters that are not the schema of an object raise an argument error."""
    with pytest.raises(ConfigurationError, match="not the JSON schema") as caught:
        to_wire_tools([{"name": "f", key: schema}], get_profile(GRANITE))
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize(
    "odd", [{"anyOf": None}, {"anyOf": [1]}, {"enum": 5}, {"$ref": 7}, {"type": 7}], ids=str
)
@pytest.mark.parametrize("definitions", [None, 5])
def test_odd_properties_are_sent_as_they_are(odd: Any, definitions: Any) -> None:
    """Invalid JSON Schema inside a property is left to the server."""
    schema = {"properties": {"x": odd}, "$defs": definitions}
    (wire,) = to_wire_tools([{"name": "f", "parameters": schema}], get_profile(GRANITE))
    assert wire["function"]["parameters"]["properties"]["x"] == {"description": "", **odd}


# ---------------------------------------------------------------------------------- names


def test_the_names_of_tools() -> None:
    """The names are those that a tool choice can use."""
    tools: list[dict[str, Any]] = [NESTED, {"type": "custom", "custom": {"name": "g"}}]
    tools.append({"type": "custom", "function": 5})
    assert tool_names(tools) == {"f": "f"}


@pytest.mark.parametrize(
    ("own", "wire"),
    [
        (["files.read", "files read"], ["files_read", "files_read_2"]),
        (["a.b", "a_b", "a b", "a_b_2"], ["a_b_3", "a_b", "a_b_4", "a_b_2"]),
        (["Box[int]", "mcp://host/tool:run"], ["Box_int_", "mcp___host_tool_run"]),
        (["café", "поиск", "検索", "🙂"], ["cafe", "tool", "tool_2", "tool_3"]),
        (["x" * 70, "x" * 71], ["x" * 64, "x" * 62 + "_2"]),
        (["same", "same"], ["same"]),
        (["--", " "], ["--", "tool"]),
    ],
    ids=str,
)
def test_names_become_acceptable_and_stay_apart(own: list[str], wire: list[str]) -> None:
    """Names get 1 to 64 letters, digits, `_` and `-`, and stay unique; acceptable ones stay."""
    made = tool_names([{"type": "function", "function": {"name": name}} for name in own])
    assert list(made.values()) == wire
    assert list(made) == list(dict.fromkeys(own))


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
        ({"function": {"name": "f"}}, NAMED),
        ({"type": "function", "name": "f"}, NAMED),
        ({"name": "f"}, NAMED),
        ({"type": "tool", "name": "f"}, NAMED),
        ({"type": "any"}, "required"),
        ({"type": "any", "disable_parallel_tool_use": True}, "required"),
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
        ({"type": "custom", "custom": {"name": "c"}}, {"type": "custom", "custom": {"name": "c"}}),
        ({"type": "allowed_tools"}, {"type": "allowed_tools"}),
    ],
    ids=str,
)
def test_a_tool_choice(choice: Any, wire: Any) -> None:
    """The client translates every form of a tool choice into one that the API accepts.

    `any` becomes `required`, because the API answers 8001 to it. A name, Anthropic's form and the
    flat form become the named form. A dict of another type is sent unchanged.
    """
    assert to_wire_tool_choice(choice, {"f": "f"}) == wire


def test_a_choice_by_the_names_that_the_tools_have() -> None:
    """The caller chooses a tool by its own name; the client sends its wire name."""
    names = {"a.b": "a_b", "c": "c"}
    named = {"type": "function", "function": {"name": "a_b"}}
    assert to_wire_tool_choice("a.b", names) == named
    assert to_wire_tool_choice("a_b", names) == named
    assert to_wire_tool_choice({"type": "tool", "name": "a.b"}, names) == named
    of_many = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "a.b"}}]}
    found: Any = to_wire_tool_choice({"type": "allowed_tools", "allowed_tools": of_many}, names)
    assert found["allowed_tools"]["tools"][0]["function"]["name"] == "a_b"


@pytest.mark.parametrize("choice", ["auto", "none", {"type": "auto"}], ids=str)
def test_a_choice_without_tools_that_asks_for_nothing(choice: Any) -> None:
    """The client drops `auto` and `none` if there are no tools."""
    assert to_wire_tool_choice(choice, {}) is None


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("g", {"f"}),
        (["f"], {"f"}),
        (5, {"f"}),
        ({}, {"f"}),
        ({"name": 5}, {"f"}),
        ({"type": "function", "function": {"name": "g"}}, {"f"}),
        ({"type": "tool", "name": "g"}, {"f"}),
        ({"type": "any"}, set()),
        ("g", set()),
        ("required", set()),
        ("any", set()),
        (True, set()),
    ],
    ids=str,
)
def test_a_choice_that_cannot_be_met(choice: Any, names: set[str]) -> None:
    """A choice of a tool that is not in the request raises before any request."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_tool_choice(choice, {name: name for name in names})
    assert caught.value.parameter == "tool_choice"
    assert repr(choice) in str(caught.value)
