"""Fragments of tool calls -> deltas while they come, and whole calls at the end.

What streams do: repeat ids and names as null, repeat names as they were, send arguments before
the name, reuse an index for the next call, leave out index or id, send a call whole, close with a
fragment of nulls. A call is complete only when the stream is: arguments that parse now may be
the beginning of longer ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._json import read_index, read_list, to_text
from workersai._response.tool_calls import (
    NO_NAMES,
    CallIds,
    ExactText,
    make_tool_call,
    read_call,
    read_id,
)
from workersai._stream.arguments import Arguments
from workersai.errors import ResponseError
from workersai.events import ToolCallDelta
from workersai.results import InvalidToolCall, ToolCall

__all__ = ["ToolCallAssembler"]

_MAX_CALLS = 4096
_PLACEHOLDERS = frozenset({"null", "None"})
"""What servers write for "no name" in a fragment that continues a call."""


class _Call:
    """A tool call under way."""

    __slots__ = ("arguments", "given_id", "id", "index", "name", "place")

    def __init__(self, given_id: str | None, place: int | None) -> None:
        self.given_id = given_id
        self.place = place  # the server's own index
        self.name: str | None = None
        self.arguments = Arguments()
        self.index = -1  # its position among the calls that were handed out
        self.id = ""

    def is_other(self, given_id: str | None, name: str | None) -> bool:
        """Say whether a fragment at this call's index begins another call."""
        if given_id and self.given_id and given_id != self.given_id:
            return True
        return bool(name and self.name and name != self.name)


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

    def settle(self) -> int:
        """Join what has come in pieces; return how many characters have come."""
        return sum(call.arguments.settle() for call in self._calls)

    def feed(self, fragments: Any, exact: ExactText | None = None) -> list[ToolCallDelta]:
        """Take the fragments of one event and return what can be handed out already.

        Args:
            fragments: As parsed.
            exact: Gives the text at a path below `fragments`, numbers as they were sent.

        Raises:
            ResponseError: If they are no list, or belong to more calls than any model makes.
        """
        deltas = (
            self._feed(position, item, exact)
            for position, item in enumerate(read_list(fragments, "tool_calls"))
            if isinstance(item, Mapping)
        )
        return [delta for delta in deltas if delta is not None]

    def _feed(
        self, position: int, fragment: Mapping[str, Any], exact: ExactText | None
    ) -> ToolCallDelta | None:
        name, arguments, steps = read_call(fragment, self._names)
        if arguments is None or isinstance(arguments, str):
            piece = arguments or ""
        else:
            piece = to_text(arguments) if exact is None else exact((position, *steps))
        call = self._find(fragment, name, piece)
        call.arguments.add(piece)
        if call.name is None:
            if name is None:
                return None  # the arguments wait for the name
            call.name = name
            return self._begin(call)
        text = call.arguments.release() if piece else ""
        return ToolCallDelta(call.index, arguments=text) if text else None

    def _find(self, fragment: Mapping[str, Any], name: str | None, piece: str) -> _Call:
        place, given_id = read_index(fragment.get("index")), read_id(fragment.get("id"))
        if self._calls and name in _PLACEHOLDERS and name not in self._names.values():
            name = None
        if place is None:
            call = self._without_place(given_id, name)
        elif (call := self._by_index.get(place)) is None:
            call = self._loose(given_id, name, piece)
        elif _is_other(call, given_id, name, piece):
            call = self._older(place, given_id, name)
        call = call or self._new(given_id, place)
        call.given_id = call.given_id or given_id
        if place is not None:
            call.place = place
            self._by_index[place] = call
        return call

    def _without_place(self, given_id: str | None, name: str | None) -> _Call | None:
        """Find the call of a fragment without an index: by its id, else it is the last one."""
        if given_id:
            known = (call for call in self._calls if call.given_id == given_id)
            # An id may come twice, with another name: two calls, not one of both.
            return next((call for call in known if not call.is_other(given_id, name)), None)
        return None if name or not self._calls else self._calls[-1]

    def _loose(self, given_id: str | None, name: str | None, piece: str) -> _Call | None:
        """Find the call of a fragment with an index, if the call began without one."""
        last = self._calls[-1] if self._calls else None
        if last is None or last.place is not None or last.is_other(given_id, name):
            return None
        if last.arguments.ends_before(piece):
            return None
        has_key = bool(given_id and last.given_id)
        return last if has_key or not (given_id or name) else None

    def _older(self, place: int, given_id: str | None, name: str | None) -> _Call | None:
        """Find an earlier call at an index that several calls share: by its id alone."""
        if given_id is None:
            return None
        known = (call for call in self._calls if call.place == place)
        same = (call for call in known if call.given_id == given_id)
        return next((call for call in same if not call.is_other(given_id, name)), None)

    def _new(self, given_id: str | None, place: int | None) -> _Call:
        if len(self._calls) == _MAX_CALLS:
            raise ResponseError(f"the stream brought more than {_MAX_CALLS} tool calls")
        self._calls.append(call := _Call(given_id, place))
        return call

    def _begin(self, call: _Call) -> ToolCallDelta:
        """Hand out a call's first delta, the one with its id and name."""
        call.index = self._handed_out
        self._handed_out += 1
        call.id = self._ids.take(call.given_id, call.index)
        return ToolCallDelta(call.index, call.id, call.name, call.arguments.release())

    def unfinished(self) -> tuple[InvalidToolCall, ...]:
        """Return the calls of a stream that broke: none of them may be run."""
        return tuple(
            InvalidToolCall(call.id, call.name or "", call.arguments.text(), "the stream broke")
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
            if rest := call.arguments.close():
                deltas.append(ToolCallDelta(call.index, arguments=rest))
            made.append(
                make_tool_call(call.id, call.name, call.arguments.text(), is_truncated=is_truncated)
            )
        return (
            deltas,
            tuple(call for call in made if isinstance(call, ToolCall)),
            tuple(call for call in made if isinstance(call, InvalidToolCall)),
        )


def _is_other(call: _Call, given_id: str | None, name: str | None, piece: str) -> bool:
    """Say whether a fragment at a call's index belongs to another call.

    Some servers give every call the index 0 and none an id. Only the name is left then: with one
    that is known already, arguments that begin after the end of the call's own are another call's.
    """
    if call.is_other(given_id, name):
        return True
    return bool(name and not given_id) and call.arguments.ends_before(piece)
