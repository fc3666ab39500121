"""Read tool calls: separate calls to run from calls that must not be run.

Arguments come as an object, as JSON text, or as JSON text of JSON text (granite); ids come
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
"""Returns the value at a path as text, numbers as they were sent."""

NO_NAMES: Mapping[str, str] = MappingProxyType({})

_NO_IDS = frozenset({"null", "none", "nil", "undefined"})


class WireCall(NamedTuple):
    """The name and the arguments of a call, nested under `function` or flat.

    Attributes:
        name: The caller's name of the tool, `None` if the call has none.
        arguments: As sent.
        steps: The path to the arguments inside the call.
    """

    name: str | None
    arguments: Any
    steps: Path


def read_call(call: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES) -> WireCall:
    """Find the name and the arguments of a call or of a fragment of one.

    Args:
        call: The parsed call.
        names: Tool names in the request -> the caller's names.
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
    """Return a tool's name; `None` if the value is not a string."""
    return label_or_none(value) if isinstance(value, str) else None


def read_id(value: Any) -> str | None:
    """Return a call's id; `None` for a placeholder, which some servers send in its place."""
    own = label_or_none(value)
    return None if own is None or own.strip().lower() in {"", *_NO_IDS} else own


class CallIds:
    """Assigns ids that are unique within one answer.

    Args:
        seed: Makes the seed for the ids of calls that have none; called only if there is one.
    """

    def __init__(self, seed: Callable[[], str]) -> None:
        self._seed = seed
        self._taken: set[str] = set()

    def take(self, value: Any, index: int) -> str:
        """Return the model's own id if it is unique, else make one from seed and position."""
        own = read_id(value)
        chosen = own if own and own not in self._taken else f"call_{self._seed()}{index}"
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
    """Parse a call strictly: only a call whose arguments are a JSON object may be run.

    Args:
        call_id: Its id.
        name: Its name as sent.
        arguments: An object, JSON text, JSON text of JSON text, or nothing.
        is_truncated: Whether the answer ended at its token cap; empty arguments were cut off then.
        text: Returns the arguments as the text that was sent, if they are not a string.
    """
    parsed, error = _parse_arguments(arguments, is_truncated=is_truncated)
    label = _read_name(name)
    if error is None and label is None:
        error = "the call has no name"
    if error is not None or parsed is None:
        sent = _sent_text(arguments, text)
        return InvalidToolCall(call_id, label or "", sent, error or "")
    return ToolCall(call_id, label or "", parsed)


def _sent_text(arguments: Any, text: Callable[[], str] | None) -> str:
    if text is None or arguments is None or isinstance(arguments, str):
        return to_text(arguments)
    return text()


def _parse_arguments(
    arguments: Any, *, is_truncated: bool
) -> tuple[dict[str, Any] | None, str | None]:
    if arguments is None or arguments == "":
        return (None, "the arguments were cut off") if is_truncated else ({}, None)
    value = arguments
    for _ in range(3):  # JSON text, and JSON text of JSON text
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
    # Copy the object: tools may modify it, and the answer's `raw` must not change.
    return copy.deepcopy(value), None


def _is_finite(value: Any) -> bool:
    """Return whether a parsed value can be written as JSON again: `NaN` and infinity cannot."""
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
        calls: The parsed list.
        ids: Assigns each call its id.
        is_truncated: Whether the answer ended at its token cap.
        names: Tool names in the request -> the caller's names.
        exact: Returns the text at a path below `calls`.

    Raises:
        ResponseError: If *calls* is anything else.
    """

    def convert(index: int, call: Mapping[str, Any]) -> ToolCall | InvalidToolCall:
        name, arguments, steps = read_call(call, names)
        text = None if exact is None else (lambda: exact((index, *steps)))
        call_id = ids.take(call.get("id"), index)
        return make_tool_call(call_id, name, arguments, is_truncated=is_truncated, text=text)

    read = [
        convert(index, call)
        for index, call in enumerate(read_list(calls, "tool_calls"))
        if isinstance(call, Mapping)
    ]
    return (
        tuple(call for call in read if isinstance(call, ToolCall)),
        tuple(call for call in read if isinstance(call, InvalidToolCall)),
    )
