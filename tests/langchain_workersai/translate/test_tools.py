"""Tools, tool choice and response formats as the wire has them."""

from __future__ import annotations

import copy
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
    "given",
    [tool(weather), weather, Weather, WeatherV1, WeatherDict, SCHEMA, OPENAI, FLAT, ANTHROPIC,
     {"type": "function", **FLAT}],
    ids=["BaseTool", "function", "pydantic", "pydantic v1", "TypedDict", "JSON schema", "OpenAI",
         "flat", "Anthropic", "flat with type"],
)  # fmt: skip
def test_every_kind_of_tool_becomes_the_nested_shape(given: Any) -> None:
    """Whatever LangChain takes as a tool is one `function` with its parameters."""
    wire = to_wire_tool(given)
    assert wire["type"] == "function"
    assert wire["function"]["name"].lower().startswith("weather")
    assert "city" in wire["function"]["parameters"]["properties"]


@pytest.mark.parametrize(
    "given", [SCHEMA, OPENAI, FLAT, ANTHROPIC], ids=["schema", "openai", "flat", "anthropic"]
)
def test_the_callers_dicts_are_not_touched(given: dict[str, Any]) -> None:
    """With `strict`, schemas get new keys - in copies."""
    before = copy.deepcopy(given)
    wire = to_wire_tool(given, strict=True)
    wire["function"]["parameters"]["properties"]["city"]["type"] = "changed"
    assert given == before


def test_strict_is_on_the_function() -> None:
    """`strict=True` is sent inside the function, and its schema forbids extra keys."""
    (wire,) = to_wire_tools([Weather], strict=True)
    assert wire["function"]["strict"] is True
    assert wire["function"]["parameters"]["additionalProperties"] is False
    assert "strict" not in wire


def test_a_servers_own_tool_passes_as_it_is() -> None:
    """A dict whose type is not `function` belongs to the server."""
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
def test_tool_choice_is_langchains(choice: Any, wire: Any) -> None:
    """`False` is "nothing chosen", a tool chooses itself; all else reaches the core, which knows
    the wire's words.
    """
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


@pytest.mark.parametrize("kind", ["json_object", "json_schema", "text", "of-next-year"])
def test_a_response_format_passes_as_it_is(kind: str) -> None:
    """A dict that already is a response format is not wrapped again, whether we know it or not."""
    assert to_wire_response_format({"type": kind}) == {"type": kind}


def test_a_schema_without_a_title_still_has_a_name() -> None:
    """The API wants a name where the schema has none."""
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


@pytest.mark.parametrize("given", [Box, pack, tool(pack.func), pack.func])  # type: ignore[attr-defined]  # a structured tool
def test_a_schema_arrives_whole(given: Any) -> None:
    """Recursion, `extra`, descriptions, unions and literals of classes, tools and functions."""
    sent = to_wire_tool(given)["function"]["parameters"]
    box = sent if given is Box else sent["$defs"]["Box"]
    assert box["additionalProperties"] is False
    assert box["properties"]["inner"]["items"] == {"$ref": "#/$defs/Box"}
    assert box["properties"]["label"]["title"] == "What is written on it"
    if given is not Box:
        assert sent["properties"]["box"]["$ref"] == "#/$defs/Box"
        assert sent["properties"]["mode"]["enum"] == ["fast", 2]
        nullable = [{"type": "integer"}, {"type": "null"}]
        assert sent["properties"]["pairs"]["additionalProperties"] == {"anyOf": nullable}
        Draft202012Validator(sent).validate(
            {"box": {"label": "a", "inner": [{"label": "b"}]}, "pairs": {"x": None}}
        )


def test_injected_arguments_are_not_in_definitions() -> None:
    """Tool definitions leave out arguments that LangChain's runtime fills in."""

    @tool
    def note(text: str, state: Annotated[dict[str, Any], InjectedState]) -> str:
        """Note a text."""
        return text

    assert to_wire_tool(note)["function"]["parameters"]["properties"].keys() == {"text"}


def test_a_tool_of_one_text_has_langchains_name_for_it() -> None:
    """LangChain's oldest tools take a text without saying what it is called."""
    old = Tool("search", lambda text: text, "Search.")
    function = to_wire_tool(old)["function"]
    assert (function["name"], function["description"]) == ("search", "Search.")
    assert function["parameters"]["properties"].keys() == {"__arg1"}


@pytest.mark.parametrize("tools", [weather, tool(weather), Weather, SCHEMA, "weather", 5, None])
def test_tools_are_a_list(tools: Any) -> None:
    """One tool alone, or its name, is an error that says what to pass."""
    with pytest.raises(ConfigurationError, match="tools must be a list") as caught:
        to_wire_tools(tools)
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize(
    "odd",
    [5, None, "weather", ["weather"], {}, PARAMETERS, {"type": "function"}, list[int], object(),
     {"type": "function", "function": {"parameters": PARAMETERS}}],
)  # fmt: skip
def test_a_tool_is_one(odd: Any) -> None:
    """What is no tool, and what has no name, is an error that names its place."""
    with pytest.raises(ConfigurationError, match=r"tools\[1\]") as caught:
        to_wire_tools([weather, odd])
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize("choice", [5, ["weather"], 1.5, object()])
def test_a_choice_is_one(choice: Any) -> None:
    """What chooses nothing is an error that says what to pass."""
    with pytest.raises(ConfigurationError, match="a tool or its name") as caught:
        to_wire_tool_choice(choice)
    assert caught.value.parameter == "tool_choice"


@pytest.mark.parametrize("form", [5, "json", [Weather], {}])
def test_a_response_format_is_one(form: Any) -> None:
    """What is no schema and no format is an error."""
    with pytest.raises(ConfigurationError) as caught:
        to_wire_response_format(form)
    assert caught.value.parameter == "response_format"


def test_a_contradiction_of_strict() -> None:
    """A tool that says `strict` itself, and an argument that says otherwise."""
    own = {"type": "function", "function": {**FLAT, "strict": False}}
    assert to_wire_tool(own)["function"]["strict"] is False
    with pytest.raises(ConfigurationError) as caught:
        to_wire_tool(own, strict=True)
    assert caught.value.parameter == "strict"
