"""Tool calls as they come -> tool calls to run, and those that must not be.

Arguments come as an object, as JSON text, and as JSON text of JSON text (granite); ids come
whole, twice, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from workersai._json import read_list, to_text
from workersai.results import InvalidToolCall, ToolCall

__all__ = [
    "NO_NAMES",
    "CallIds",
    "from_wire_tool_calls",
    "make_tool_call",
    "name_and_arguments",
]


class CallIds:
    """Hands out ids that are unique within one answer."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._taken: set[str] = set()

    def take(self, given: Any, index: int) -> str:
        """Return the model's own id, or one made from the request and the call's position."""
        own = str(given) if isinstance(given, (str, int)) and given != "" else ""
        chosen = own if own and own not in self._taken else f"call_{self._seed}{index}"
        while chosen in self._taken:
            chosen += "_"
        self._taken.add(chosen)
        return chosen


NO_NAMES: Mapping[str, str] = MappingProxyType({})


def own_name(name: Any, names: Mapping[str, str]) -> Any:
    """Return a tool's own name for the one that it has on the wire; any other as it is."""
    return names.get(name, name) if isinstance(name, str) else name


def name_and_arguments(
    call: Mapping[str, Any], names: Mapping[str, str] = NO_NAMES
) -> tuple[Any, Any]:
    """Return which tool a call, nested (`function`) or flat, asks for, and with what."""
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    return own_name(inner.get("name"), names), inner.get("arguments", inner.get("parameters"))


def make_tool_call(
    call_id: str, name: Any, arguments: Any, *, is_truncated: bool
) -> ToolCall | InvalidToolCall:
    """Parse a call strictly: what is no JSON object in the end is not a call to run.

    Args:
        call_id: Its id.
        name: Its name as it came.
        arguments: An object, JSON text, JSON text of JSON text, or nothing.
        is_truncated: Whether the answer ended at its token cap; nothing then means "cut off".
    """
    parsed, error = _parse_arguments(arguments, is_truncated=is_truncated)
    if error is None and not (isinstance(name, str) and name):
        error = "the call has no name"
    if error is not None or parsed is None:
        return InvalidToolCall(call_id, str(name or ""), to_text(arguments), error or "")
    return ToolCall(call_id, name, parsed)


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
            # As bytes: half an emoji is then an error of its value, not of its type.
            value = from_json(value.encode(), allow_inf_nan=False) if value.strip() else None
        except ValueError as error:
            cut = "cut off by the token cap: " if is_truncated else ""
            return None, f"the arguments are {cut}not JSON: {error}"
    if value is None:
        return {}, None
    if isinstance(value, dict):
        return value, None
    return None, f"the arguments are not a JSON object but {type(value).__name__}"


def from_wire_tool_calls(
    calls: Any, ids: CallIds, *, is_truncated: bool, names: Mapping[str, str] = NO_NAMES
) -> tuple[tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
    """Read the `tool_calls` of a whole answer: a list, null or missing.

    Args:
        calls: As they came.
        ids: Gives out their ids.
        is_truncated: As in `make_tool_call`.
        names: The names that tools have on the wire -> their own.

    Raises:
        ResponseError: If they are anything else.
    """
    made = [
        make_tool_call(
            ids.take(call.get("id"), index),
            *name_and_arguments(call, names),
            is_truncated=is_truncated,
        )
        for index, call in enumerate(read_list(calls, "tool_calls"))
        if isinstance(call, Mapping)
    ]
    return (
        tuple(call for call in made if isinstance(call, ToolCall)),
        tuple(call for call in made if isinstance(call, InvalidToolCall)),
    )
