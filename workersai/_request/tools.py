"""Write tools and tool choices in the one form that every model accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workersai._checks import check_items
from workersai._models.profile import ModelProfile
from workersai._names import acceptable_name, is_acceptable_name, wire_names
from workersai._schemas import resolve_root, single_type
from workersai.errors import ConfigurationError

__all__ = [
    "check_functions",
    "rename_calls",
    "to_wire_tool_choice",
    "to_wire_tools",
    "tool_names",
    "with_wire_name",
]

Names = Mapping[str, str]
"""The caller's name of a tool -> its name in the request."""


def tool_names(tools: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Map the names of tools in wire form to names that models accept."""
    return wire_names(tool["function"]["name"] for tool in tools if tool["type"] == "function")


def with_wire_name(tool: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return a tool in wire form under its name in the request."""
    if tool["type"] != "function":
        return dict(tool)
    function = tool["function"]
    return {**tool, "function": {**function, "name": names[function["name"]]}}


def to_wire_tools(
    tools: Sequence[Mapping[str, Any]] | None, profile: ModelProfile
) -> list[dict[str, Any]]:
    """Write tool definitions in the nested form, which is the only one that every model accepts.

    Args:
        tools: In the OpenAI form, the flat form `{name, description, parameters}`, or the
            Anthropic form `{name, description, input_schema}`.
        profile: The model's profile.

    Returns:
        The definitions, with the caller's names.

    Raises:
        ConfigurationError: If a definition has none of these forms.
    """
    listed = [] if tools is None else check_items("tools", tools)
    return [_to_wire_tool(i, tool, profile) for i, tool in enumerate(listed)]


def _to_wire_tool(position: int, tool: Any, profile: ModelProfile) -> dict[str, Any]:
    definition = tool if isinstance(tool, Mapping) else {}
    if definition.get("type", "function") != "function" and "input_schema" not in definition:
        return dict(definition)  # `custom` tools: listed by the OpenAI-schema models
    inner = definition.get("function", definition)
    function = dict(inner) if isinstance(inner, Mapping) else {}
    if not isinstance(function.get("name"), str) or not function["name"]:
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
    described = function.get("input_schema") or function.get("parameters") or {}
    schema = resolve_root(described) if isinstance(described, Mapping) else {"type": None}
    properties = schema.get("properties")
    properties = {} if properties is None else properties
    kinds = schema.get("type", "object")
    takes_objects = "object" in (kinds if isinstance(kinds, list) else [kinds])
    if not takes_objects or not isinstance(properties, Mapping):
        raise ConfigurationError(
            f"tools[{position}] has parameters that are not the JSON schema of an object: pass "
            "{'type': 'object', 'properties': {...}}",
            parameter="tools",
        )
    return {**schema, "type": "object", "properties": properties}


def _describe(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Add to properties the `description`, and the `type` where it is known, that pages require."""
    described = {}
    for name, spec in schema["properties"].items():
        own = spec if isinstance(spec, Mapping) else ({"not": {}} if spec is False else {})
        kind = None if "type" in own else single_type(own, schema)
        described[name] = {"description": "", **own, **({} if kind is None else {"type": kind})}
    return described


def check_functions(functions: Any) -> None:
    """Check the older form of tools, which is sent as it is.

    Raises:
        ConfigurationError: If it is not a list of dicts with a name.
    """
    if functions is None:
        return
    is_list = isinstance(functions, Sequence) and not isinstance(functions, str)
    listed = functions if is_list else ()
    named = (isinstance(each, Mapping) and each.get("name") for each in listed)
    if not is_list or not all(named):
        raise ConfigurationError(
            "functions must be a list of dicts with a name: pass [{'name': ..., 'parameters': "
            "{...}}], or tools=[...]",
            parameter="functions",
        )


# ------------------------------------------------------------------------ the choice of a tool

_MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
_FORMS = (
    "pass 'auto', 'none', 'required' (or 'any', or True), the name of a tool, or a dict as in the "
    "OpenAI API"
)


def to_wire_tool_choice(
    choice: str | bool | Mapping[str, Any] | None, names: Names
) -> str | dict[str, Any] | None:
    """Write a tool choice for the wire.

    Args:
        choice: `None` or `False` (the model decides), `auto`, `none`, `required` or its synonyms
            `any` and `True`, a tool's name, or a dict in OpenAI's or Anthropic's form. A dict of
            another type is sent unchanged.
        names: The names of the request's tools.

    Raises:
        ConfigurationError: If *choice* has none of these forms, or requires a call although the
            request has no tool, or no tool of that name.
    """
    if choice is None or choice is False:
        return None
    mode, name = _read_choice(choice)
    if mode is None and name is None:
        if isinstance(choice, Mapping) and choice.get("type") not in (None, "function", "tool"):
            # `custom`, `allowed_tools`, and types that may be added later.
            return {key: _with_wire_names(value, names) for key, value in choice.items()}
        raise ConfigurationError(
            f"tool_choice={choice!r} is not valid: {_FORMS}", parameter="tool_choice"
        )
    if not names:
        if mode in ("auto", "none"):
            return None
        raise ConfigurationError(
            f"tool_choice={choice!r} requires a call, but the request has no tools: pass tools, "
            "or leave tool_choice out",
            parameter="tool_choice",
        )
    if mode is not None:
        return mode  # the server refuses `any` itself with 8001
    return {"type": "function", "function": {"name": _known(name or "", names, choice)}}


def _read_choice(choice: Any) -> tuple[str | None, str | None]:
    """Read the mode or the tool's name from a choice; return `None` twice if it has neither."""
    if choice is True:
        return "required", None
    if isinstance(choice, str):
        return (_MODES[choice], None) if choice in _MODES else (None, choice)
    if not isinstance(choice, Mapping):
        return None, None
    kind = choice.get("type", "function")
    if isinstance(kind, str) and kind in _MODES:  # Anthropic's {"type": "any"}
        return _MODES[kind], None
    inner = choice.get("function", choice)
    name = inner.get("name") if isinstance(inner, Mapping) else None
    return None, name if kind in ("function", "tool") and isinstance(name, str) else None


def _known(name: str, names: Names, choice: Any) -> str:
    if name in names:
        return names[name]
    if name in names.values():
        return name
    raise ConfigurationError(
        f"tool_choice={choice!r} does not name a tool of the request; it has {sorted(names)}",
        parameter="tool_choice",
    )


def _with_wire_names(value: Any, names: Names) -> Any:
    """Replace the tool names inside a choice that is otherwise sent unchanged."""
    if isinstance(value, Mapping):
        return {
            key: names.get(item, item)
            if key == "name" and isinstance(item, str)
            else _with_wire_names(item, names)
            for key, item in value.items()
        }
    return [_with_wire_names(item, names) for item in value] if isinstance(value, list) else value


def rename_calls(messages: Sequence[dict[str, Any]], names: Names) -> None:
    """Replace the tool names in a history by the request's names.

    Args:
        messages: In wire form; they belong to this request and are modified.
        names: The names of the request's tools; other names are made acceptable.
    """
    for message in messages:
        for call in message.get("tool_calls", ()):
            call["function"]["name"] = _on_wire(call["function"]["name"], names)
        if message["role"] in ("tool", "function") and isinstance(message.get("name"), str):
            message["name"] = _on_wire(message["name"], names)


def _on_wire(name: Any, names: Names) -> Any:
    if not isinstance(name, str) or not name or is_acceptable_name(name):
        return name
    return names.get(name) or acceptable_name(name)
