"""JSON text in, Python values out, and back without changing a digit.

The fast reader is `pydantic_core.from_json`. It turns `1.50` into the float `1.5`, which is
wrong where the number is a token of the answer (Workers AI sends `"content": 1` for the
token "1"). Such places are read a second time by `exact_text`, which keeps numbers as the
characters that were sent.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from pydantic_core import from_json

from workersai._secrets import redact
from workersai.errors import ConfigurationError, ResponseError

__all__ = [
    "ExactDocument",
    "dump_json",
    "exact_text",
    "join_surrogates",
    "parse_halves",
    "parse_json",
    "read_list",
    "to_text",
]


class _Number(str):
    """A number as the characters that were sent."""

    __slots__ = ()


def parse_json(data: bytes, secrets: tuple[str, ...] = ()) -> Any:
    """Parse a JSON document.

    Args:
        data: The document.
        secrets: What must never show in the error, should the server echo it.

    Raises:
        ResponseError: If it is not JSON, not UTF-8, or nested deeper than the parser allows.
    """
    try:
        return from_json(data)
    except ValueError as error:
        reason = str(error)
    excerpt = ascii(redact(data[:4096].decode(errors="replace"), secrets)[:120])
    raise ResponseError(f"The server sent something that is not JSON ({reason}): {excerpt}")


def parse_halves(data: bytes, secrets: tuple[str, ...]) -> Any:
    """As `parse_json`, but lets half of a surrogate pair pass: a stream may split an emoji."""
    if b"\\ud" in data or b"\\uD" in data:
        with contextlib.suppress(ValueError, RecursionError):
            # The same document without the halves: only the fast reader limits the depth.
            from_json(data.replace(b"\\ud", b"\\u0").replace(b"\\uD", b"\\u0"))
            return json.loads(data)
    return parse_json(data, secrets)


def read_list(value: Any, field: str) -> list[Any]:
    """Return a list of the answer; null, missing and empty are no entries.

    Raises:
        ResponseError: If it is anything else.
    """
    if not value:
        return []
    if not isinstance(value, list):
        raise ResponseError(f"the server sent {field!r} as {type(value).__name__}, not as a list")
    return value


def join_surrogates(text: str) -> tuple[str, str]:
    """Join surrogate pairs; return the text and the first half of a pair at its end, or `""`.

    Raises:
        ResponseError: If a half stands alone in the middle.
    """
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    units = text[: len(text) - len(half)].encode("utf-16-le", "surrogatepass")
    try:
        return units.decode("utf-16-le"), half
    except UnicodeDecodeError:
        pass
    raise ResponseError("the server sent half of a surrogate pair")


class ExactDocument:
    """A JSON document whose values are wanted as text, numbers as they were sent.

    It is read this slower way when the first value is asked for, and only then and once: the
    answers of a batch are all in one document.
    """

    __slots__ = ("_data", "_value")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value: Any = None

    def text(self, path: tuple[str | int, ...]) -> str:
        """Return the value at *path*."""
        if self._value is None:
            self._value = json.loads(
                self._data, parse_int=_Number, parse_float=_Number, parse_constant=_Number
            )
        value = self._value
        for step in path:
            value = value[step]
        return to_text(value)


def exact_text(data: bytes, path: tuple[str | int, ...]) -> str:
    """Return the value at *path* of the document *data* as text, numbers as they were sent."""
    return ExactDocument(data).text(path)


def to_text(value: Any) -> str:
    """Return a JSON value as text: a string as it is, null as `""`, all else as its JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else _dump_exact(value)


def _dump_exact(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        items = (f"{json.dumps(k, ensure_ascii=False)}: {_dump_exact(v)}" for k, v in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dump_exact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def dump_json(body: dict[str, Any], *, model: str | None = None) -> bytes:
    """Write a request body as UTF-8 JSON, unicode unescaped.

    Raises:
        ConfigurationError: If a value has no JSON form (NaN, bytes, a cycle, a lone
            surrogate); names the parameter.
    """
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as error:
        reason = _reason(error)
    parameter = next((name for name, value in body.items() if not _dumps(value)), None)
    about = f" for {model}" if model else ""
    raise ConfigurationError(
        f"{parameter or 'the request'}{about} cannot be sent as JSON: {reason}",
        parameter=parameter,
    )


def _dumps(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "a lone surrogate (half of an emoji) cannot be encoded as UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
