"""Tools to the wire, and calls back to selections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.tools import FunctionTool

from llamaindex_workersai._translate.tools import (
    partial_arguments,
    to_wire_tool,
    to_wire_tool_choice,
    tool_selections,
    wire_names,
)


def tool(name: str, description: str = "Adds.") -> FunctionTool:
    def add(a: int, b: int) -> int:
        return a + b

    return FunctionTool.from_defaults(add, name=name, description=description)


def test_definition_is_nested_with_its_schema() -> None:
    """A definition has the API's nested form."""
    definition = to_wire_tool(tool("add"), "add")
    assert definition["type"] == "function"
    assert definition["function"]["name"] == "add"
    assert set(definition["function"]["parameters"]["properties"]) == {"a", "b"}
    assert "strict" not in definition["function"]


def test_strict_is_set_when_given() -> None:
    """`strict` reaches the definition."""
    assert to_wire_tool(tool("add"), "add", strict=True)["function"]["strict"] is True


def test_long_descriptions_are_sent() -> None:
    """OpenAI's limit of 1,024 characters is not Workers AI's."""
    definition = to_wire_tool(tool("add", "long " * 400), "add")
    assert len(definition["function"]["description"]) == 2000


def test_names_are_fit_for_the_wire_and_unique() -> None:
    """Names that differ only in letters no function name may have stay apart."""
    names = wire_names([tool("Box[int]"), tool("Box.int."), tool("plain")])
    assert names == {"Box[int]": "Box_int_", "Box.int.": "Box_int__2", "plain": "plain"}


@pytest.mark.parametrize(
    ("choice", "required", "expected"),
    [
        (None, False, None),
        (None, True, "required"),
        ("auto", True, "auto"),
        ("none", False, "none"),
        ("any", False, "any"),
        ("required", False, "required"),
        ("Box[int]", False, "Box_int_"),
        (
            {"type": "function", "function": {"name": "Box[int]"}},
            False,
            {"type": "function", "function": {"name": "Box_int_"}},
        ),
        ({"type": "custom"}, True, {"type": "custom"}),
    ],
)
def test_tool_choice_in_all_forms(choice: Any, required: bool, expected: Any) -> None:
    """Names, modes and dicts are understood; an explicit choice goes before `tool_required`."""
    assert to_wire_tool_choice(choice, {"Box[int]": "Box_int_"}, required=required) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("{", {}),
        ('{"name": "Bo', {"name": "Bo"}),
        ('{"a": tru', {}),
        ('{"a": 1, "b": tru', {"a": 1}),
        ('{"a": [1, 2', {"a": [1, 2]}),
        ('"text"', {}),
        ('{"a": 1} x', {"a": 1}),
    ],
)
def test_partial_arguments_are_read_as_far_as_they_go(text: str, expected: Any) -> None:
    """Half-typed JSON never raises."""
    assert partial_arguments(text) == expected


def test_selections_of_finished_calls() -> None:
    """Dicts are taken as they are, and ids are made where there are none."""
    blocks = [
        ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"a": 1}),
        ToolCallBlock(tool_name="g"),
    ]
    found = tool_selections(ChatMessage(role="assistant", blocks=blocks))
    assert [(call.tool_id, call.tool_name, call.tool_kwargs) for call in found] == [
        ("c1", "f", {"a": 1}),
        ("call_1", "g", {}),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "c1", "type": "tool_use", "name": "f", "input": {"a": 1}},
        SimpleNamespace(id="c1", name="f", args={"a": 1}),
    ],
    ids=["OpenAI", "Anthropic", "Google"],
)
def test_selections_of_other_classes_answers(entry: Any) -> None:
    """An answer with calls in `additional_kwargs` alone is read, in the form of each class."""
    message = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [entry]})
    (found,) = tool_selections(message)
    assert (found.tool_id, found.tool_name, found.tool_kwargs) == ("c1", "f", {"a": 1})
