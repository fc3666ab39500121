"""Tools, tool choice and response formats as the wire has them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as V1Model
from typing_extensions import TypedDict

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
    ],
    ids=str,
)
def test_tool_choice_is_langchains(choice: Any, wire: Any) -> None:
    """`False` is "nothing chosen"; all else reaches the core, which knows the wire's words."""
    assert to_wire_tool_choice(choice) == wire


@pytest.mark.parametrize(
    "schema",
    [Weather, WeatherV1, WeatherDict, SCHEMA, FLAT, OPENAI, ANTHROPIC],
    ids=["pydantic", "pydantic v1", "TypedDict", "JSON schema", "function", "OpenAI", "Anthropic"],
)
def test_a_schema_becomes_a_named_response_format(schema: Any) -> None:
    """A schema travels with its name, and with `strict` if that was said."""
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
