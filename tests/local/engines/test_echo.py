"""The rules of the echo engine: its texts, the tools that it calls and their arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workersai.local.engines.base import (
    CallPiece,
    ChatJob,
    FinishPiece,
    JsonMode,
    Piece,
    ReasoningPiece,
    SchemaNotMet,
    TextPiece,
    ToolSpec,
)
from workersai.local.engines.echo import EchoEngine
from workersai.local.engines.jsonmode import meets


def tool(name: str, description: str, required: list[str] | None = None, **types: Any) -> ToolSpec:
    """Return a tool; its properties are required unless *required* lists others."""
    properties = {k: v if isinstance(v, dict) else {"type": v} for k, v in types.items()}
    wanted = list(properties) if required is None else required
    return ToolSpec(
        name, description, {"type": "object", "properties": properties, "required": wanted}
    )


WEATHER = tool("get_weather", "Get the current weather for a city.", city="string")
TIME = tool("get_time", "Tell the current time at a place.", place="string")
ADD = tool("add", "Add two numbers.", a="integer", b="integer")
PING = tool("ping", "Check that the service answers.")
TOOLS = (WEATHER, TIME, ADD, PING)


def pieces(text: str, *tools: ToolSpec, **fields: Any) -> list[Piece]:
    """Return the pieces of the echo engine's answer."""
    messages = fields.pop("messages", ({"role": "user", "content": text},))
    return list(EchoEngine().chat(ChatJob(messages=messages, tools=tools, **fields)))


def calls(text: str, *tools: ToolSpec, **fields: Any) -> list[tuple[str, Any]]:
    """Return the name and arguments of each call in the answer."""
    answer = pieces(text, *tools, **fields)
    return [(p.name, json.loads(p.arguments)) for p in answer if isinstance(p, CallPiece)]


def joined_text(answer: list[Piece]) -> str:
    return "".join(piece.text for piece in answer if isinstance(piece, TextPiece))


def json_answer(schema: dict[str, Any] | None, text: str) -> Any:
    return json.loads(joined_text(pieces(text, json_mode=JsonMode(schema))))


def test_text_repeats_the_request() -> None:
    """Without tools the engine repeats the user's last text in full."""
    assert joined_text(pieces("Grüße aus 東京 👩‍👩‍👧!")) == "You said: Grüße aus 東京 👩‍👩‍👧!"


def test_tool_results_are_repeated() -> None:
    """The engine answers tool results by repeating them, and calls no further tool."""
    tool_calls = [
        {"id": "1", "function": {"name": "get_weather", "arguments": "{}"}},
        {"id": "2", "function": {"name": "get_time", "arguments": "{}"}},
    ]
    messages = (
        {"role": "user", "content": "Weather and time in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": tool_calls},
        {"role": "tool", "tool_call_id": "1", "content": "4 °C"},
        {"role": "tool", "tool_call_id": "2", "content": "09:30"},
    )
    answer = pieces("", *TOOLS, messages=messages)
    assert joined_text(answer) == "get_weather answered: 4 °C\nget_time answered: 09:30"
    assert not [piece for piece in answer if isinstance(piece, CallPiece)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What's the weather in Paris?", [("get_weather", {"city": "Paris"})]),
        ("How is the weather in New York today?", [("get_weather", {"city": "New York"})]),
        ('The weather in "Ciudad de México"?', [("get_weather", {"city": "Ciudad de México"})]),
        ("Add 2 and -3.", [("add", {"a": 2, "b": -3})]),
        ("Please add seven and 1,200.", [("add", {"a": 7, "b": 1200})]),
        ("ping it", [("ping", {})]),
        ("Hello, how are you?", []),
    ],
)
def test_automatic_calls(text: str, expected: list[Any]) -> None:
    """By default the engine calls a tool that shares words with the text, or no tool."""
    assert calls(text, *TOOLS) == expected


def test_each_named_tool_is_called() -> None:
    """The engine calls each tool that a text names, with values from that part of the text."""
    text = "What is the weather in Paris and the time in Tokyo?"
    expected = [("get_weather", {"city": "Paris"}), ("get_time", {"place": "Tokyo"})]
    assert calls(text, *TOOLS) == expected
    assert len(calls(text, *TOOLS, parallel=False)) == 1


def test_tool_choice_forces_or_prevents_calls() -> None:
    """`required` and a named tool force a call for any text; `none` prevents calls."""
    assert len(calls("Hello", *TOOLS, tool_choice="required")) == 1
    assert calls("Hello", *TOOLS, tool_choice="=ping") == [("ping", {})]
    assert calls("ping", *TOOLS, tool_choice="none") == []
    after = (
        {"role": "user", "content": "ping"},
        {"role": "tool", "tool_call_id": "1", "name": "ping", "content": "pong"},
    )
    assert calls("", PING, tool_choice="required", messages=after) == [("ping", {})]


def test_arguments_of_every_kind() -> None:
    """Arguments come from the text: names, numbers, enums, dates, booleans and nested objects."""
    book = tool(
        "book_table",
        "Book a table in a restaurant.",
        restaurant="string",
        guests={"type": "integer", "minimum": 1},
        date={"type": "string", "format": "date"},
        area={"type": "string", "enum": ["inside", "terrace"]},
        vegetarian="boolean",
        contact={"$ref": "#/$defs/Contact"},
    )
    contact = {
        "type": "object",
        "properties": {"email": {"type": "string", "format": "email"}},
        "required": ["email"],
    }
    book = ToolSpec(book.name, book.description, {**book.parameters, "$defs": {"Contact": contact}})
    text = (
        'Book a table at "Chez Nous" for 4 on 2026-12-01, on the terrace, not vegetarian, '
        "mail to ann@example.org."
    )
    assert calls(text, book) == [
        (
            "book_table",
            {
                "restaurant": "Chez Nous",
                "guests": 4,
                "date": "2026-12-01",
                "area": "terrace",
                "vegetarian": False,
                "contact": {"email": "ann@example.org"},
            },
        )
    ]


def test_optional_arguments_are_left_out() -> None:
    """An optional argument is left out, unless the text names it with a value."""
    search = tool("search", "Search the docs.", ["query"], query="string", limit="integer")
    assert calls("search the docs", search) == [("search", {"query": "search the docs"})]
    [(_, arguments)] = calls("search the docs, limit=5", search)
    assert arguments["limit"] == 5


def test_thinking_names_the_tools() -> None:
    """A reasoning model sends its reasoning first and names the tools that it will call."""
    answer = pieces("weather in Oslo", *TOOLS, reasoning=True)
    thinking = "".join(piece.text for piece in answer if isinstance(piece, ReasoningPiece))
    assert thinking == "This needs get_weather."


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "number", "exclusiveMinimum": 3}}},
        {"type": "array", "items": {"type": "integer", "maximum": 9}, "minItems": 3},
        {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 40}]},
        {"type": "object", "properties": {"x": {"const": "v1"}, "y": {"type": ["null", "string"]}}},
        {"allOf": [{"type": "object", "required": ["k"]}, {"properties": {"k": {"type": "null"}}}]},
        {"type": "string", "format": "date-time"},
        {"type": "integer", "multipleOf": 5, "minimum": 1},
        {"type": "object", "required": ["free"], "additionalProperties": {"type": "boolean"}},
        {
            "$ref": "#/$defs/Node",
            "$defs": {
                "Node": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                    },
                    "required": ["name", "next"],
                }
            },
        },
        True,
    ],
)
def test_json_answers_are_valid(schema: Any) -> None:
    """An answer in JSON mode meets the schema."""
    assert meets(schema, json_answer(schema, "Give me 12 of them."))


def test_json_answer_is_filled_from_the_text() -> None:
    """The engine fills each property with values from the text."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "likes": {"type": "array", "items": {"type": "string"}},
        },
    }
    person = json_answer(schema, "Erick is 27 years old and likes apples, pears and figs")
    assert person == {"name": "Erick", "age": 27, "likes": ["apples", "pears", "figs"]}


def test_json_mode_returns_an_object() -> None:
    """Plain JSON mode returns an object and fills a schema or keys that a message spells out."""
    keys = "Describe Lyon as JSON with 'city' and 'country' keys."
    assert set(json_answer(None, keys)) == {"city", "country"}
    assert json_answer(None, "Hi") == {"text": "Hi"}
    system = 'Answer by this schema: {"properties": {"city": {"type": "string"}}}'
    messages = (
        {"role": "system", "content": system},
        {"role": "user", "content": "I live in Lyon"},
    )
    answer = pieces("", messages=messages, json_mode=JsonMode())
    assert json.loads(joined_text(answer)) == {"city": "Lyon"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[0-9]{9}$"},
        {"type": "no such type"},
        {"type": "integer", "multipleOf": "two"},
        {"type": "string", "minLength": 10**12},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/schema"},
    ],
)
def test_a_schema_that_cannot_be_met_is_refused(schema: dict[str, Any]) -> None:
    """The engine refuses a schema that is invalid or that no answer of its own meets."""
    with pytest.raises(SchemaNotMet):
        pieces("Hello", json_mode=JsonMode(schema))


def test_the_same_request_has_the_same_answer() -> None:
    """The engine answers the same request with the same calls, text and thinking."""
    text = "weather in Oslo, and time in Rome"
    assert calls(text, *TOOLS) == calls(text, *TOOLS)
    assert pieces("Hello", reasoning=True) == pieces("Hello", reasoning=True)


@pytest.mark.parametrize("cap", [1, 4, 100])
def test_a_token_cap_ends_the_answer(cap: int) -> None:
    """A cap ends a longer answer with `length` and leaves a shorter one unchanged."""
    *answer, finish = pieces("one two three", max_tokens=cap)
    assert isinstance(finish, FinishPiece)
    assert len(answer) == finish.completion_tokens == min(cap, 6)
    assert finish.reason == ("length" if cap < 6 else "stop")
