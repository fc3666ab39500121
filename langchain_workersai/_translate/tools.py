"""Convert LangChain tools and schemas to wire tools, tool choices and response formats."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from langchain_workersai._errors import ConfigurationError
from langchain_workersai._translate.schemas import (
    SCHEMA_TYPES,
    ToolLike,
    describe,
    is_type,
    output_schema,
)
from workersai.integration import function_tool


def to_wire_tools(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Convert tools to the nested OpenAI shape.

    Args:
        tools: LangChain tools, functions, pydantic classes, TypedDicts, dataclasses, JSON schemas
            with a title, OpenAI or Anthropic dicts. A dict with a `type` other than `function`
            or `object` is a server's own tool and is not changed.
        strict: Sets `strict` on each function; with `True`, schemas also forbid extra keys.

    Returns:
        New dicts that share nothing with *tools*.

    Raises:
        ConfigurationError: If *tools* is not a list, or an entry is not a tool.
    """
    if isinstance(tools, str | Mapping | BaseModel) or not isinstance(tools, Iterable):
        raise ConfigurationError(
            f"tools must be a list of tools, not {type(tools).__name__}: pass [tool], or for a "
            "toolkit its get_tools()",
            parameter="tools",
        )
    return [to_wire_tool(tool, strict=strict, place=f"tools[{i}]") for i, tool in enumerate(tools)]


def to_wire_tool(
    tool: ToolLike, *, strict: bool | None = None, place: str = "tool"
) -> dict[str, Any]:
    """Convert one tool; see `to_wire_tools`.

    Args:
        tool: The tool.
        strict: As in `to_wire_tools`.
        place: Its position, for the error.
    """
    if isinstance(tool, Mapping) and _is_servers_own(tool):
        return copy.deepcopy(dict(tool))
    check_strict(strict)
    described = describe(tool, place=place)
    name = described.name or described.schema.get("title")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            f"{place} has no name: pass a 'name', or a JSON schema with a 'title'",
            parameter="tools",
        )
    if None not in (strict, described.strict) and strict != described.strict:
        raise ConfigurationError(
            f"{place} has strict={described.strict} itself: leave out strict={strict}, or the "
            "tool's own",
            parameter="strict",
        )
    strict = described.strict if strict is None else strict
    schema = copy.deepcopy(dict(described.schema))
    return function_tool(name, described.description, schema, strict=strict)


def check_strict(strict: Any) -> None:
    """Check that `strict` is `True`, `False` or `None`.

    Raises:
        ConfigurationError: It is something else.
    """
    if strict is not None and not isinstance(strict, bool):
        raise ConfigurationError(
            f"strict must be True, False or None, not {strict!r}", parameter="strict"
        )


def _is_servers_own(tool: Mapping[str, Any]) -> bool:
    kind = tool.get("type")
    return isinstance(kind, str) and kind not in SCHEMA_TYPES and "input_schema" not in tool


def is_wire_tool(tool: ToolLike) -> bool:
    """Return whether a tool is in wire form already, or is a server's own."""
    if not isinstance(tool, Mapping):
        return False
    if tool.get("type") == "function":
        return isinstance(tool.get("function"), Mapping)
    return _is_servers_own(tool)


def to_wire_tool_choice(choice: Any) -> Any:
    """Convert LangChain's `tool_choice` for the core, which reads texts and dicts.

    To force a tool, pass the tool, the function or class that was bound as one, or its dict.

    Raises:
        ConfigurationError: If it has no valid form.
    """
    if choice is None or choice is False:
        return None
    if choice is True or isinstance(choice, str):
        return choice
    if isinstance(choice, Mapping):
        return copy.deepcopy(dict(choice))
    if isinstance(choice, BaseTool) or is_type(choice) or callable(choice):
        return to_wire_tool(choice, place="tool_choice")["function"]["name"]
    raise ConfigurationError(
        "tool_choice must be 'auto', 'none', 'required' (or 'any', or True), a tool or its name, "
        f"or a dict as in the OpenAI API, not {type(choice).__name__}",
        parameter="tool_choice",
    )


def to_wire_response_format(schema: ToolLike, *, strict: bool | None = None) -> dict[str, Any]:
    """Convert a schema to a `response_format`; a response format is returned unchanged.

    Raises:
        ConfigurationError: If it is neither.
    """
    if isinstance(schema, Mapping):
        kind = schema.get("type")
        if isinstance(kind, str) and kind not in SCHEMA_TYPES:
            return _with_strict(copy.deepcopy(dict(schema)), strict)
    check_strict(strict)
    described = describe(schema, place="response_format")
    strict = described.strict if strict is None else strict
    return output_schema(described, wraps=False).response_format(strict=strict)


def _with_strict(wanted: dict[str, Any], strict: bool | None) -> dict[str, Any]:
    envelope = wanted.get("json_schema")
    if strict is not None and isinstance(envelope, dict) and "schema" in envelope:
        envelope.setdefault("strict", strict)
    return wanted
