"""Read types from JSON schemas, and rewrite schemas for models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["closed", "resolve_root", "single_type", "without_generated_titles"]

_ALL = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_NUMBERS = frozenset({"integer", "number"})
_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
_IMPLIED = {"properties": "object", "items": "array", "prefixItems": "array"}
"""Keywords that apply to one type. Strictly, values of other types pass them; authors of
schemas mean that type only."""

_DEPTH = 32


def single_type(schema: Any, root: Mapping[str, Any]) -> str | None:
    """Return the one type of all values that fit a schema; `None` if it is not one type.

    Args:
        schema: A schema inside *root*.
        root: The document with the definitions that the schema refers to.
    """
    found = _Reader(root).possible(schema, 0)
    if found == _NUMBERS:
        return "number"
    return next(iter(found)) if len(found) == 1 else None


class _Reader:
    """Reads the types of one document's schemas; resolves each reference once."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._targets: dict[str, frozenset[str]] = {}

    def possible(self, schema: Any, depth: int) -> frozenset[str]:
        """Return the types that a schema allows; all types if the schema cannot be read."""
        if not isinstance(schema, Mapping) or depth > _DEPTH:
            return frozenset() if schema is False else _ALL
        found = _declared(schema) & _of_values(schema)
        if isinstance(reference := schema.get("$ref"), str):
            found &= self._of_target(reference, depth)
        for key in ("anyOf", "oneOf"):
            if isinstance(options := schema.get(key), list) and options:
                found &= frozenset[str]().union(*(self.possible(o, depth + 1) for o in options))
        if isinstance(parts := schema.get("allOf"), list):
            for part in parts:
                found &= self.possible(part, depth + 1)
        return found

    def _of_target(self, reference: str, depth: int) -> frozenset[str]:
        if reference not in self._targets:
            self._targets[reference] = _ALL  # the result for a schema that refers to itself
            self._targets[reference] = self.possible(_target(reference, self._root), depth + 1)
        return self._targets[reference]


def _declared(schema: Mapping[str, Any]) -> frozenset[str]:
    declared = schema.get("type")
    kinds = declared if isinstance(declared, list) else [declared]
    named = frozenset(kind for kind in kinds if isinstance(kind, str))
    if not named:
        implied = frozenset(kind for key, kind in _IMPLIED.items() if key in schema)
        return implied if len(implied) == 1 else _ALL
    return named | _NUMBERS if "number" in named else named


def _of_values(schema: Mapping[str, Any]) -> frozenset[str]:
    values = schema.get("enum")
    if not isinstance(values, list):
        if "const" not in schema:
            return _ALL
        values = [schema["const"]]
    return frozenset(_TYPES.get(type(value), "") for value in values)


def resolve_root(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Expand a schema that consists of a reference into its own definitions.

    Pydantic writes recursive classes this way, and a server that looks for `properties` at the
    top level does not find them. The definitions are kept, because inner schemas refer to them.
    """
    found, seen = dict(schema), set[str]()
    while isinstance(reference := found.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        kind, _, name = reference.removeprefix("#/").partition("/")
        definitions = schema.get(kind) if kind in ("$defs", "definitions") else None
        target = definitions.get(name) if isinstance(definitions, Mapping) else None
        if not isinstance(target, Mapping):
            break
        found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
    return found


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    """Return the target of a reference into the same document; `None` if it is missing."""
    if not reference.startswith("#"):
        return None
    found: Any = root
    for step in reference[1:].strip("/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) and key else found
    return found


# ---------------------------------------------------------------------------------- rewriting

_NAMED_SCHEMAS = frozenset({"$defs", "definitions", "patternProperties", "properties"})
"""Keywords whose value maps names, not keywords, to schemas."""

_DATA = frozenset({"const", "default", "enum", "example", "examples"})
"""Keywords whose value is data, not a schema."""


def _rewritten(
    schema: Any, change: Callable[[str, dict[str, Any]], dict[str, Any]], name: str = ""
) -> Any:
    """Copy a schema; *change* is applied to each object in it and gets the key it is under."""
    if isinstance(schema, list):
        return [_rewritten(item, change) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED_SCHEMAS and isinstance(value, Mapping):
            made[key] = {own: _rewritten(inner, change, own) for own, inner in value.items()}
        else:
            made[key] = value if key in _DATA else _rewritten(value, change)
    return change(name, made)


def closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a schema with `additionalProperties: false` in its objects, as `strict` requires."""

    def change(_: str, made: dict[str, Any]) -> dict[str, Any]:
        return {**made, **({"additionalProperties": False} if "properties" in made else {})}

    found: dict[str, Any] = _rewritten(schema, change)
    return found


def without_generated_titles(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a schema without the titles that pydantic generates from names.

    They repeat the names, and each costs tokens in every request.
    """

    def change(name: str, made: dict[str, Any]) -> dict[str, Any]:
        if name and made.get("title") in (name, name.title().replace("_", " ").strip()):
            return {key: value for key, value in made.items() if key != "title"}
        return made

    found: dict[str, Any] = _rewritten(schema, change)
    return found
