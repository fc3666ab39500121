"""LangChain tools and schemas -> the wire's tools, tool choice and response format."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool

ToolLike: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
"""What LangChain accepts as a tool."""


def to_wire_tools(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Write tools in the nested OpenAI shape.

    Args:
        tools: LangChain tools, functions, pydantic classes, TypedDicts, JSON schemas with a
            title, OpenAI or Anthropic dicts. A dict with a `type` other than `function` or
            `object` is a server's own tool and passes as it is.
        strict: Sets `strict` on each function; with `True`, schemas also forbid extra keys.

    Returns:
        New dicts; nothing that was passed is shared or changed.
    """
    return [to_wire_tool(tool, strict=strict) for tool in tools]


def to_wire_tool(tool: ToolLike, *, strict: bool | None = None) -> dict[str, Any]:
    """Write one tool; see `to_wire_tools`."""
    if not isinstance(tool, Mapping):
        return convert_to_openai_tool(tool, strict=strict)
    own = copy.deepcopy(dict(tool))
    if own.get("type") == "function":
        # In the flat form, name and parameters are beside the type.
        flat = {key: value for key, value in own.items() if key != "type"}
        return convert_to_openai_tool(own.get("function") or flat, strict=strict)
    return own if is_wire_tool(own) else convert_to_openai_tool(own, strict=strict)


def is_wire_tool(tool: ToolLike) -> bool:
    """Whether a tool already is as the wire has it, or the server's own."""
    if not isinstance(tool, Mapping):
        return False
    if (kind := tool.get("type")) == "function":
        return isinstance(tool.get("function"), Mapping)
    return kind not in (None, "object") and "input_schema" not in tool


def to_wire_tool_choice(
    choice: str | bool | Mapping[str, Any] | None,
) -> str | bool | dict[str, Any] | None:
    """Write LangChain's `tool_choice` for the core; `False` is "nothing chosen"."""
    if choice is None or choice is False:
        return None
    return dict(choice) if isinstance(choice, Mapping) else choice


def to_wire_response_format(schema: ToolLike, *, strict: bool | None = None) -> dict[str, Any]:
    """Write a schema as a `response_format`; a dict of a type that no schema has passes."""
    if isinstance(schema, Mapping):
        kind = schema.get("type")
        if isinstance(kind, str) and kind not in SCHEMA_TYPES:
            return dict(schema)
    json_schema = _json_schema(schema, strict=strict)
    envelope: dict[str, Any] = {"name": json_schema.get("title", "answer"), "schema": json_schema}
    if strict is not None:
        envelope["strict"] = strict
    return {"type": "json_schema", "json_schema": envelope}


SCHEMA_TYPES = frozenset(
    {"array", "boolean", "function", "integer", "null", "number", "object", "string"}
)
"""JSON Schema's types, and that of a tool, whose parameters are a schema."""


def _json_schema(schema: ToolLike, *, strict: bool | None) -> dict[str, Any]:
    if isinstance(schema, Mapping):
        own = copy.deepcopy(dict(schema))
        if "name" not in own and own.get("type") != "function":
            return own
        return convert_to_json_schema(own, strict=strict)
    return convert_to_json_schema(schema, strict=strict)
