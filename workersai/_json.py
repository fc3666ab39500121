"""Read and write JSON text; keep numbers digit by digit where they are the answer's text.

The fast reader is `pydantic_core.from_json`. It turns `1.50` into the float `1.5`, which is
wrong where the number is a token of the answer (Workers AI sends `"content": 1` for the
token "1"). Such values are read a second time by `exact_text`, which keeps the characters that
were sent.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from pydantic_core import from_json, to_json

from workersai._secrets import redact
from workersai.errors import ConfigurationError, ResponseError

__all__ = [
    "HALVES",
    "REPLACEMENT",
    "ExactDocument",
    "PlainList",
    "dump_json",
    "exact_text",
    "has_halves",
    "join_surrogates",
    "label_or_none",
    "parse_halves",
    "parse_json",
    "parse_text",
    "read_index",
    "read_list",
    "to_text",
    "without_halves",
]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""U+FFFD, the replacement for half of a surrogate pair whose other half is missing."""

_HALF = re.compile("[\ud800-\udfff]")
_HALF_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class _Number(str):
    """A number, kept as the characters that the server sent."""

    __slots__ = ()


def parse_json(data: bytes, secrets: tuple[str, ...] = ()) -> Any:
    """Parse a JSON document; half of a surrogate pair becomes U+FFFD, the replacement character.

    Args:
        data: The document.
        secrets: Texts to mask in the error, in case the server echoes them.

    Raises:
        ResponseError: If it is not JSON, not UTF-8, or nested deeper than the parser allows.
    """
    try:
        return from_json(data)
    except ValueError as error:
        reason = str(error)
    with contextlib.suppress(ValueError):
        return _clean(_load_halves(data))
    raise _no_json(data, reason, secrets)


def parse_halves(data: bytes, secrets: tuple[str, ...]) -> Any:
    """Parse like `parse_json`, but keep halves of surrogate pairs: a stream may split an emoji."""
    try:
        return _load_halves(data)
    except ValueError as error:
        reason = str(error)
    raise _no_json(data, reason, secrets)


def parse_text(text: str) -> Any:
    """Parse JSON text that a model wrote; half of a surrogate pair becomes U+FFFD.

    Raises:
        ValueError: If it is not JSON. `NaN` and `Infinity` are not JSON.
    """
    data = without_halves(text).encode()
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError:
        return _clean(_load_halves(data, allow_inf_nan=False))


def _load_halves(data: bytes, *, allow_inf_nan: bool = True) -> Any:
    """Parse a document with halves of surrogate pairs, which the fast reader rejects.

    Raises:
        ValueError: If it is not JSON.
    """
    # Let the fast reader check the depth first, on the document without the halves.
    from_json(_HALF_ESCAPE.sub(b"\\\\u00", data), allow_inf_nan=allow_inf_nan)
    return json.loads(data)


def _no_json(data: bytes, reason: str, secrets: tuple[str, ...]) -> ResponseError:
    excerpt = ascii(redact(data[:4096].decode(errors="replace"), secrets)[:120])
    return ResponseError(f"The server sent something that is not JSON ({reason}): {excerpt}")


def _clean(value: Any) -> Any:
    """Replace the halves of surrogate pairs in all strings of a value."""
    if isinstance(value, str):
        return without_halves(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {without_halves(name): _clean(item) for name, item in value.items()}
    return value


def read_list(value: Any, field: str) -> list[Any]:
    """Return a list field of the answer; null and a missing field give an empty list.

    Raises:
        ResponseError: If the value is neither a list nor empty.
    """
    if not value:
        return []
    if not isinstance(value, list):
        raise ResponseError(f"the server sent {field!r} as {type(value).__name__}, not as a list")
    return value


def read_index(value: Any) -> int | None:
    """Return a position sent as a number or as digits; `None` for any other value."""
    if type(value) is int:
        return value
    is_digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 7
    return int(value) if is_digits else None


HALVES = "contains a lone surrogate (half of an emoji), which cannot be encoded as UTF-8"
"""Says what is wrong with a text for which `has_halves` is true."""


def has_halves(text: str) -> bool:
    """Return whether a text contains surrogates, which UTF-8 cannot encode."""
    return not text.isascii() and _HALF.search(text) is not None


def without_halves(text: str) -> str:
    """Join surrogate pairs, and replace each half without a partner by U+FFFD."""
    if not has_halves(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def join_surrogates(text: str) -> tuple[str, str]:
    """Join surrogate pairs; return the text and the first half of a pair at its end, or `""`.

    A half without a partner before the end becomes U+FFFD.
    """
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    return without_halves(text[: len(text) - len(half)]), half


class ExactDocument:
    """A JSON document whose values can be read as text, numbers as they were sent.

    The slower parser runs once, when the first value is read: one document holds all answers of
    a batch.
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
        return without_halves(to_text(value))


def exact_text(data: bytes, path: tuple[str | int, ...]) -> str:
    """Return the value at *path* of the document *data* as text, numbers as they were sent."""
    return ExactDocument(data).text(path)


def to_text(value: Any) -> str:
    """Return a JSON value as text: a string unchanged, null as `""`, other values as JSON."""
    if isinstance(value, str):
        return str(value)  # also turns a `_Number` into a plain `str`
    return "" if value is None else _dump_exact(value)


def label_or_none(value: Any) -> str | None:
    """Return a name, an id or a reason as text; `None` for null, lists and objects.

    Workers AI sends a token such as `1` or `true` unquoted, so numbers and booleans become text.
    """
    if isinstance(value, str):
        return without_halves(value) or None
    return json.dumps(value) if isinstance(value, (bool, int, float)) else None


def _dump_exact(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        items = (f"{json.dumps(k, ensure_ascii=False)}: {_dump_exact(v)}" for k, v in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dump_exact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class PlainList(list[Any]):
    """A list that holds nothing but dicts, lists and texts, as its maker has checked.

    The fast writer takes more than JSON knows, so it writes such lists alone.
    """

    __slots__ = ()


_write_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode  # `json.dumps` would make an encoder for each body


def dump_json(body: dict[str, Any], *, model: str | None = None) -> bytes:
    """Write a request body as UTF-8 JSON; non-ASCII characters are not escaped.

    Raises:
        ConfigurationError: If a value cannot be written as JSON (NaN, bytes, a cycle, a lone
            surrogate); the error names the parameter.
    """
    try:
        return _dump(body)
    except (ValueError, TypeError, RecursionError) as error:
        reason = _reason(error)
    parameter = next((name for name, value in body.items() if not _dumps(value)), None)
    about = f" for {model}" if model else ""
    raise ConfigurationError(
        f"{parameter or 'the request'}{about} cannot be sent as JSON: {reason}",
        parameter=parameter,
    )


_FEW = 8
"""Of so few entries the other writer is as fast."""


def _dump(body: dict[str, Any]) -> bytes:
    """Write a body; the fast writer gives the same bytes as the other one."""
    plain = next((name for name, value in body.items() if value.__class__ is PlainList), None)
    if plain is None or len(body[plain]) < _FEW:
        return _write_json(body).encode()
    try:
        written = to_json(body[plain])
    except ValueError:  # half a surrogate pair, which the error of the other writer names
        return _write_json(body).encode()
    names = list(body)
    at = names.index(plain)
    before = _write_json({name: body[name] for name in names[:at]})[1:-1].encode()
    after = _write_json({name: body[name] for name in names[at + 1 :]})[1:-1].encode()
    own = b"%b:%b" % (_write_json(plain).encode(), written)
    return b"{%b}" % b",".join(part for part in (before, own, after) if part)


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
