"""Fragments of tool calls -> deltas while they come, and whole calls at the end.

What streams do: repeat ids and names as null, repeat names as they were, send arguments before
the name, reuse an index for the next call, leave out index or id, send a call whole, close with a
fragment of nulls. A call is complete only when the stream is: arguments that parse now may be
the beginning of longer ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from workersai._json import join_surrogates, read_list
from workersai._response.tool_calls import (
    NO_NAMES,
    CallIds,
    make_tool_call,
    name_and_arguments,
)
from workersai.errors import ResponseError
from workersai.events import ToolCallDelta
from workersai.results import InvalidToolCall, ToolCall

__all__ = ["ToolCallAssembler"]

_MAX_CALLS = 4096


class _Call:
    """A tool call under way."""

    __slots__ = ("arguments", "blank", "given_id", "half", "id", "index", "is_held", "name", "sent")

    def __init__(self, given_id: Any) -> None:
        self.given_id = given_id
        self.name: str | None = None
        self.arguments: list[str] = []
        self.half = ""  # of a character whose other half is to come
        self.index = -1  # its position among the calls that were handed out
        self.id = ""
        self.sent = 0  # how many of the argument pieces were handed out
        self.blank = 0  # how many of the argument pieces begin nothing yet
        self.is_held: bool | None = None  # not known before the first character

    def is_other(self, given_id: Any, name: Any) -> bool:
        """Say whether a fragment at this call's index begins another call."""
        if given_id and self.given_id and given_id != self.given_id:
            return True
        return bool(name and self.name and name != self.name)

    def add(self, piece: str) -> str:
        """Take more of the arguments; two pieces may bring the halves of one character."""
        if self.half or "\ud800" <= piece[-1] <= "\udfff":
            piece, self.half = join_surrogates(self.half + piece)
        self.arguments.append(piece)
        return piece

    def text(self) -> str:
        return "".join(self.arguments)

    def settle(self) -> int:
        """Join what has come in pieces; return how many characters have come."""
        # All of them were handed out, or none: then they are looked at again from the first.
        self.sent = min(self.sent, 1)
        self.blank = 0
        self.arguments = [self.text()] if self.arguments else []
        return sum(map(len, self.arguments))

    def release(self) -> str:
        """Return the arguments that can be handed out now.

        JSON text of JSON text is held: it can be undone only when all of it is there.
        """
        while self.is_held is None and self.blank < len(self.arguments):
            if start := self.arguments[self.blank].lstrip():
                self.is_held = start.startswith('"')
            self.blank += 1
        if self.is_held is not False:
            return ""
        text = "".join(self.arguments[self.sent :])
        self.sent = len(self.arguments)
        return text

    def rest(self) -> str:
        """Return, at the end of the stream, the arguments not handed out yet."""
        return _undo(self.text()) if self.is_held else "".join(self.arguments[self.sent :])


class ToolCallAssembler:
    """Collects the tool calls of one answer.

    Args:
        seed: Of the ids of calls that come without one.
        names: The names that tools have on the wire -> their own.
    """

    def __init__(self, seed: str, names: Mapping[str, str] = NO_NAMES) -> None:
        self._ids = CallIds(seed)
        self._names = names
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._handed_out = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    def settle(self) -> int:
        """Join what has come in pieces; return how many characters have come."""
        return sum(call.settle() for call in self._calls)

    def feed(self, fragments: Any) -> list[ToolCallDelta]:
        """Take the fragments of one event and return what can be handed out already.

        Raises:
            ResponseError: If they are no list, hold half of a surrogate pair, or belong to more
                calls than any model makes.
        """
        items = read_list(fragments, "tool_calls")
        deltas = (self._feed(item) for item in items if isinstance(item, Mapping))
        return [delta for delta in deltas if delta is not None]

    def _feed(self, fragment: Mapping[str, Any]) -> ToolCallDelta | None:
        name, arguments = name_and_arguments(fragment, self._names)
        call = self._find(fragment.get("index"), fragment.get("id"), name)
        if arguments is None:
            piece = ""
        elif isinstance(arguments, str):
            piece = arguments
        else:
            piece = json.dumps(arguments, ensure_ascii=False)
        if piece:
            piece = call.add(piece)
        if call.name is None:
            if not isinstance(name, str) or not name:
                return None  # the arguments wait for the name
            call.name = name
            return self._begin(call)
        text = call.release() if piece else ""
        return ToolCallDelta(call.index, arguments=text) if text else None

    def _find(self, index: Any, given_id: Any, name: Any) -> _Call:
        if isinstance(index, int):
            call = self._by_index.get(index)
            if call is None or call.is_other(given_id, name):
                call = self._by_index[index] = self._new(given_id)
        elif given_id:
            known = (call for call in self._calls if call.given_id == given_id)
            # An id may come twice, with another name: two calls, not one of both.
            call = next((call for call in known if not call.is_other(given_id, name)), None)
            call = call or self._new(given_id)
        elif name or not self._calls:
            call = self._new(None)
        else:
            call = self._calls[-1]
        call.given_id = call.given_id or given_id
        return call

    def _new(self, given_id: Any) -> _Call:
        if len(self._calls) == _MAX_CALLS:
            raise ResponseError(f"the stream brought more than {_MAX_CALLS} tool calls")
        self._calls.append(call := _Call(given_id))
        return call

    def _begin(self, call: _Call) -> ToolCallDelta:
        """Hand out a call's first delta, the one with its id and name."""
        call.index = self._handed_out
        self._handed_out += 1
        call.id = self._ids.take(call.given_id, call.index)
        return ToolCallDelta(call.index, call.id, call.name, call.release())

    def unfinished(self) -> tuple[InvalidToolCall, ...]:
        """Return the calls of a stream that broke: none of them may be run."""
        return tuple(
            InvalidToolCall(call.id, call.name or "", call.text(), "the stream broke")
            for call in self._calls
            if call.name or call.arguments
        )

    def close(
        self, *, is_truncated: bool
    ) -> tuple[list[ToolCallDelta], tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
        """End the answer: return the deltas held back, the calls to run, and those not to run."""
        deltas: list[ToolCallDelta] = []
        made: list[ToolCall | InvalidToolCall] = []
        for call in self._calls:
            if call.index < 0 and not call.arguments:
                continue  # a closing fragment of nulls
            if call.index < 0:
                call.name = ""
                deltas.append(self._begin(call))
            if rest := call.rest():
                deltas.append(ToolCallDelta(call.index, arguments=rest))
            made.append(make_tool_call(call.id, call.name, call.text(), is_truncated=is_truncated))
        return (
            deltas,
            tuple(call for call in made if isinstance(call, ToolCall)),
            tuple(call for call in made if isinstance(call, InvalidToolCall)),
        )


def _undo(text: str) -> str:
    try:
        inner = from_json(text)
    except ValueError:
        return text
    return inner if isinstance(inner, str) else text
