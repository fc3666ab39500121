"""Convert LlamaIndex tools to wire definitions, and an answer's calls to tool selections."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolMetadata
from pydantic_core import from_json

from llamaindex_workersai._translate.messages import older_calls
from workersai import ConfigurationError
from workersai.integration import function_tool, resolve_root, without_generated_titles


def to_wire_tools(tools: Any, *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Convert tools to definitions.

    Args:
        tools: LlamaIndex tools; they are not modified.
        strict: Set on every definition unless `None`; with `True`, schemas also forbid other keys.

    Raises:
        ConfigurationError: It is not a list, or an entry is not a tool.
    """
    if strict is not None and not isinstance(strict, bool):
        raise ConfigurationError(
            f"strict must be True, False or None, not {strict!r}", parameter="strict"
        )
    if isinstance(tools, (str, bytes, Mapping, BaseTool)) or not isinstance(tools, Iterable):
        raise ConfigurationError(
            f"tools must be a list of tools, not {type(tools).__name__}: pass [tool]",
            parameter="tools",
        )
    return [_to_wire_tool(place, tool, strict) for place, tool in enumerate(tools)]


def _to_wire_tool(place: int, tool: Any, strict: bool | None) -> dict[str, Any]:
    if isinstance(tool, Mapping):
        return copy.deepcopy(dict(tool))  # already in the API's form
    if not isinstance(tool, BaseTool):
        raise ConfigurationError(
            f"tools[{place}] must be a LlamaIndex tool, not {type(tool).__name__}: pass "
            "FunctionTool.from_defaults(function)",
            parameter="tools",
        )
    metadata = tool.metadata
    if not metadata.name:
        raise ConfigurationError(
            f"tools[{place}] has no name: set the name of its metadata", parameter="tools"
        )
    return function_tool(metadata.name, metadata.description, _schema(metadata), strict=strict)


def _schema(metadata: ToolMetadata) -> dict[str, Any]:
    """Return the schema of a tool's arguments.

    LlamaIndex's own dict lacks keywords beside the properties: references, unions,
    `additionalProperties`. If a class overrides the method that makes the dict, its dict is used.
    """
    is_plain = type(metadata).get_parameters_dict is ToolMetadata.get_parameters_dict
    if is_plain and metadata.fn_schema is not None:
        return without_generated_titles(resolve_root(metadata.fn_schema.model_json_schema()))
    return metadata.get_parameters_dict()


def is_of_program(tools: Sequence[BaseTool]) -> bool:
    """Return whether the one tool is the output class of a LlamaIndex program."""
    is_one = isinstance(tools, Sequence) and len(tools) == 1
    function = getattr(tools[0], "real_fn", None) if is_one else None
    return getattr(function, "__qualname__", "").startswith("get_function_tool.")


def to_wire_tool_choice(choice: Any, *, required: bool) -> str | bool | dict[str, Any] | None:
    """Convert the choice of a tool for the core, which reads texts and dicts.

    Args:
        choice: `auto`, `none`, `required`, `any`, `True`, a tool or its name, or a dict in the
            API's or Anthropic's form; it overrides *required*.
        required: Whether any tool must be called.

    Returns:
        `None` if the request needs no choice: a model with tools decides by itself.

    Raises:
        ConfigurationError: It has no valid form.
    """
    if choice is None or choice is False:
        return "required" if required else None
    if isinstance(choice, BaseTool):
        return choice.metadata.get_name()
    if choice is True or isinstance(choice, str):
        return choice
    if isinstance(choice, Mapping):
        return copy.deepcopy(dict(choice))
    raise ConfigurationError(
        "tool_choice must be 'auto', 'none', 'required' (or 'any', or True), a tool or its name, "
        f"or a dict as in the OpenAI API, not {type(choice).__name__}",
        parameter="tool_choice",
    )


def tool_selections(message: ChatMessage) -> list[ToolSelection]:
    """Read the calls of an answer, finished or still streaming.

    Arguments that are still text are read as far as possible. Answers of other classes, which have
    their calls in `additional_kwargs`, are read too. The selections are copies, so that a tool that
    modifies its arguments does not change the history.
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
        tool_kwargs=_copied_arguments(arguments),
    )


def _copied_arguments(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, str):
        return partial_arguments(arguments)
    return copy.deepcopy(dict(arguments)) if isinstance(arguments, Mapping) else {}


def partial_arguments(text: str) -> dict[str, Any]:
    """Read the beginning of a JSON object; strings may be incomplete."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
