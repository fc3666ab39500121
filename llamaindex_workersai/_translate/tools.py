"""Tools: LlamaIndex tools -> wire definitions, and an answer's calls -> tool selections."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from pydantic_core import from_json

from llamaindex_workersai._translate.messages import older_calls

_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")
_MODES = frozenset({"auto", "none", "required", "any"})


def wire_name(name: str) -> str:
    """Write a name with the letters that function names may have: `Box[int]` -> `Box_int_`."""
    return _UNFIT.sub("_", name)


def wire_names(tools: Sequence[BaseTool]) -> dict[str, str]:
    """Map each tool's own name to a name on the wire that no other tool of the list has."""
    names: dict[str, str] = {}
    for tool in tools:
        own = tool.metadata.get_name()
        fit = base = wire_name(own)
        count = 1
        while fit in names.values() and own not in names:
            count += 1
            fit = f"{base}_{count}"
        names.setdefault(own, fit)
    return names


def to_wire_tool(tool: BaseTool, name: str, *, strict: bool | None = None) -> dict[str, Any]:
    """Write a tool's definition; descriptions may have any length."""
    definition = tool.metadata.to_openai_tool(skip_length_check=True)
    function = {**definition["function"], "name": name}
    if strict is not None:
        function["strict"] = strict
    return {**definition, "function": function}


def is_of_program(tools: Sequence[BaseTool]) -> bool:
    """Tell whether the one tool is the output class of a LlamaIndex program."""
    function = getattr(tools[0], "real_fn", None) if len(tools) == 1 else None
    return getattr(function, "__qualname__", "").startswith("get_function_tool.")


def to_wire_tool_choice(
    choice: str | Mapping[str, Any] | None, names: Mapping[str, str], *, required: bool
) -> str | dict[str, Any] | None:
    """Write what must be called.

    Args:
        choice: `auto`, `none`, `required`, `any`, a tool's own name, or the API's own form.
        names: Own names to wire names.
        required: Whether any tool must be called; a `choice` goes before it.

    Returns:
        `None` if nothing needs to be sent: a model with tools decides by itself.
    """
    if choice is None:
        return "required" if required else None
    if isinstance(choice, str):
        return choice if choice in _MODES else names.get(choice, wire_name(choice))
    function = choice.get("function")
    if not isinstance(function, Mapping) or function.get("name") not in names:
        return dict(choice)
    return {**choice, "function": {**function, "name": names[function["name"]]}}


def tool_selections(message: ChatMessage) -> list[ToolSelection]:
    """Read the calls of an answer, finished or still streaming.

    Arguments that are still text are read as far as they go. Answers made by other classes,
    which keep calls in `additional_kwargs` alone, are read too. The selections are copies: a tool
    that changes its arguments does not change what the model is shown of its own call.
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [
            _selection(place, block.tool_call_id, block.tool_name, block.tool_kwargs)
            for place, block in enumerate(blocks)
        ]
    return [_selection(place, *call) for place, call in enumerate(older_calls(message))]


def _selection(place: int, call_id: str | None, name: str, arguments: Any) -> ToolSelection:
    return ToolSelection(
        tool_id=call_id or f"call_{place}",
        tool_name=name,
        tool_kwargs=_own_arguments(arguments),
    )


def _own_arguments(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, str):
        return partial_arguments(arguments)
    return copy.deepcopy(dict(arguments)) if isinstance(arguments, Mapping) else {}


def partial_arguments(text: str) -> dict[str, Any]:
    """Read the beginning of a JSON object; strings may end in the middle."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
