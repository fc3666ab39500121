"""Tool calls of plain answers: ids, names, arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workersai import InvalidToolCall, ResponseError, ToolCall
from workersai._response.tool_calls import CallIds, from_wire_tool_calls, make_tool_call

OBJECT = {"city": "Zürich", "n": [1, None]}


def made(arguments: Any, name: Any = "f", *, is_truncated: bool = False) -> Any:
    return make_tool_call("id", name, arguments, is_truncated=is_truncated)


@pytest.mark.parametrize(
    ("arguments", "parsed"),
    [
        (OBJECT, OBJECT),
        (json.dumps(OBJECT), OBJECT),
        (json.dumps(json.dumps(OBJECT)), OBJECT),
        (json.dumps(json.dumps(json.dumps(OBJECT))), OBJECT),
        ("{}", {}),
        ('"{}"', {}),
        ({}, {}),
        ("", {}),
        (None, {}),
        ("null", {}),
        ('""', {}),
        ("  \n", {}),
    ],
    ids=repr,
)
def test_arguments_in_every_form(arguments: Any, parsed: dict[str, Any]) -> None:
    """An object, its JSON text and JSON text of that text are equal; nothing is `{}`."""
    assert made(arguments) == ToolCall("id", "f", parsed)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ('{"a": 1', "not JSON"),
        ("{'a': 1}", "not JSON"),
        ('{"a": 1}{"b": 2}', "not JSON"),
        ('{"a": NaN}', "not JSON"),
        ('{"a": [1e999]}', "not finite"),
        ("[1]", "not a JSON object but list"),
        ("5", "not a JSON object but int"),
        ("true", "not a JSON object but bool"),
        ([1], "not a JSON object but list"),
        (5, "not a JSON object but int"),
        ('"text"', "not JSON"),
    ],
    ids=repr,
)
def test_arguments_that_are_no_object(arguments: Any, error: str) -> None:
    """Arguments that are no JSON object make the call invalid; their text is kept."""
    call = made(arguments)
    assert isinstance(call, InvalidToolCall)
    assert error in call.error
    assert call.arguments == (arguments if isinstance(arguments, str) else json.dumps(arguments))


@pytest.mark.parametrize("arguments", ["", None], ids=repr)
def test_no_arguments_at_the_cap_are_cut_off(arguments: Any) -> None:
    """A call without arguments is invalid if the answer ended at its token cap."""
    call = made(arguments, is_truncated=True)
    assert isinstance(call, InvalidToolCall)
    assert "cut off" in call.error


def test_whole_arguments_at_the_cap_are_a_call() -> None:
    """Complete arguments make a valid call even if the answer ended at its token cap."""
    assert made('{"a": 1}', is_truncated=True) == ToolCall("id", "f", {"a": 1})


@pytest.mark.parametrize("name", [None, "", 5, []], ids=repr)
def test_a_call_needs_a_name(name: Any) -> None:
    """A call without a name is invalid."""
    call = made("{}", name)
    assert isinstance(call, InvalidToolCall)
    assert "no name" in call.error


def test_ids_are_unique_in_an_answer() -> None:
    """The model's id is kept; a missing, null, empty or repeated id is replaced."""
    ids = CallIds(lambda: "seed")
    given = ["a", None, "", "a", 7, 7, "b"]
    taken = [ids.take(own, index) for index, own in enumerate(given)]
    assert taken == ["a", "call_seed1", "call_seed2", "call_seed3", "7", "call_seed5", "b"]


@pytest.mark.parametrize(
    "given", [None, "", " ", "null", "None", "NULL", "undefined", [], {}], ids=repr
)
def test_a_placeholder_is_no_id(given: Any) -> None:
    """A placeholder such as `null` as text is replaced, because every call would share it."""
    assert CallIds(lambda: "seed").take(given, 3) == "call_seed3"


@pytest.mark.parametrize("number", [float("nan"), float("inf")], ids=repr)
def test_a_number_that_json_does_not_have_makes_a_call_invalid(number: float) -> None:
    """NaN or infinity in arguments makes a call invalid: it could not be sent back."""
    call = made({"a": {"b": [1, number]}})
    assert isinstance(call, InvalidToolCall)
    assert "not finite" in call.error


def test_halves_of_characters_in_arguments_are_replaced() -> None:
    """Arguments are valid UTF-8, because they go to tools and back to the server."""
    assert made(r'{"a\ud83d": "\ude00"}') == ToolCall("id", "f", {"a\ufffd": "\ufffd"})


def test_a_made_id_does_not_meet_one_of_the_models() -> None:
    """A generated id differs even from a model's id that imitates one."""
    ids = CallIds(lambda: "seed")
    taken = [ids.take(own, index) for index, own in enumerate(["call_seed1", None, "x"])]
    assert len(set(taken)) == 3


def test_calls_come_flat_or_nested() -> None:
    """The reader accepts both forms, and both names for the arguments."""
    calls = [
        {"name": "f", "arguments": {"a": 1}},
        {"name": "g", "parameters": {"a": 2}},
        {"id": "x", "type": "function", "function": {"name": "h", "arguments": '{"a": 3}'}},
        "not a call",
    ]
    valid, invalid = from_wire_tool_calls(calls, CallIds(lambda: "s"), is_truncated=False)
    assert valid == (
        ToolCall("call_s0", "f", {"a": 1}),
        ToolCall("call_s1", "g", {"a": 2}),
        ToolCall("x", "h", {"a": 3}),
    )
    assert invalid == ()


@pytest.mark.parametrize("calls", [None, [], "", {}], ids=repr)
def test_no_calls(calls: Any) -> None:
    """Null and an empty list mean no calls."""
    assert from_wire_tool_calls(calls, CallIds(lambda: "s"), is_truncated=False) == ((), ())


@pytest.mark.parametrize("calls", [5, "x", {"a": 1}], ids=repr)
def test_calls_of_an_unknown_shape_raise(calls: Any) -> None:
    """Calls that are not in a list raise."""
    with pytest.raises(ResponseError, match="tool_calls"):
        from_wire_tool_calls(calls, CallIds(lambda: "s"), is_truncated=False)
