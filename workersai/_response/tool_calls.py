"""Tool calls as they come -> tool calls to run, and those that must not be.

Arguments come as an object, as JSON text, and as JSON text of JSON text (granite); ids come
whole, twice, as a placeholder, or not at all.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from workersai._json import label_or_none, parse_text, read_list, to_text
from workersai.results import InvalidToolCall, ToolCall

__all__ = [
    "NO_NAMES",
    "CallIds",
    "ExactText",
    "WireCall",
    "from_wire_tool_calls",
    "make_tool_call",
    "read_call",
    "read_id",
]

Path: TypeAlias = tuple[str | int, ...]
ExactText: TypeAlias = Callable[[Path], str]
"""Gives the value at a path as text, its numbers as they were sent."""

NO_NAMES: Mapping[str, str] = MappingProxyType({})

_NO_IDS = frozenset({"null", "none", "nil", "undefined"})


class WireCall(NamedTuple):
    """What a call, nested (`function`) or flat, names and passes.

    Attributes:
        name: The tool's own name, `None` if there is none.
        arguments: As they came.
        steps: The path to the arguments inside the call.
    """

    name: str | None
    arguments: Any
    steps: Path


def read_call(call: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES) -> WireCall:
    """Find the name and the arguments of a call or of a piece of one.

    Args:
        call: As parsed.
        names: The names that tools have on the wire -> their own.
    """
    function = call.get("function")
    is_nested = isinstance(function, Mapping)
    inner: Mapping[str, Any] = function if isinstance(function, Mapping) else call
    field = "arguments" if inner.get("arguments") is not None else "parameters"
    steps = ("function", field) if is_nested else (field,)
    name = _read_name(inner.get("name"))
    own = None if name is None else names.get(name, name)
    return WireCall(own, inner.get(field), steps)


def _read_name(value: Any) -> str | None:
    """Return a tool's name; what is no text names nothing."""
    return label_or_none(value) if isinstance(value, str) else None


def read_id(value: Any) -> str | None:
    """Return a call's id; `None` for a placeholder, which some servers write as text."""
    own = label_or_none(value)
    return None if own is None or own.strip().lower() in {"", *_NO_IDS} else own


class CallIds:
    """Hands out ids that are unique within one answer."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._taken: set[str] = set()

    def take(self, given: Any, index: int) -> str:
        """Return the model's own id, or one made from the request and the call's position."""
        own = read_id(given)
        chosen = own if own and own not in self._taken else f"call_{self._seed}{index}"
        while chosen in self._taken:
            chosen += "_"
        self._taken.add(chosen)
        return chosen


def make_tool_call(
    call_id: str,
    name: Any,
    arguments: Any,
    *,
    is_truncated: bool,
    text: Callable[[], str] | None = None,
) -> ToolCall | InvalidToolCall:
    """Parse a call strictly: what is no JSON object in the end is not a call to run.

    Args:
        call_id: Its id.
        name: Its name as it came.
        arguments: An object, JSON text, JSON text of JSON text, or nothing.
        is_truncated: Whether the answer ended at its token cap; nothing then means "cut off".
        text: Gives the arguments as the text that was sent, where they are no text.
    """
    parsed, error = _parse_arguments(arguments, is_truncated=is_truncated)
    label = _read_name(name)
    if error is None and label is None:
        error = "the call has no name"
    if error is not None or parsed is None:
        shown = _shown(arguments, text)
        return InvalidToolCall(call_id, label or "", shown, error or "")
    return ToolCall(call_id, label or "", parsed)


def _shown(arguments: Any, text: Callable[[], str] | None) -> str:
    if text is None or arguments is None or isinstance(arguments, str):
        return to_text(arguments)
    return text()


def _parse_arguments(
    arguments: Any, *, is_truncated: bool
) -> tuple[dict[str, Any] | None, str | None]:
    if arguments is None or arguments == "":
        return (None, "the arguments were cut off") if is_truncated else ({}, None)
    value = arguments
    for _ in range(3):  # text, and text of text
        if not isinstance(value, str):
            break
        try:
            value = parse_text(value) if value.strip() else None
        except ValueError as error:
            cut = "cut off by the token cap: " if is_truncated else ""
            return None, f"the arguments are {cut}not JSON: {error}"
    if value is None:
        return {}, None
    if not isinstance(value, dict):
        return None, f"the arguments are not a JSON object but {type(value).__name__}"
    if not _is_finite(value):
        return None, "the arguments are not JSON: they hold a number that is not finite"
    # An object of its own: the answer's `raw` holds the other, and tools change arguments.
    return copy.deepcopy(value), None


def _is_finite(value: Any) -> bool:
    """Say whether a parsed value can be written as JSON again: `NaN` and infinity cannot."""
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def from_wire_tool_calls(
    calls: Any,
    ids: CallIds,
    *,
    is_truncated: bool,
    names: Mapping[str, str] = NO_NAMES,
    exact: ExactText | None = None,
) -> tuple[tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
    """Read the `tool_calls` of a whole answer: a list, null or missing.

    Args:
        calls: As parsed.
        ids: Gives each call its id.
        is_truncated: Whether the answer ended at its token cap.
        names: The names that tools have on the wire -> their own.
        exact: Gives the text at a path below `calls`.

    Raises:
        ResponseError: If they are anything else.
    """

    def made(index: int, call: Mapping[str, Any]) -> ToolCall | InvalidToolCall:
        name, arguments, steps = read_call(call, names)
        text = None if exact is None else (lambda: exact((index, *steps)))
        call_id = ids.take(call.get("id"), index)
        return make_tool_call(call_id, name, arguments, is_truncated=is_truncated, text=text)

    read = [
        made(index, call)
        for index, call in enumerate(read_list(calls, "tool_calls"))
        if isinstance(call, Mapping)
    ]
    return (
        tuple(call for call in read if isinstance(call, ToolCall)),
        tuple(call for call in read if isinstance(call, InvalidToolCall)),
    )
