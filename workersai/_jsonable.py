"""What tools and models produced -> JSON text; nothing is refused here.

A tool may return any Python value, and a model may write anything where an object belongs. Both
come back in the history of every later request, so an error here would end the conversation for
good. What has no JSON form is written as the text that is nearest to it.
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
"""Keys under which content blocks keep the bytes of a file."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DATA_URI = re.compile(r"data:([^,]{0,200}),")


def clean_text(text: str) -> str:
    """Join surrogate pairs, and replace a half that stands alone by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def whole_json(value: Any) -> str:
    """Write any value as JSON text; NaN and the infinities become strings."""
    return json.dumps(_plain(value, brief=False), ensure_ascii=False)


def brief_json(value: Any) -> str:
    """Write any value as JSON text, with a note in place of each file that it holds as base64."""
    return json.dumps(_plain(value, brief=True), ensure_ascii=False)


def object_text(arguments: Any) -> str:
    """Write the arguments of a tool call as JSON text; text that holds an object stays as it is.

    See `read_object`.
    """
    if isinstance(arguments, str) and _strict_object(arguments) is not None:
        return arguments
    if isinstance(arguments, dict) and (text := _fast_json(arguments)) is not None:
        return text
    return whole_json(read_object(arguments))


def _fast_json(value: dict[str, Any]) -> str | None:
    """Write an object that has a JSON form as it is; `None` if it has none."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        return None
    return text


def read_object(arguments: Any) -> dict[str, Any]:
    """Read the arguments of a tool call as the object that the wire requires.

    Args:
        arguments: A mapping, JSON text, JSON text of JSON text, or anything else that a model or
            another provider's class left there. What is no object is kept under the key `input`,
            text as it came.
    """
    if isinstance(arguments, str):
        found = _lenient_object(arguments)
        return {"input": arguments} if found is None else found
    if arguments is None:
        return {}
    value = _plain(arguments, brief=False)
    return value if isinstance(value, dict) else {"input": value}


def is_object_text(arguments: Any) -> bool:
    """Tell whether arguments are an object, or text that holds one."""
    if isinstance(arguments, str):
        return _lenient_object(arguments) is not None
    if arguments is None or isinstance(arguments, Mapping):
        return True
    return isinstance(_plain(arguments, brief=False), dict)


def is_base64(text: str) -> bool:
    """Tell whether a text is base64 to its end; line breaks are allowed."""
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def byte_count(text: str) -> int:
    """Return how many bytes a base64 text stands for."""
    return len(text.rstrip("=")) * 3 // 4


# ------------------------------------------------------------------------------ arguments


def _strict_object(text: str) -> dict[str, Any] | None:
    try:
        value = from_json(text.encode(), allow_inf_nan=False)
    except ValueError:  # UnicodeEncodeError is one
        return None
    return value if isinstance(value, dict) else None


def _lenient_object(text: str) -> dict[str, Any] | None:
    """Read an object out of text, text of text, or no text; NaN and the like become strings."""
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
    """Make a value of nothing but dicts, lists, strings, finite numbers, booleans and `None`."""
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
    """Return a note in place of base64; long words under another key are left alone."""
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
    """Write an array as a list, and what nobody knows as its text."""
    as_list = getattr(value, "tolist", None)
    return as_list() if callable(as_list) else str(value)
