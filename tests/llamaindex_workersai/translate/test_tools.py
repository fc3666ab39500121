"""Tools to the wire, and calls to tool selections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.tools import FunctionTool, ToolMetadata
from pydantic import BaseModel, ConfigDict

from llamaindex_workersai import ConfigurationError
from llamaindex_workersai._translate.tools import (
    partial_arguments,
    to_wire_tool_choice,
    to_wire_tools,
    tool_selections,
)


def tool(name: str, description: str = "Adds.") -> FunctionTool:
    def add(a: int, b: int) -> int:
        return a + b

    return FunctionTool.from_defaults(add, name=name, description=description)


def written(*tools: Any, **options: Any) -> list[dict[str, Any]]:
    """Return the functions of the definitions."""
    found = to_wire_tools(list(tools), **options)
    assert {definition["type"] for definition in found} <= {"function"}
    return [definition["function"] for definition in found]


def test_definition_is_nested_with_its_schema() -> None:
    """A definition has the API's nested form and the tool's own name."""
    (function,) = written(tool("math.add[int]"))
    assert function["name"] == "math.add[int]"
    assert function["description"] == "Adds."
    assert set(function["parameters"]["properties"]) == {"a", "b"}
    assert "strict" not in function


def test_strict_is_set_when_given() -> None:
    """`strict` is in the definition, whose schema then forbids other keys."""
    (function,) = written(tool("add"), strict=True)
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False


def test_long_descriptions_are_sent() -> None:
    """A description of more than OpenAI's 1,024 characters is sent whole."""
    (function,) = written(tool("add", "long " * 400))
    assert len(function["description"]) == 2000


class Part(BaseModel):
    """A part, with the parts it is made of."""

    model_config = ConfigDict(extra="forbid")
    label: str
    parts: list[Part] = []


class Taken(BaseModel):
    """What a tool takes."""

    part: Part
    amount: int | str
    mode: Literal["fast", 2] = 2


def test_a_schema_arrives_whole() -> None:
    """A schema keeps recursion, extra keys and unions, which LlamaIndex's own dict loses."""

    def take(**kwargs: Any) -> str:
        return str(kwargs)

    recursive = FunctionTool.from_defaults(take, name="take", fn_schema=Part)
    nested = FunctionTool.from_defaults(take, name="use", fn_schema=Taken)
    first, second = (function["parameters"] for function in written(recursive, nested))
    assert first["additionalProperties"] is False
    assert first["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}
    part = {"label": "a", "parts": [{"label": "b"}]}
    for schema, good, bad in (
        (first, part, {"label": "a", "call_style": "red"}),
        (second, {"part": part, "amount": "two"}, {"part": part, "amount": 1, "mode": 3}),
    ):
        assert Draft202012Validator(schema).is_valid(good)
        assert not Draft202012Validator(schema).is_valid(bad)


def test_a_schema_of_a_tools_own_making_is_sent() -> None:
    """A schema that the tool writes itself, as tools of MCP servers do, is sent."""

    class Metadata(ToolMetadata):
        def get_parameters_dict(self) -> dict[str, Any]:
            return {"type": "object", "properties": {"q": {"type": "string"}}, "minProperties": 1}

    made = tool("ask")
    made._metadata = Metadata(name="ask", description="Asks.")
    (function,) = written(made)
    assert function["parameters"] == Metadata("d").get_parameters_dict()


@pytest.mark.parametrize("tools", [tool("add"), "add", 5, {"type": "function"}])
def test_tools_are_a_list(tools: Any) -> None:
    """A single tool, or a name, in the place of the list raises an error that says what to pass."""
    with pytest.raises(ConfigurationError, match="tools must be a list") as caught:
        to_wire_tools(tools)
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize("odd", [5, None, "add", len, Part])
def test_a_tool_is_one(odd: Any) -> None:
    """A bare function raises an error that names `FunctionTool.from_defaults`."""
    with pytest.raises(ConfigurationError, match=r"tools\[1\].*FunctionTool") as caught:
        to_wire_tools([tool("add"), odd])
    assert caught.value.parameter == "tools"


@pytest.mark.parametrize(
    ("choice", "required", "expected"),
    [
        (None, False, None),
        (False, False, None),
        (None, True, "required"),
        ("auto", True, "auto"),
        ("none", False, "none"),
        ("any", False, "any"),
        (True, False, True),
        ("Box[int]", False, "Box[int]"),
        (tool("Box[int]"), False, "Box[int]"),
        ({"type": "tool", "name": "f"}, True, {"type": "tool", "name": "f"}),
    ],
)
def test_tool_choice_in_all_forms(choice: Any, required: bool, expected: Any) -> None:
    """A tool stands for its name, and an explicit choice takes precedence over `tool_required`."""
    assert to_wire_tool_choice(choice, required=required) == expected


@pytest.mark.parametrize("choice", [5, ["add"], len])
def test_a_choice_is_one(choice: Any) -> None:
    """An invalid choice raises an error that says what to pass."""
    with pytest.raises(ConfigurationError, match="a tool or its name") as caught:
        to_wire_tool_choice(choice, required=False)
    assert caught.value.parameter == "tool_choice"


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
    """Incomplete JSON arguments are read as far as possible and raise no error."""
    assert partial_arguments(text) == expected


def test_selections_of_finished_calls() -> None:
    """Dict arguments are used as they are, and calls without ids get one."""
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
    """Calls in `additional_kwargs` of another class's answer are read in the form of each class."""
    message = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [entry]})
    (found,) = tool_selections(message)
    assert (found.tool_id, found.tool_name, found.tool_kwargs) == ("c1", "f", {"a": 1})
