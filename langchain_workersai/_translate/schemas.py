"""Get the JSON schema of anything that LangChain accepts as one, and read JSON by it."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, TypeAlias, get_args, get_origin

from langchain_core.tools import BaseTool, Tool, create_schema_from_function
from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import from_json
from typing_extensions import NotRequired, Required, get_type_hints, is_typeddict

from langchain_workersai._errors import ConfigurationError
from workersai.integration import OutputSchema, resolve_root, without_generated_titles

ToolLike: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
"""The types that LangChain accepts as a tool or as a schema."""

# ------------------------------------------------------------------------- forms of dicts

SCHEMA_TYPES = frozenset(
    {"array", "boolean", "function", "integer", "null", "number", "object", "string"}
)
"""JSON Schema's types, and that of a tool, whose parameters are a schema."""


@dataclasses.dataclass(frozen=True)
class Described:
    """A JSON schema and the facts beside it.

    Attributes:
        name: `None` to use the schema's title.
        description: `None` to use the schema's own.
        schema: The JSON schema.
        strict: The value in an envelope or a tool.
    """

    name: str | None
    description: str | None
    schema: Mapping[str, Any]
    strict: bool | None = None


def describe(schema: Any, *, place: str = "schema") -> Described:
    """Get the JSON schema of anything that LangChain accepts as one.

    Args:
        schema: A pydantic class, TypedDict, dataclass or another type; a function or a tool
            (for its arguments); a JSON schema, alone or in an envelope
            `{name, schema, strict}`; a tool as a dict; a `json_schema` response format.
        place: The argument or its part, such as `tools[0]`, for the error.

    Raises:
        ConfigurationError: If it is none of these.
    """
    if isinstance(schema, Mapping):
        return _of_dict(schema, place)
    try:
        return _of_object(schema, place)
    except (NameError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        reason = " ".join(str(error).split())[:200]
    raise ConfigurationError(
        f"{place}: no JSON schema can be made of {schema!r}: {reason}", parameter=_argument(place)
    )


def _argument(place: str) -> str:
    return place.partition("[")[0]


def _of_dict(described: Mapping[str, Any], place: str) -> Described:
    found = described
    if described.get("type") == "json_schema":
        inner = described.get("json_schema")
        flat = {key: value for key, value in described.items() if key != "type"}
        found = inner if isinstance(inner, Mapping) else flat
    elif isinstance(described.get("function"), Mapping):
        found = described["function"]
    elif isinstance(described.get("toolSpec"), Mapping):  # Amazon Bedrock's form
        found = {**described["toolSpec"], **_bedrock_schema(described["toolSpec"])}
    for key in ("schema", "parameters", "input_schema"):
        if isinstance(found.get(key), Mapping) and "properties" not in found:
            return Described(
                _text(found, "name"), _text(found, "description"), found[key], _flag(found)
            )
    if isinstance(found.get("name"), str) and "properties" not in found:
        return Described(found["name"], _text(found, "description"), {"properties": {}})
    kind = found.get("type")
    if not found or (isinstance(kind, str) and kind not in SCHEMA_TYPES):
        raise ConfigurationError(
            f"{place}: {dict(described)!r} contains no JSON schema", parameter=_argument(place)
        )
    return Described(None, None, resolve_root(found))


def _bedrock_schema(spec: Mapping[str, Any]) -> dict[str, Any]:
    schema = spec.get("inputSchema")
    return {"parameters": schema.get("json")} if isinstance(schema, Mapping) else {}


def _text(described: Mapping[str, Any], key: str) -> str | None:
    return found if isinstance(found := described.get(key), str) else None


def _flag(described: Mapping[str, Any]) -> bool | None:
    return found if isinstance(found := described.get("strict"), bool) else None


# ------------------------------------------------------------------- types, functions, tools


def _of_object(schema: Any, place: str) -> Described:
    if isinstance(schema, BaseTool):
        return _of_tool(schema)
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return Described(None, None, _of_class(schema))
    if is_typeddict(schema):
        return Described(None, None, _own(_of_typed_dict(schema)))
    if is_type(schema):
        return Described(_type_name(schema), None, _own(TypeAdapter(schema).json_schema()))
    if callable(schema) and hasattr(schema, "__name__"):
        return _of_function(schema)
    raise ConfigurationError(
        f"{place} must be a pydantic class, a TypedDict, a dataclass or another type, a "
        f"function, a LangChain tool or a JSON schema, not {type(schema).__name__}: {schema!r}",
        parameter=_argument(place),
    )


def is_type(schema: Any) -> bool:
    """Return whether a value is a type, in any form that annotations allow."""
    if isinstance(schema, type | UnionType) or get_origin(schema) is not None:
        return True
    return hasattr(schema, "__value__")  # `type X = ...`


def _type_name(schema: Any) -> str | None:
    name = getattr(schema, "__name__", None)
    return name if isinstance(name, str) and get_origin(schema) is None else None


def _of_class(schema: type[Any]) -> dict[str, Any]:
    if issubclass(schema, BaseModel):
        return _own(schema.model_json_schema())
    return _own(schema.schema())  # a class of pydantic 1, or of `pydantic.v1`


def _own(schema: dict[str, Any]) -> dict[str, Any]:
    """Clean a schema that pydantic generated.

    A reference at its root is expanded, and titles that repeat names are removed, because they
    cost tokens in every request.
    """
    return without_generated_titles(resolve_root(schema))


def _of_tool(tool: BaseTool) -> Described:
    schema = tool.tool_call_schema
    if isinstance(tool, Tool) and not tool.args_schema:
        # LangChain's simplest tools take one text; its name is LangChain's.
        function = convert_to_openai_function(tool)
        return Described(tool.name, tool.description, function["parameters"])
    read = schema if isinstance(schema, Mapping) else _of_class(schema)
    return Described(tool.name, tool.description, read)


def _of_function(function: Callable[..., Any]) -> Described:
    made = create_schema_from_function(
        function.__name__,
        function,
        parse_docstring=True,
        error_on_invalid_docstring=False,
        filter_args=(),
        include_injected=False,
    )
    return Described(function.__name__, made.__doc__ or "", _of_class(made))


# ------------------------------------------------------------------------------- TypedDicts

_ARGUMENTS = re.compile(r"\n\s*(?:Args|Arguments|Attributes|Keys):[ \t]*\n")
_ARGUMENT = re.compile(r"^(\s+)\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")


def _of_typed_dict(kind: Any) -> dict[str, Any]:
    try:
        schema = TypeAdapter(kind).json_schema()
    except PydanticUserError:
        # Before Python 3.12 pydantic accepts only those of typing_extensions; LangChain accepts
        # both.
        function = convert_to_openai_function(kind)
        # LangChain describes a class without a docstring by that of `dict`.
        description = function.get("description", "") if kind.__doc__ else ""
        return {"title": function["name"], "description": description, **function["parameters"]}
    places = {**schema.get("$defs", {}), schema.get("title", ""): schema}
    for found in _typed_dicts(kind, set()):
        if isinstance(place := places.get(found.__name__), dict):
            _annotate(found, place)
    return schema


def _typed_dicts(kind: Any, seen: set[Any]) -> list[Any]:
    """Find the TypedDicts in a type, including the type itself."""
    found: list[Any] = []
    if is_typeddict(kind):
        if kind in seen:
            return []
        seen.add(kind)
        found.append(kind)
        inner = tuple(get_type_hints(kind).values())
    else:
        inner = get_args(kind)
    for part in inner:
        found += _typed_dicts(part, seen)
    return found


def _annotate(kind: Any, place: dict[str, Any]) -> None:
    """Add what LangChain reads from a TypedDict.

    These are `Annotated[type, default, description]`, and the arguments in a docstring.
    """
    about, described = _parse_docstring(inspect.cleandoc(kind.__doc__ or ""))
    if about:
        place["description"] = about
    properties = place.get("properties", {})
    for name, hint in get_type_hints(kind, include_extras=True).items():
        default, text = _annotations(hint)
        spec = properties.get(name, {})
        if text := described.get(name, text):
            spec["description"] = text
        if default is not ...:
            spec["default"] = default
            place["required"] = [key for key in place.get("required", ()) if key != name]


def _annotations(hint: Any) -> tuple[Any, str | None]:
    """Read the default (`...` if there is none) and the description of a key."""
    while get_origin(hint) in (Required, NotRequired):
        (hint,) = get_args(hint)
    metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    if len(metadata) == 1 and isinstance(metadata[0], str):
        return ..., metadata[0]
    if len(metadata) > 1 and isinstance(metadata[1], str):
        return metadata[0], metadata[1]
    return ..., None


def _parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring in Google's style into its description and its arguments."""
    about, *rest = _ARGUMENTS.split(f"{text}\n", maxsplit=1)
    described: dict[str, str] = {}
    name, indent = "", ""
    for line in rest[0].splitlines() if rest else ():
        if line and not line[0].isspace():
            break  # the next section
        found = _ARGUMENT.match(line)
        if found and (not indent or found.group(1) == indent):
            indent, name, described[found.group(2)] = found.group(1), found.group(2), found.group(3)
        elif name and line.strip():
            described[name] = f"{described[name]} {line.strip()}".strip()
    return about.strip(), described


# ----------------------------------------------------------------------- reading an answer


def output_schema(described: Described, *, wraps: bool = True) -> OutputSchema:
    """Make the schema of an answer; *wraps* as in `OutputSchema.of`."""
    return OutputSchema.of(
        described.schema, name=described.name, description=described.description, wraps=wraps
    )


def has_own_objects(schema: Any) -> bool:
    """Return whether answers become objects of the schema; otherwise they are plain dicts.

    LangChain returns dicts for TypedDicts, JSON schemas, functions and tools.
    """
    if isinstance(schema, Mapping | BaseTool) or schema is None or is_typeddict(schema):
        return False
    return is_type(schema)


def read_object(schema: Any, text: str) -> Any:
    """Read JSON by a schema that has its own objects.

    The value is validated as JSON: with `strict=True`, pydantic accepts a text as a date in JSON
    but not in Python.

    Raises:
        ValueError: If the JSON does not fit; pydantic's `ValidationError` is one.
    """
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        if issubclass(schema, BaseModel):
            return schema.model_validate_json(text)
        first: Any = schema  # a class of pydantic 1
        return first.parse_obj(from_json(text))
    return _adapter(schema).validate_json(text)


@lru_cache(maxsize=64)
def _adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)
