"""Repair conversations, in the wire's form; shared by all adapters.

Frameworks store histories that APIs refuse: calls without ids, results whose call was removed,
instructions in the middle. `to_history` turns them into conversations that Workers AI's models
accept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from workersai._jsonable import is_object_text, object_text
from workersai._models import get_profile
from workersai._models.content import split_result
from workersai._models.profile import ModelProfile
from workersai.types import WireMessage, WireToolCall

__all__ = ["repair_history", "to_history"]

UNANSWERED = "No result was recorded for this tool call."
NOT_RUN = "This tool call was not run: its arguments are not a JSON object."
ORPHAN = "Result of an earlier tool call:\n"
INSTRUCTION = "System message:\n"
BEGINNING = "(The beginning of this conversation is not shown.)"

_RESULTS = frozenset({"tool", "function"})
_INSTRUCTIONS = frozenset({"system", "developer"})


def to_history(
    messages: Sequence[WireMessage], *, model: str, repair: bool = True
) -> list[WireMessage]:
    """Make a conversation valid for the API.

    The API requires three things, which are always done. The arguments of a call become the JSON
    text of an object; a value that is not an object is kept unchanged under the key `input`. A call
    gets an id that is unique in its message, and a result without an id gets the id of the call
    that it answers. The rest is `repair_history`.

    Args:
        messages: The whole conversation, oldest first; it is not modified. The arguments of a
            call may be any value.
        model: The model that will be asked.
        repair: Whether to repair conversations that strict models refuse.

    Returns:
        A new list; messages that need no change are the same objects.
    """
    profile = get_profile(str(model))
    if repair and (sound := _sound(messages, profile)) is not None:
        return sound
    paired = _Paired.of(messages)
    return _repair(paired, profile) if repair else paired.messages


def repair_history(messages: Sequence[WireMessage], *, model: str) -> list[WireMessage]:
    """Repair what strict models refuse in a conversation, and change nothing else.

    - A result is moved behind the call that it answers if other messages are between them.
    - A call without a result gets a result that says so.
    - A result without a call becomes a user's message that calls it the result of a tool.
    - A system message after the conversation has begun becomes a user's message that calls it a
      system message. Some models refuse it elsewhere than at the start (code 8007, observed on
      qwen).
    - A message of the assistant without text, calls and reasoning is left out.
    - For models that accept one system message, those at the start are joined by a blank line.
    - For models whose users and assistants must take turns, successive messages of one role are
      joined by a blank line, and a conversation that begins with an assistant gets a user's message
      before it, which says that the beginning is not shown.

    No text of the conversation is changed or left out.

    Args:
        messages: The whole conversation, oldest first; it is not modified.
        model: The model that will be asked.

    Returns:
        A new list; messages that need no repair are the same objects.
    """
    return _repair(_Paired.of(messages), get_profile(str(model)))


def _sound(messages: Sequence[WireMessage], profile: ModelProfile) -> list[WireMessage] | None:
    """Return a conversation that needs no repair, the arguments of its calls as JSON text.

    `None` if it may need a repair. This check is only for speed: most conversations need no repair,
    and the repairs would not change them.
    """
    sound: list[WireMessage] = []
    waiting: set[str] = set()  # calls without a result
    before, takes_turns = "", profile.alternating_roles
    for message in messages:
        role = message["role"]
        if role == "tool":
            call_id = message.get("tool_call_id")
            if call_id.__class__ is not str or call_id not in waiting:
                return None
            waiting.remove(call_id)
        elif waiting or role == "function":
            return None
        elif calls := message.get("tool_calls"):
            if (made := _sound_calls(calls, waiting)) is None:
                return None
            if made != calls:
                message = {**message, "tool_calls": made}  # noqa: PLW2901
        elif role == "assistant" and not message.get("content") and _is_empty(message, profile):
            return None
        if (takes_turns or role in _INSTRUCTIONS) and _is_misplaced(role, before, profile):
            return None
        before = role
        sound.append(message)
    return None if waiting else sound


def _is_misplaced(role: str, before: str, profile: ModelProfile) -> bool:
    """Return whether a role may not follow another role; `""` is the beginning."""
    if role in _INSTRUCTIONS:
        return before != "" and (profile.one_system_message or before not in _INSTRUCTIONS)
    if not profile.alternating_roles:
        return False
    begins = before == "" or before in _INSTRUCTIONS
    return begins if role == "assistant" and begins else role == before != "tool"


def _sound_calls(calls: Sequence[WireToolCall], waiting: set[str]) -> list[WireToolCall] | None:
    """Write the arguments of calls as text, and note their ids; `None` if an id is unfit."""
    made: list[WireToolCall] = []
    for call in calls:
        call_id, function = call.get("id"), call["function"]
        if call_id.__class__ is not str or not call_id or call_id in waiting:
            return None
        waiting.add(call_id)
        text = object_text(function["arguments"])
        made.append({**call, "function": {**function, "arguments": text}})
    return made


def _repair(paired: _Paired, profile: ModelProfile) -> list[WireMessage]:
    messages = _without_empty(_with_results(paired, profile), profile)
    messages = _with_instructions_first(messages)
    if profile.one_system_message:
        messages = _join(messages, lambda a, b: {a["role"], b["role"]} <= _INSTRUCTIONS)
    return _taking_turns(messages) if profile.alternating_roles else messages


# ---------------------------------------------------------------------- calls and results


@dataclass(eq=False)
class _Call:
    """A call of a message, and whether a result has been found for it.

    Attributes:
        made: The call in wire form.
        own_id: The id that the call came with, `""` if it had none.
        could_run: Whether its arguments were an object.
        owner: The position of the message that made the call.
        result: The position of the message that answers it.
    """

    made: WireToolCall
    own_id: str
    could_run: bool
    owner: int
    result: int | None = None

    @property
    def id(self) -> str:
        return self.made["id"]

    @property
    def name(self) -> str:
        return self.made["function"]["name"]


@dataclass(frozen=True)
class _Paired:
    """A conversation whose calls all have ids, with the result of each call."""

    messages: list[WireMessage]
    calls: list[_Call]

    @classmethod
    def of(cls, messages: Sequence[WireMessage]) -> _Paired:
        """Assign ids to the calls and results of a conversation."""
        numbered: list[WireMessage] = []
        calls: list[_Call] = []
        waiting: list[_Call] = []
        for position, message in enumerate(messages):
            if message["role"] in _RESULTS:
                numbered.append(_answer(message, position, waiting))
                continue
            made = list(_own_calls(message, position))
            numbered.append(_with_calls(message, made))
            calls += made
            waiting += made
        return cls(numbered, calls)


def _own_calls(message: WireMessage, position: int) -> Iterator[_Call]:
    taken: set[str] = set()
    for place, call in enumerate(message.get("tool_calls") or ()):
        own = str(call.get("id") or "")
        chosen = own if own and own not in taken else f"call_{position}_{place}"
        while chosen in taken:
            chosen += "_"
        taken.add(chosen)
        arguments = call["function"]["arguments"]
        made: Any = {
            **call,
            "id": chosen,
            "function": {**call["function"], "arguments": object_text(arguments)},
        }
        yield _Call(made, own, is_object_text(arguments), position)


def _with_calls(message: WireMessage, calls: Sequence[_Call]) -> WireMessage:
    made = [call.made for call in calls]
    return message if made == message.get("tool_calls", []) else {**message, "tool_calls": made}


def _answer(message: WireMessage, position: int, waiting: list[_Call]) -> WireMessage:
    """Find the call that a result answers, and give the result its id."""
    call_id, name = str(message.get("tool_call_id") or ""), message.get("name")
    # A result without an id answers any call; a result with an id also a call that had none.
    fitting = [call for call in waiting if not call_id or not call.own_id]
    call = (
        _first_of_latest([call for call in waiting if call_id and call.own_id == call_id])
        or _first_of_latest([call for call in fitting if call.name == name])
        or _first_of_latest(fitting)
    )
    if call is None:
        return message
    waiting.remove(call)
    call.result = position
    if call_id == call.id and message["role"] == "tool":
        return message
    return {**message, "role": "tool", "tool_call_id": call.id}


def _first_of_latest(calls: Sequence[_Call]) -> _Call | None:
    """Return the first of the calls that the latest message made."""
    return next((call for call in calls if call.owner == calls[-1].owner), None)


def _with_results(paired: _Paired, profile: ModelProfile) -> list[WireMessage]:
    """Put every result behind its call, and add results for calls without one."""
    answered: list[WireMessage] = []
    placed = {call.result for call in paired.calls if call.result is not None}
    by_owner: dict[int, list[_Call]] = {}
    for call in paired.calls:
        by_owner.setdefault(call.owner, []).append(call)
    for position, message in enumerate(paired.messages):
        if position in placed:
            continue
        is_orphan = message["role"] in _RESULTS
        answered.append(_as_user(message, profile) if is_orphan else message)
        calls = by_owner.get(position, [])
        results = sorted(call.result for call in calls if call.result is not None)
        answered += [paired.messages[result] for result in results]
        answered += [_no_result(call) for call in calls if call.result is None]
    return answered


def _no_result(call: _Call) -> WireMessage:
    content = UNANSWERED if call.could_run else NOT_RUN
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def _as_user(message: WireMessage, profile: ModelProfile) -> WireMessage:
    """Write a result as a user's message; describe media that the model does not accept in text."""
    text, media = split_result(message.get("content"), profile)
    return {"role": "user", "content": _with_prefix(ORPHAN, [_text(text), *media])}


# --------------------------------------------------------------------------- other repairs


def _without_empty(messages: list[WireMessage], profile: ModelProfile) -> list[WireMessage]:
    kept = [message for message in messages if not _is_empty(message, profile)]
    return kept or messages


def _is_empty(message: WireMessage, profile: ModelProfile) -> bool:
    thought = profile.reasoning and message.get("reasoning")
    has_content = message.get("content") or message.get("tool_calls") or thought
    return message["role"] == "assistant" and not has_content


def _with_instructions_first(messages: Sequence[WireMessage]) -> list[WireMessage]:
    started = False
    placed: list[WireMessage] = []
    for message in messages:
        is_instruction = message["role"] in _INSTRUCTIONS
        if is_instruction and started:
            content = _with_prefix(INSTRUCTION, _parts(message))
            placed.append({**message, "role": "user", "content": content})
        else:
            placed.append(message)
        started = started or not is_instruction
    return placed


def _taking_turns(messages: list[WireMessage]) -> list[WireMessage]:
    taken = _join(messages, _is_one_turn)
    first = next((at for at, m in enumerate(taken) if m["role"] not in _INSTRUCTIONS), None)
    if first is not None and taken[first]["role"] == "assistant":
        taken.insert(first, {"role": "user", "content": BEGINNING})
    return taken


def _is_one_turn(before: WireMessage, message: WireMessage) -> bool:
    return (
        before["role"] == message["role"]
        and message["role"] in {"user", "assistant"}
        and before.get("name") == message.get("name")
        and not before.get("tool_calls")
    )


def _join(
    messages: Sequence[WireMessage], belong: Callable[[WireMessage, WireMessage], bool]
) -> list[WireMessage]:
    """Join each message with the one before it if *belong* returns true for the two."""
    joined: list[WireMessage] = []
    for message in messages:
        if joined and belong(joined[-1], message):
            joined[-1] = _both(joined[-1], message)
        else:
            joined.append(message)
    return joined


def _both(before: WireMessage, message: WireMessage) -> WireMessage:
    both: dict[str, Any] = {**message, **before, "content": _both_contents(before, message)}
    thoughts = [m["reasoning"] for m in (before, message) if m.get("reasoning")]
    if thoughts:
        both["reasoning"] = "\n\n".join(thoughts)
    return cast("WireMessage", both)


def _both_contents(before: WireMessage, message: WireMessage) -> str | list[dict[str, Any]]:
    first, second = before.get("content") or "", message.get("content") or ""
    if isinstance(first, str) and isinstance(second, str):
        return "\n\n".join(text for text in (first, second) if text)
    return [*_parts(before), *_parts(message)]


def _parts(message: WireMessage) -> list[dict[str, Any]]:
    content = message.get("content") or ""
    return [_text(content)] if isinstance(content, str) else list(content)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _with_prefix(prefix: str, parts: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Put a prefix before content that begins with text or with another part."""
    first: Mapping[str, Any] = parts[0] if parts else {}
    if first.get("type") != "text":
        return [_text(prefix.strip()), *parts]
    begun = [_text(f"{prefix}{first['text']}"), *parts[1:]]
    return str(begun[0]["text"]) if len(begun) == 1 else begun
