"""Write any value that a tool or a model produced as JSON text; never fail.

A tool may return any Python value, and a model may write anything in place of an object. Both are
sent again in the history of every later request, so an error here would end the conversation. A
value without a JSON form becomes the closest text.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json, to_jsonable_python

__all__ = [
    "ObjectText",
    "brief_json",
    "byte_count",
    "clean_text",
    "is_base64",
    "is_object_text",
    "object_text",
    "read_object",
    "whole_json",
]

_DEEPEST = 100
_TOO_DEEP = "(nested too deeply)"
_SHORT = 200
_LONG = 10_000
_PAYLOADS = frozenset(
    {"base64", "b64", "b64_json", "blob", "bytes", "data", "file_data", "image_data"}
)
"""Keys under which content blocks store the bytes of a file."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DATA_URI = re.compile(r"data:([^,]{0,200}),")


class ObjectText(str):
    """The JSON text of an object, as `object_text` has found or written it: known to be one."""

    __slots__ = ()


def clean_text(text: str) -> str:
    """Join surrogate pairs, and replace a half without a partner by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def whole_json(value: Any) -> str:
    """Write any value as JSON text; NaN and the infinities become strings."""
    return json.dumps(_plain(value, brief=False), ensure_ascii=False)


def brief_json(value: Any) -> str:
    """Write any value as JSON text, with a note in place of each base64 file in it."""
    return json.dumps(_plain(value, brief=True), ensure_ascii=False)


def object_text(arguments: Any) -> ObjectText:
    """Write the arguments of a tool call as JSON text; the text of an object stays unchanged.

    See `read_object`.
    """
    if arguments.__class__ is ObjectText:
        return arguments
    if isinstance(arguments, str) and _strict_object(arguments) is not None:
        return ObjectText(arguments)
    if isinstance(arguments, dict) and (text := _fast_json(arguments)) is not None:
        return ObjectText(text)
    return ObjectText(whole_json(read_object(arguments)))


def _fast_json(value: dict[str, Any]) -> str | None:
    """Write an object as JSON; return `None` if it contains values without a JSON form."""
    try:
        text = _write_json(value)
        if not text.isascii():
            text.encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return text


_write_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def read_object(arguments: Any) -> dict[str, Any]:
    """Read the arguments of a tool call as the object that the API requires.

    Args:
        arguments: A mapping, JSON text, JSON text of JSON text, or any other value that a model
            or another provider's class stored there. A value that is not an object is returned
            under the key `input`, text unchanged.
    """
    if isinstance(arguments, str):
        found = _lenient_object(arguments)
        return {"input": arguments} if found is None else found
    if arguments is None:
        return {}
    value = _plain(arguments, brief=False)
    return value if isinstance(value, dict) else {"input": value}


def is_object_text(arguments: Any) -> bool:
    """Return whether arguments are an object or the JSON text of one."""
    if isinstance(arguments, str):
        return _lenient_object(arguments) is not None
    if arguments is None or isinstance(arguments, Mapping):
        return True
    return isinstance(_plain(arguments, brief=False), dict)


def is_base64(text: str) -> bool:
    """Return whether a whole text is base64; line breaks are allowed."""
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def byte_count(text: str) -> int:
    """Return the number of bytes that a base64 text encodes."""
    return len(text.rstrip("=")) * 3 // 4


# ------------------------------------------------------------------------------ arguments


def _strict_object(text: str) -> dict[str, Any] | None:
    try:
        value = from_json(text.encode(), allow_inf_nan=False)
    except ValueError:  # includes UnicodeEncodeError
        return None
    return value if isinstance(value, dict) else None


def _lenient_object(text: str) -> dict[str, Any] | None:
    """Read an object from JSON text, also encoded twice; NaN and the like become strings."""
    value: Any = text
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value, parse_constant=str) if value.strip() else None
        except (ValueError, RecursionError):
            return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


# ----------------------------------------------------------------------------- any values


def _plain(value: Any, *, brief: bool, depth: int = 0) -> Any:
    """Convert a value to dicts, lists, strings, finite numbers, booleans and `None`."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _plain_text(value, None, brief=brief)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _NOT_FINITE[str(float(value))]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"({len(bytes(value)):,} bytes left out)"
    if depth > _DEEPEST:
        return _TOO_DEEP
    if isinstance(value, Mapping):
        return dict(_plain_items(value, brief=brief, depth=depth))
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    if isinstance(value, (list, tuple, deque)):
        return [_plain(item, brief=brief, depth=depth + 1) for item in value]
    return _plain(_known_form(value), brief=brief, depth=depth + 1)


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _plain_items(value: Mapping[Any, Any], *, brief: bool, depth: int) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = clean_text(str(key))
        if isinstance(item, str) and not isinstance(item, Enum):
            yield name, _plain_text(item, name, brief=brief)
        else:
            yield name, _plain(item, brief=brief, depth=depth + 1)


def _plain_text(text: str, key: str | None, *, brief: bool) -> str:
    if brief and len(text) > _SHORT and (note := _note_of_payload(text, key)):
        return note
    return clean_text(str(text))


def _note_of_payload(text: str, key: str | None) -> str | None:
    """Return a note in place of base64 data; `None` for long words under another key."""
    if head := _DATA_URI.match(text):
        kind = head[1].removesuffix(";base64") or "data"
        return f"({kind}, {byte_count(text[head.end() :]):,} bytes left out)"
    if (key in _PAYLOADS or len(text) > _LONG) and _BASE64.fullmatch(text):
        return f"({byte_count(text):,} bytes of base64 left out)"
    return None


def _known_form(value: Any) -> Any:
    """Write dates, decimals, paths, dataclasses and pydantic models as pydantic does."""
    try:
        if isinstance(value, BaseModel):
            return value.model_dump()
        return to_jsonable_python(value, fallback=_last_form, bytes_mode="base64")
    except (ValueError, TypeError, RecursionError):
        return _last_form(value)


def _last_form(value: Any) -> Any:
    """Write an array as a list, and a value of an unknown type as its `str`."""
    as_list = getattr(value, "tolist", None)
    return as_list() if callable(as_list) else str(value)
