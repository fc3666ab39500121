"""Tools and the choice of one in their common forms -> the one form that every model takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from workersai._checks import check_items
from workersai._models.profile import ModelProfile
from workersai.errors import ConfigurationError

__all__ = ["to_wire_tool_choice", "to_wire_tools", "tool_names"]

T = TypeVar("T")


def tool_names(tools: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of tools in their wire form."""
    return frozenset(tool["function"]["name"] for tool in tools if tool["type"] == "function")


def to_wire_tools(
    tools: Sequence[Mapping[str, Any]] | None, profile: ModelProfile
) -> list[dict[str, Any]]:
    """Write tool definitions in the nested form, the only one that every model takes.

    Args:
        tools: In the OpenAI form, the flat form `{name, description, parameters}`, or the
            Anthropic form `{name, description, input_schema}`.
        profile: The model's.

    Raises:
        ConfigurationError: If a definition has none of these forms.
    """
    listed = [] if tools is None else check_items("tools", tools)
    return [_to_wire_tool(i, tool, profile) for i, tool in enumerate(listed)]


def _to_wire_tool(position: int, tool: Any, profile: ModelProfile) -> dict[str, Any]:
    given = tool if isinstance(tool, Mapping) else {}
    if given.get("type", "function") != "function" and "input_schema" not in given:
        return dict(given)  # `custom` tools: listed by the OpenAI-schema models
    inner = given.get("function", given)
    function = dict(inner) if isinstance(inner, Mapping) else {}
    if not isinstance(function.get("name"), str):
        raise ConfigurationError(
            f"tools[{position}] has no name: pass {{'type': 'function', 'function': "
            f"{{'name': ..., 'parameters': ...}}}}",
            parameter="tools",
        )
    parameters = _to_wire_schema(position, function)
    function = {
        key: value
        for key, value in function.items()
        if key in {"name", "description", "strict"} and value is not None
    }
    function["parameters"] = parameters
    if profile.describes_properties:
        function.setdefault("description", "")
        function["parameters"]["properties"] = _describe(function["parameters"])
    return {"type": "function", "function": function}


def _to_wire_schema(position: int, function: Mapping[str, Any]) -> dict[str, Any]:
    schema = function.get("input_schema") or function.get("parameters") or {}
    properties = (schema.get("properties") or {}) if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        raise ConfigurationError(
            f"tools[{position}] has parameters that are no JSON schema of an object",
            parameter="tools",
        )
    return {"type": "object", **schema, "properties": properties}


def _describe(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Give every property the `type` and `description` that the model's page requires."""
    definitions = {**_field(schema, "definitions", dict), **_field(schema, "$defs", dict)}
    return {
        name: {
            "description": "",
            **(spec if isinstance(spec, Mapping) else {}),
            "type": _type_of(spec, definitions),
        }
        for name, spec in schema["properties"].items()
    }


def _field(schema: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """Return a field of a schema, empty where it is not of the kind that JSON Schema wants."""
    found = schema.get(key)
    return found if isinstance(found, kind) else kind()


_TYPE_NAMES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def _type_of(spec: Any, definitions: Mapping[str, Any], depth: int = 0) -> str:
    """Return one type for a property; of several, the first that is not null."""
    if not isinstance(spec, Mapping) or depth > len(definitions) + 8:
        return "string"
    if isinstance(declared := spec.get("type"), str):
        return declared
    if isinstance(declared, list):
        return next((kind for kind in declared if kind != "null"), "null")
    if isinstance(reference := spec.get("$ref"), str):
        return _type_of(definitions.get(reference.rsplit("/", 1)[-1]), definitions, depth + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        for option in _field(spec, key, list):
            if (found := _type_of(option, definitions, depth + 1)) != "null":
                return found
    values = _field(spec, "enum", list) or ([spec["const"]] if "const" in spec else [])
    if values:
        return _TYPE_NAMES.get(type(values[0]), "string")
    return "object" if "properties" in spec else "string"


def to_wire_tool_choice(
    choice: str | bool | Mapping[str, Any] | None, names: frozenset[str]
) -> str | dict[str, Any] | None:
    """Write a tool choice as the wire has it.

    Args:
        choice: `None` (the model decides), `auto`, `none`, `required` or its other names `any`
            and `True`, a tool's name, or a dict that is sent as it is.
        names: The tools of the request.

    Raises:
        ConfigurationError: If a call is required but there is no tool, or no such tool.
    """
    if choice is None or choice is False:
        return None
    if isinstance(choice, Mapping):
        return dict(choice)
    if not names:
        if choice in ("auto", "none"):
            return None
        raise ConfigurationError(
            f"tool_choice={choice!r} asks for a call, but the request has no tools",
            parameter="tool_choice",
        )
    if choice is True or choice == "any":
        return "required"  # `any` is refused with 8001
    if choice in ("auto", "none", "required"):
        return choice
    if not isinstance(choice, str) or choice not in names:
        raise ConfigurationError(
            f"tool_choice={choice!r} names no tool of the request; it has {sorted(names)}",
            parameter="tool_choice",
        )
    return {"type": "function", "function": {"name": choice}}
