"""Join fragments of tool calls: deltas during the stream, whole calls at its end.

Servers repeat ids and names as null, repeat names unchanged, send arguments before the name, reuse
an index for the next call, omit index or id, make a new id for each fragment, send a call whole, or
close with a fragment of nulls. A call is complete only at the end of the stream: arguments that
parse may be the beginning of longer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
"""Values that servers send as the name in a fragment that continues a call."""


class _Call:
    """An incomplete tool call."""

    __slots__ = ("arguments", "id", "index", "name", "place", "server_id")

    def __init__(self, server_id: str | None, place: int | None) -> None:
        self.server_id = server_id  # `None` if the server sent none
        self.place = place  # the server's own index
        self.name: str | None = None
        self.arguments = Arguments()
        self.index = -1  # its position among the calls handed out
        self.id = ""

    def is_other(self, server_id: str | None, name: str | None) -> bool:
        """Return whether a fragment at this call's index begins another call."""
        if server_id and self.server_id and server_id != self.server_id:
            return True
        return bool(name and self.name and name != self.name)


class ToolCallAssembler:
    """Collects the tool calls of one answer.

    Args:
        seed: Makes the seed for the ids of calls that have none.
        names: Tool names in the request -> the caller's names.

    Attributes:
        handed_out: How many calls have had their first delta.
    """

    def __init__(self, seed: Callable[[], str], names: Mapping[str, str] = NO_NAMES) -> None:
        self._ids = CallIds(seed)
        self._names = names
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self.handed_out = 0

    def settle(self) -> int:
        """Join buffered pieces; return the number of characters so far."""
        return sum(call.arguments.settle() for call in self._calls)

    def feed_usual(self, fragments: Any) -> list[ToolCallDelta] | None:
        """Take the usual fragment: more arguments of a known call, by its index alone.

        Returns:
            The deltas to hand out; `None` if the fragments are of another kind: pass them to
            `feed`, which accepts every kind.
        """
        if fragments.__class__ is not list or len(fragments) != 1:
            return None
        fragment = fragments[0]
        function = fragment.get("function") if fragment.__class__ is dict else None
        if function.__class__ is not dict or fragment.get("id") is not None:
            return None
        place, piece = fragment.get("index"), function.get("arguments")
        if place.__class__ is not int or not isinstance(piece, str):
            return None
        call = self._by_index.get(place)
        if call is None or call.name is None or function.get("name") is not None:
            return None
        call.arguments.add(piece)
        text = call.arguments.release() if piece else ""
        return [ToolCallDelta(call.index, arguments=text)] if text else []

    def feed(self, fragments: Any, exact: ExactText | None = None) -> list[ToolCallDelta]:
        """Add the fragments of one event and return the deltas that are safe to pass on.

        Args:
            fragments: The parsed fragments.
            exact: Returns the text at a path below `fragments`, numbers as they were sent.

        Raises:
            ResponseError: If *fragments* is not a list, or there are more calls than the limit.
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
                return None  # hold the arguments until the name arrives
            call.name = name
            return self._begin(call)
        text = call.arguments.release() if piece else ""
        return ToolCallDelta(call.index, arguments=text) if text else None

    def _find(self, fragment: Mapping[str, Any], name: str | None, piece: str) -> _Call:
        place, server_id = read_index(fragment.get("index")), read_id(fragment.get("id"))
        if self._calls and name in _PLACEHOLDERS and name not in self._names.values():
            name = None
        if place is None:
            call = self._without_place(server_id, name)
        elif (call := self._by_index.get(place)) is None:
            call = self._loose(server_id, name, piece)
        elif _is_other(call, server_id, name, piece):
            call = self._older(place, server_id, name) or _continued(call, name)
        call = call or self._new(server_id, place)
        call.server_id = call.server_id or server_id
        if place is not None:
            call.place = place
            self._by_index[place] = call
        return call

    def _without_place(self, server_id: str | None, name: str | None) -> _Call | None:
        """Find the call of a fragment without an index: by its id, else the last call."""
        last = self._calls[-1] if self._calls else None
        if server_id:
            known = (call for call in self._calls if call.server_id == server_id)
            # An id with another name is another call: do not merge them.
            same = next((call for call in known if not call.is_other(server_id, name)), None)
            return same or (last and _continued(last, name))
        return None if name else last

    def _loose(self, server_id: str | None, name: str | None, piece: str) -> _Call | None:
        """Find the call of a fragment with an index, if the call began without one."""
        last = self._calls[-1] if self._calls else None
        if last is None or last.place is not None or last.is_other(server_id, name):
            return None
        if last.arguments.ends_before(piece):
            return None
        has_key = bool(server_id and last.server_id)
        return last if has_key or not (server_id or name) else None

    def _older(self, place: int, server_id: str | None, name: str | None) -> _Call | None:
        """Find an earlier call at an index that several calls share, by its id."""
        if server_id is None:
            return None
        known = (call for call in self._calls if call.place == place)
        same = (call for call in known if call.server_id == server_id)
        return next((call for call in same if not call.is_other(server_id, name)), None)

    def _new(self, server_id: str | None, place: int | None) -> _Call:
        if len(self._calls) == _MAX_CALLS:
            raise ResponseError(f"the stream brought more than {_MAX_CALLS} tool calls")
        self._calls.append(call := _Call(server_id, place))
        return call

    def _begin(self, call: _Call) -> ToolCallDelta:
        """Return a call's first delta, with its id and name."""
        call.index = self.handed_out
        self.handed_out += 1
        call.id = self._ids.take(call.server_id, call.index)
        return ToolCallDelta(call.index, call.id, call.name, call.arguments.release())

    def unfinished(self) -> tuple[InvalidToolCall, ...]:
        """Return the calls of a broken stream; none of them may be run."""
        return tuple(
            InvalidToolCall(call.id, call.name or "", call.arguments.text(), "the stream broke")
            for call in self._calls
            if call.name or call.arguments
        )

    def close(
        self, *, is_truncated: bool
    ) -> tuple[list[ToolCallDelta], tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
        """End the answer: return the deltas held back, the calls to run, and the invalid calls."""
        deltas: list[ToolCallDelta] = []
        made: list[ToolCall | InvalidToolCall] = []
        for call in self._calls:
            if call.index < 0 and not call.arguments:
                continue  # skip a closing fragment of nulls
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


def _continued(call: _Call, name: str | None) -> _Call | None:
    """Return the call if a fragment with an unknown id can only continue it.

    Some servers make a new id for every fragment, as vLLM once did: then a fragment without a name
    belongs to the call at its index, or to the last one, until the call's arguments are complete.
    """
    return None if name or not call.name or call.arguments.is_complete() else call


def _is_other(call: _Call, server_id: str | None, name: str | None, piece: str) -> bool:
    """Return whether a fragment at a call's index belongs to another call.

    Some servers send index 0 for every call and no id. Then only the name can separate calls: if a
    fragment repeats the name and the call's arguments are complete, its arguments begin another
    call.
    """
    if call.is_other(server_id, name):
        return True
    return bool(name and not server_id) and call.arguments.ends_before(piece)
