"""Fill a JSON schema with values found in a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workersai.local.engines.clues import Clues
from workersai.local.engines.words import words_of

__all__ = ["fill"]

_DEPTH = 6
"""Below this depth only required properties are filled, so that recursive schemas end."""
_LONGEST_ARRAY = 8
_LARGEST = 10_000
"""The greatest number of items or characters that a schema may require; more counts as not met."""
_EXAMPLES = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}
_NAMED_FORMATS = {
    "date": "date",
    "day": "date",
    "time": "time",
    "email": "email",
    "url": "uri",
    "uri": "uri",
    "link": "uri",
    "uuid": "uuid",
}
_WHOLE_TEXT = frozenset(
    ["query", "question", "text", "message", "content", "prompt", "sentence", "request"]
)

Schema = Mapping[str, Any]


def fill(schema: Schema, text: str, *, optional: bool) -> Any:
    """Fill a schema with values found in a text.

    Args:
        schema: A JSON schema; `$ref` inside it is resolved against itself.
        text: The text to search for values.
        optional: Whether to fill properties that are not required as well.

    Returns:
        A JSON value. It fits common schemas; it may not fit a pattern that no word of the text
        matches, or conditional keywords, so callers must validate it.
    """
    return _Filler(schema, Clues(text), optional=optional).value(schema, "", 0)


class _Filler:
    """Walks through one schema, and uses up the clues on the way."""

    def __init__(self, root: Schema, clues: Clues, *, optional: bool) -> None:
        self._root = root
        self._clues = clues
        self._optional = optional

    def value(self, schema: Any, name: str, depth: int) -> Any:
        schema = self._resolve(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._member(schema)
        kind = _kind_of(schema)
        if kind in {"integer", "number"}:
            return self._number(schema, name, whole=kind == "integer")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return self._boolean(name)
        return None if kind == "null" else self._string(schema, name)

    def _resolve(self, unresolved: Any, depth: int) -> Schema:
        """Follow `$ref`, merge `allOf`, and choose a branch that is not null."""
        if not isinstance(unresolved, Mapping):
            return {}
        schema: Schema = unresolved
        if "$ref" in schema:
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self._resolve({**self._target_of(schema["$ref"]), **rest}, depth)
        for part in schema.get("allOf", ()):
            schema = {**schema, **self._resolve(part, depth), "allOf": ()}
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                branches = [self._resolve(branch, depth) for branch in schema[key]]
                return self._branch(branches, depth)
        return schema

    def _target_of(self, reference: str) -> dict[str, Any]:
        node: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            node = node.get(key, {}) if isinstance(node, Mapping) and key else node
        circular = node is self._root and "$ref" in self._root
        return dict(node) if isinstance(node, Mapping) and not circular else {}

    def _branch(self, branches: list[Schema], depth: int) -> Schema:
        real = [branch for branch in branches if branch.get("type") != "null"]
        if not real or (depth > _DEPTH and len(real) < len(branches)):
            return {"type": "null"}
        mentioned = [branch for branch in real if _overlap(branch, self._clues.text)]
        return max(
            mentioned, key=lambda branch: _overlap(branch, self._clues.text), default=real[0]
        )

    def _member(self, schema: Schema) -> Any:
        options = schema["enum"]
        found = self._clues.member(option for option in options if option is not None)
        if found is not None:
            self._clues.take(str(found))
            return found
        return schema.get("default", options[0] if options else None)

    def _number(self, schema: Schema, name: str, *, whole: bool) -> float | int:
        value = self._labelled_number(name, whole=whole)
        if value is None:
            value = self._clues.number(whole=whole)
        if value is None:
            value = schema.get("default")
        return _into_range(0 if value is None else value, schema, whole=whole)

    def _labelled_number(self, name: str, *, whole: bool) -> float | int | None:
        label = self._clues.labelled(name) if name else None
        if label is None or re.fullmatch(r"-?\d+(?:\.\d+)?", label) is None:
            return None
        if whole and "." in label:
            return None
        self._clues.take(label)
        return float(label) if "." in label else int(label)

    def _boolean(self, name: str) -> bool:
        label = (self._clues.labelled(name) or "").lower() if name else ""
        if label in {"true", "yes", "on", "false", "no", "off"}:
            return label in {"true", "yes", "on"}
        return self._clues.truth()

    def _string(self, schema: Schema, name: str) -> str:
        found = self._formatted(schema, name)
        if found is None:
            found = self._labelled_string(name) or self._by_name(schema, name)
        if "pattern" in schema:
            found = self._matching(schema["pattern"], found)
        return _into_length(found, schema)

    def _formatted(self, schema: Schema, name: str) -> str | None:
        kind = schema.get("format")
        if kind is not None:
            return self._clues.formatted(kind) or _EXAMPLES.get(kind)
        hinted = [
            _NAMED_FORMATS[word] for word in name.lower().split("_") if word in _NAMED_FORMATS
        ]
        return self._clues.formatted(hinted[0]) if hinted else None

    def _labelled_string(self, name: str) -> str | None:
        label = self._clues.labelled(name) if name else None
        if label:
            self._clues.take(label)
        return label

    def _by_name(self, schema: Schema, name: str) -> str:
        described = f"{name} {schema.get('description', '')}".lower()
        if "expression" in described and (expression := self._clues.expression()):
            return expression
        if name.lower() not in _WHOLE_TEXT and (found := self._clues.string()):
            return found
        return str(schema.get("default") or "") or self._clues.text

    def _matching(self, pattern: str, found: str) -> str:
        """Return a match of the pattern: the found value, a word of the text, or its part."""
        try:
            expression = re.compile(pattern)
        except re.error:  # JSON Schema's dialect has expressions that Python does not support
            return found
        candidates = (found, *re.findall(r"[^\s,;?!\"']+", self._clues.text))
        matching = (text for text in candidates if expression.search(text))
        part = re.search(pattern.strip("^$"), self._clues.text)
        return next(matching, part.group() if part else found)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties") or {}
        required = set(schema.get("required", ()))
        every = self._optional and depth <= _DEPTH
        chosen = [
            key for key in properties if key in required or every or self._clues.labelled(key)
        ]
        filled = {key: self.value(properties[key], key, depth + 1) for key in chosen}
        for key in sorted(required - set(properties)):
            filled[key] = self.value(schema.get("additionalProperties", {}), key, depth + 1)
        return filled

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        items = self._resolve(schema.get("items", {}), depth)
        least = min(schema.get("minItems", 0), _LARGEST)
        most = max(least, min(schema.get("maxItems", _LONGEST_ARRAY), _LONGEST_ARRAY))
        found = self._items(items)[:most] if most else []
        wanted = max(least, min(1, most) if depth <= _DEPTH else 0)
        while len(found) < wanted:
            found.append(self.value(items, name, depth + 1))
        return found

    def _items(self, items: Schema) -> list[Any]:
        """Return all values of the text for an array of simple items."""
        if "enum" in items:
            return self._clues.members(items["enum"])
        kind = _kind_of(items)
        if kind in {"integer", "number"}:
            whole = kind == "integer"
            return [_into_range(n, items, whole=whole) for n in self._clues.numbers(whole=whole)]
        plain = kind == "string" and not items.keys() & {"pattern", "format", "const"}
        return [_into_length(text, items) for text in self._clues.strings()] if plain else []


def _kind_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((name for name in kind if name != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _overlap(schema: Schema, text: str) -> int:
    """Count the words of the text in a schema's title, description and properties."""
    described = [
        str(schema.get("title", "")),
        str(schema.get("description", "")),
        str(schema.get("const", "")),
    ]
    return len(
        set(words_of(" ".join((*described, *(schema.get("properties") or {})))))
        & set(words_of(text))
    )


def _into_range(value: Any, schema: Schema, *, whole: bool) -> float | int:
    """Move a number into the schema's range and onto a multiple of its step."""
    number: float | int = value
    step = schema.get("multipleOf")
    if step:
        number = round(number / step) * step
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    nudge = step or (1 if whole else 0.5)
    if low is not None and (number < low or number == schema.get("exclusiveMinimum")):
        number = low + nudge if "exclusiveMinimum" in schema else low
    if high is not None and (number > high or number == schema.get("exclusiveMaximum")):
        number = high - nudge if "exclusiveMaximum" in schema else high
    return int(number) if whole else number


def _into_length(text: str, schema: Schema) -> str:
    """Cut or pad a string to the schema's lengths."""
    least = min(schema.get("minLength", 0), _LARGEST)
    if len(text) < least:
        text = (text or "x").ljust(least, ".")
    return text[: schema.get("maxLength", len(text))]
