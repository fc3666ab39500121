"""JSON answers and tool arguments: find the requested schema, and values that fit it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from workersai.local.engines.base import ChatJob, SchemaNotMet
from workersai.local.engines.clues import Clues
from workersai.local.engines.filling import fill
from workersai.local.engines.routing import PlannedCall
from workersai.local.engines.words import last_user_text, words_of

__all__ = [
    "bounded_schema",
    "compact",
    "filled_arguments",
    "grounded",
    "meeting",
    "meets",
    "wanted_schema",
]

Schema = Mapping[str, Any]

_QUOTED_NAME = re.compile(r"['\"`]([A-Za-z_]\w*)['\"`]")
_KEYS = re.compile(r"\b(?:keys?|fields?|properties)\b", re.IGNORECASE)
_LONGEST_STRING, _LONGEST_ARRAY = 80, 8


def wanted_schema(job: ChatJob) -> Schema | None:
    """Return the schema for a JSON answer.

    For plain `json_object`, clients write the schema into a message, as for models without
    JSON-schema mode, or name the keys; that is used then.
    """
    if job.json_mode is None:
        return None
    return job.json_mode.schema or _written_schema(job) or _named_keys(last_user_text(job))


def meets(schema: Schema, value: Any) -> bool:
    """Return whether a value fits a schema.

    Raises:
        SchemaNotMet: The schema itself is not valid, or refers to another document.
    """
    return _valid(_validator(schema), value)


def meeting(schema: Schema, text: str) -> Any:
    """Make a value from a text, with all properties of the schema or only the required ones.

    Raises:
        SchemaNotMet: No value found in the text fits the schema.
    """
    validator = _validator(schema)
    for optional in (True, False):
        value = fill(schema, text, optional=optional)
        if _valid(validator, value):
            return value
    raise SchemaNotMet("no value found in the request meets the schema")


def _validator(schema: Schema) -> Draft202012Validator:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise SchemaNotMet(error.message) from error
    # An empty registry, because the default one would fetch the target of a request's `$ref`.
    return Draft202012Validator(schema, registry=Registry())


def _valid(validator: Draft202012Validator, value: Any) -> bool:
    try:
        return validator.is_valid(value)
    except Unresolvable as error:
        raise SchemaNotMet(f"the schema points outside itself: {error.ref}") from error


def filled_arguments(call: PlannedCall) -> str:
    """Return the arguments of a call as JSON text, filled by rule from its part of the text."""
    filled = fill(call.tool.parameters, call.text, optional=False)
    return compact(filled if isinstance(filled, dict) else {})


def grounded(value: Any, call: PlannedCall) -> Any:
    """Return a model's arguments, with invented values replaced by rule from the request.

    A model of this size invents: asked to multiply 3 and 4 it may send 6 and 8. An argument is
    kept if the request contains it, or if the rules find no value in the request.
    """
    filled = fill(call.tool.parameters, call.text, optional=False)
    if not (isinstance(value, dict) and isinstance(filled, dict)):
        return value
    replaced = {
        key: filled[key]
        for key, argument in value.items()
        if key in filled
        and not _holds_value(argument, call.text)
        and _holds_value(filled[key], call.text)
    }
    return {**value, **replaced}


def _holds_value(value: Any, text: str) -> bool:
    """Return whether a text contains a value: a whole number, or any word of a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return True
    if isinstance(value, str):
        return bool(set(words_of(value)) & set(words_of(text)))
    clues = Clues(text)
    return any(number == value for number in clues.numbers(whole=False))


def compact(value: Any) -> str:
    """Write JSON text without spaces and without escapes for non-ASCII characters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def bounded_schema(schema: Any) -> Any:
    """Copy a schema and limit the length of every string and array.

    Without limits, a small model that writes under a schema repeats itself inside an open string
    until its tokens run out.
    """
    if isinstance(schema, list):
        return [bounded_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    bounded = {key: bounded_schema(value) for key, value in schema.items()}
    if schema.get("type") == "string" and not schema.keys() & {
        "enum",
        "const",
        "format",
        "pattern",
    }:
        bounded.setdefault("maxLength", max(_LONGEST_STRING, schema.get("minLength", 0)))
    if schema.get("type") == "array":
        bounded.setdefault("maxItems", max(_LONGEST_ARRAY, schema.get("minItems", 0)))
    return bounded


def _written_schema(job: ChatJob) -> Schema | None:
    for message in job.messages:
        text = str(message.get("content") or "")
        start = text.find("{")
        while start >= 0:
            value = _object_at(text, start)
            if value is not None and isinstance(value.get("properties"), dict):
                return value
            start = text.find("{", start + 1)
    return None


def _named_keys(text: str) -> Schema | None:
    """Return a schema for keys that a text names: `with 'name' and 'age' keys`."""
    names = _QUOTED_NAME.findall(text) if _KEYS.search(text) else []
    if not names:
        return None
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _object_at(text: str, start: int) -> dict[str, Any] | None:
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
