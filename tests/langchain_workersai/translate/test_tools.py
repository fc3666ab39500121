"""Wire forms of tools, tool choices and response formats."""

from __future__ import annotations

import copy
import typing
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from langchain_core.tools import Tool, tool
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, ConfigDict, Field
from pydantic.v1 import BaseModel as V1Model
from typing_extensions import TypedDict

from langchain_workersai import ConfigurationError
from langchain_workersai._translate.tools import (
    to_wire_response_format,
    to_wire_tool,
    to_wire_tool_choice,
    to_wire_tools,
)


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(description="Name of the city")


class WeatherV1(V1Model):
    """The weather of a city."""

    city: str


class WeatherDict(TypedDict):
    """The weather of a city."""

    city: str


def weather(city: str) -> str:
    """The weather of a city."""
    return city


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SCHEMA = {"title": "Weather", "description": "The weather of a city.", **PARAMETERS}
OPENAI = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather.", "parameters": PARAMETERS},
}
FLAT = {"name": "weather", "description": "The weather.", "parameters": PARAMETERS}
ANTHROPIC = {"name": "weather", "description": "The weather.", "input_schema": PARAMETERS}


@pytest.mark.parametrize(
    "definition",
    [tool(weather), weather, Weather, WeatherV1, WeatherDict, SCHEMA, OPENAI, FLAT, ANTHROPIC,
     {"type": "function", **FLAT}],
    ids=["BaseTool", "function", "pydantic", "pydantic v1", "TypedDict", "JSON schema", "OpenAI",
         "flat", "Anthropic", "flat with type"],
)  # fmt: skip
def test_every_kind_of_tool_becomes_the_nested_shape(definition: Any) -> None:
    """Each kind of tool that LangChain accepts becomes a `function` with its parameters."""
    wire = to_wire_tool(definition)
    assert wire["type"] == "function"
    assert wire["function"]["name"].lower().startswith("weather")
    assert "city" in wire["function"]["parameters"]["properties"]


@pytest.mark.parametrize(
    "definition", [SCHEMA, OPENAI, FLAT, ANTHROPIC], ids=["schema", "openai", "flat", "anthropic"]
)
def test_a_callers_dict_is_not_changed(definition: dict[str, Any]) -> None:
    """`to_wire_tool` adds the keys of `strict` to a copy of the caller's dict."""
    before = copy.deepcopy(definition)
    wire = to_wire_tool(definition, strict=True)
    wire["function"]["parameters"]["properties"]["city"]["type"] = "changed"
    assert definition == before


def test_strict_is_on_the_function() -> None:
    """`strict=True` is sent inside the function, and its schema forbids extra keys."""
    (wire,) = to_wire_tools([Weather], strict=True)
    assert wire["function"]["strict"] is True
    assert wire["function"]["parameters"]["additionalProperties"] is False
    assert "strict" not in wire


def test_a_tool_of_the_server_is_sent_unchanged() -> None:
    """A tool dict whose type is not `function` is sent unchanged."""
    builtin = {"type": "web_search", "limit": 3}
    assert to_wire_tool(builtin) == builtin


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (None, None),
        (False, None),
        (True, True),
        ("any", "any"),
        ("auto", "auto"),
        ("weather", "weather"),
        ({"type": "function", "function": {"name": "f"}},) * 2,
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},) * 2,
        (tool(weather), "weather"),
        (weather, "weather"),
        (Weather, "Weather"),
    ],
)
def test_tool_choice_is_passed_to_the_core(choice: Any, wire: Any) -> None:
    """`False` means no choice, a tool becomes its name, and all else is left to the core."""
    assert to_wire_tool_choice(choice) == wire


@pytest.mark.parametrize(
    "schema",
    [Weather, WeatherV1, WeatherDict, SCHEMA, FLAT, OPENAI, ANTHROPIC],
    ids=["pydantic", "pydantic v1", "TypedDict", "JSON schema", "function", "OpenAI", "Anthropic"],
)
def test_a_schema_becomes_a_named_response_format(schema: Any) -> None:
    """A schema is sent with its name, and with `strict` if the user passed it."""
    wire = to_wire_response_format(schema, strict=True)
    assert wire["type"] == "json_schema"
    assert wire["json_schema"]["name"].lower().startswith("weather")
    assert wire["json_schema"]["strict"] is True
    assert "city" in wire["json_schema"]["schema"]["properties"]


@pytest.mark.parametrize("kind", [TypedDict, typing.TypedDict])
def test_a_typed_dict_without_a_docstring_has_no_description(kind: Any) -> None:
    """Tools and response formats leave out the docstring that a TypedDict inherits from `dict`."""
    schema = kind("Place", {"city": str})
    assert not to_wire_tool(schema)["function"].get("description")
    assert not to_wire_response_format(schema)["json_schema"].get("description")


@pytest.mark.parametrize("kind", ["json_object", "json_schema", "text", "of-next-year"])
def test_a_response_format_is_sent_unchanged(kind: str) -> None:
    """A dict that is already a response format is sent unchanged, known or unknown."""
    assert to_wire_response_format({"type": kind}) == {"type": kind}


def test_a_schema_without_a_title_is_named_answer() -> None:
    """A schema without a title is sent with the name `answer`, because the API requires one."""
    assert to_wire_response_format(PARAMETERS)["json_schema"]["name"] == "answer"


class Box(BaseModel):
    """A box of boxes."""

    model_config = ConfigDict(extra="forbid")
    label: str = Field(title="What is written on it")
    inner: list[Box] = []


@tool
def pack(box: Box, pairs: dict[str, int | None], mode: Literal["fast", 2] = 2) -> str:
    """Pack a box.

    Args:
        box: The outer one.
        pairs: What goes in twice.
        mode: How to do it.
    """
    return box.label


@pytest.mark.parametrize("definition", [Box, pack, tool(pack.func), pack.func])  # type: ignore[attr-defined]  # a structured tool
def test_a_schema_is_sent_complete(definition: Any) -> None:
    """A schema keeps recursion, `extra`, descriptions, unions and literals."""
    schema = to_wire_tool(definition)["function"]["parameters"]
    box = schema if definition is Box else schema["$defs"]["Box"]
    assert box["additionalProperties"] is False
    assert box["properties"]["inner"]["items"] == {"$ref": "#/$defs/Box"}
    assert box["properties"]["label"]["title"] == "What is written on it"
    if definition is not Box:
        assert schema["properties"]["box"]["$ref"] == "#/$defs/Box"
        assert schema["properties"]["mode"]["enum"] == ["fast", 2]
        nullable = [{"type": "integer"}, {"type": "null"}]
        assert schema["properties"]["pairs"]["additionalProperties"] == {"anyOf": nullable}
        Draft202012Validator(schema).validate(
            {"box": {"label": "a", "inner": [{"label": "b"}]}, "pairs": {"x": None}}
        )


def test_injected_arguments_are_not_in_definitions() -> None:
    """Tool definitions leave out arguments that LangChain's runtime fills in."""

    @tool
    def note(text: str, state: Annotated[dict[str, Any], InjectedState]) -> str:
        """Note a text."""
        return text

    assert to_wire_tool(note)["function"]["parameters"]["properties"].keys() == {"text"}


def test_a_tool_with_one_unnamed_text() -> None:
    """LangChain's oldest tools get LangChain's parameter name `__arg1`."""
    search = Tool("search", lambda text: text, "Search.")
    function = to_wire_tool(search)["function"]
    assert (function["name"], function["description"]) == ("search", "Search.")
    assert function["parameters"]["properties"].keys() == {"__arg1"}


@pytest.mark.parametrize("tools", [weather, tool(weather), Weather, SCHEMA, "weather", 5, None])
def test_tools_must_be_a_list(tools: Any) -> None:
    """`to_wire_tools` refuses a single tool or a name and asks for a list."""
    with pytest.raises(ConfigurationError, match="tools must be a list") as caught:
        to_wire_tools(tools)
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize(
    "odd",
    [5, None, "weather", ["weather"], {}, PARAMETERS, {"type": "function"}, list[int], object(),
     {"type": "function", "function": {"parameters": PARAMETERS}}],
)  # fmt: skip
def test_an_invalid_tool_is_located(odd: Any) -> None:
    """`to_wire_tools` raises an error with the position of an entry that is not a tool."""
    with pytest.raises(ConfigurationError, match=r"tools\[1\]") as caught:
        to_wire_tools([weather, odd])
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize("choice", [5, ["weather"], 1.5, object()])
def test_an_invalid_choice_is_refused(choice: Any) -> None:
    """`to_wire_tool_choice` refuses other values and says that a tool or its name is needed."""
    with pytest.raises(ConfigurationError, match="a tool or its name") as caught:
        to_wire_tool_choice(choice)
    assert caught.value.parameter == "tool_choice"


@pytest.mark.parametrize("form", [5, "json", [Weather], {}])
def test_an_invalid_response_format_is_refused(form: Any) -> None:
    """`to_wire_response_format` refuses a value that is neither a schema nor a format."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_response_format(form)
    assert caught.value.parameter == "response_format"


def test_contradicting_strict_is_refused() -> None:
    """`to_wire_tool` refuses a `strict` that contradicts the tool's own."""
    own = {"type": "function", "function": {**FLAT, "strict": False}}
    assert to_wire_tool(own)["function"]["strict"] is False
    with pytest.raises(ConfigurationError) as caught:
        to_wire_tool(own, strict=True)
    assert caught.value.parameter == "strict"
