"""Turn the JSON events of a stream into chat events, and collect the answer so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

from workersai._json import REPLACEMENT, exact_text, join_surrogates, label_or_none, read_list
from workersai._response.chat import find_reasoning, parse_chat
from workersai._response.errors import error_from_body, is_error_body
from workersai._response.headers import read_headers
from workersai._response.logprobs import read_logprobs
from workersai._response.reply import Reply
from workersai._response.tool_calls import ExactText
from workersai._response.usage import UsageLedger
from workersai._stream.replay import replay
from workersai._stream.tool_calls import ToolCallAssembler
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.events import (
    ChatEvent,
    ChatFinish,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from workersai.results import ChatChoice, ChatResult

__all__ = ["AnswerInProgress"]

Path: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[Path, int]  # a choice: the path to its event, its position

_MAX_CHARACTERS = 8 << 20
_MAX_EVENTS = 2 << 20  # each has at least a token: twice the largest context window


def _inside(place: Place) -> Path:
    """Return the path to the delta of a choice."""
    return (*place[0], "choices", place[1], "delta")


def _after(text: str, pieces: list[str]) -> str:
    """Return the end of a text, if the pieces are its beginning; else the whole text."""
    return text.removeprefix("".join(pieces))


def _exact(payload: bytes, path: Path) -> ExactText:
    return lambda steps: exact_text(payload, (*path, *steps))


class AnswerInProgress:
    """Reads the events of one stream: native events, OpenAI chunks, or both mixed.

    Attributes:
        reason: The finish reason, once an event carried it.
        replayed: The events of a whole answer, if the stream sent one as an event.
        halves: Surrogates that wait for their other half, by channel.
        has_surrogates: Set when an event had a surrogate: from then on, text is repaired.
    """

    def __init__(
        self, request: Request, headers: Mapping[str, str], secrets: tuple[str, ...]
    ) -> None:
        self.reason: str | None = None
        self.replayed: list[ChatEvent] = []
        self.halves: dict[str, str] = {}
        self.has_surrogates = False
        self._request = request
        self._headers = headers
        self._secrets = secrets
        self._usage = UsageLedger()
        self._tools = ToolCallAssembler(request.call_seed, request.tools)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._events = 0  # with text of any kind, except those not joined yet
        self._names: dict[str, str] = {}  # first values of `model`, `id`, `system_fingerprint`

    @property
    def length(self) -> int:
        """How many characters of text have arrived."""
        return sum(map(len, self._text))

    def settle(self) -> None:
        """Join buffered fragments; their number costs more memory than their characters.

        Raises:
            ResponseError: If the stream is longer than any answer can be.
        """
        size = self._tools.settle()
        for pieces in (self._text, self._reasoning, self._refusal):
            if len(pieces) > 1:
                self._events += len(pieces) - 1
                pieces[:] = ["".join(pieces)]
            size += sum(map(len, pieces))
        if size > _MAX_CHARACTERS or self._events > _MAX_EVENTS:
            raise ResponseError(
                f"the stream brought more than {_MAX_CHARACTERS} characters or {_MAX_EVENTS} events"
            )

    def read(
        self, event: dict[str, Any], payload: bytes, path: Path, events: list[ChatEvent]
    ) -> None:
        """Read the event at *path* in *payload*; append the chat events it makes to *events*.

        Raises:
            APIStatusError: If the event is an error.
            ResponseError: If it cannot be read.
        """
        choices = event.get("choices")
        says_nothing = not choices and not event.get("response")
        if (
            says_nothing or "error" in event or "errors" in event or "success" in event
        ) and is_error_body(event):
            self.refuse(event)
        has_content = False
        if choices:
            if choices.__class__ is not list:
                read_list(choices, "choices")  # raises
            for position, choice in enumerate(choices):
                if isinstance(choice, dict) and (
                    not (index := choice.get("index")) or index == "0"
                ):
                    place = path, position
                    has_content |= self._read_choice(choice, payload, place, events)
        # Hybrid chunks carry the same text twice, in `choices` and natively.
        if not has_content:
            self._read_native(event, payload, path, events)
        if usage := event.get("usage"):
            self._usage.add(usage, is_tail="choices" not in event)
        if "model" not in self._names:
            self._note_names(event)

    def refuse(self, error: Any) -> NoReturn:
        """Raise the error that an event reports.

        Raises:
            APIStatusError: Always.
        """
        raise error_from_body(
            error, headers=self._headers, model=self._request.model, secrets=self._secrets
        )

    def _read_choice(
        self, choice: dict[str, Any], payload: bytes, place: Place, events: list[ChatEvent]
    ) -> bool:
        """Read one choice of an OpenAI chunk; return whether it carried anything."""
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return self._read_no_delta(choice, payload, place, events)
        reasoning = calls = None
        if delta.get("reasoning_content") is not None or delta.get("reasoning") is not None:
            reasoning = self._read_reasoning(delta, payload, _inside(place), events)
        content = delta.get("content")
        if content is not None and content.__class__ is not str:
            content = exact_text(payload, (*_inside(place), "content"))
        logprobs = choice.get("logprobs")
        if content or logprobs:
            tokens = logprobs and read_logprobs(choice, _exact(payload, _inside(place)[:-1]))
            self._add_text(content or "", events, tokens)
        if "tool_calls" in delta or "function_call" in delta:
            calls = self._read_calls(delta, payload, _inside(place), events)
        if (refusal := delta.get("refusal")) is not None:
            self._add_refusal(refusal, payload, (*_inside(place), "refusal"))
        if reason := choice.get("finish_reason"):
            self.reason = label_or_none(reason) or self.reason
        return bool(content or reasoning or calls)

    def _read_reasoning(
        self, holder: dict[str, Any], payload: bytes, path: Path, events: list[ChatEvent]
    ) -> str:
        """Read the reasoning of a delta or of a native event."""
        name, reasoning = find_reasoning(holder)
        if reasoning is not None and reasoning.__class__ is not str:
            reasoning = exact_text(payload, (*path, name))
        if reasoning:
            self._add_reasoning(reasoning, events)
        return reasoning or ""

    def _read_calls(
        self, delta: dict[str, Any], payload: bytes, path: Path, events: list[ChatEvent]
    ) -> bool:
        """Read fragments of tool calls, or of the one call of OpenAI's older form."""
        if calls := delta.get("tool_calls"):
            deltas = self._tools.feed_usual(calls)
            if deltas is None:
                deltas = self._tools.feed(calls, _exact(payload, (*path, "tool_calls")))
            events += deltas
        elif calls := delta.get("function_call"):
            exact = _exact(payload, (*path, "function_call"))
            events += self._tools.feed([{"index": 0, "function": calls}], lambda s: exact(s[2:]))
        return bool(calls)

    def _read_no_delta(
        self, choice: dict[str, Any], payload: bytes, place: Place, events: list[ChatEvent]
    ) -> bool:
        """Read a choice with a whole message, or a piece of a text completion."""
        if delta := choice.get("delta"):
            raise ResponseError(f"the server sent 'delta' as {type(delta).__name__}, not an object")
        if isinstance(choice.get("message"), dict):
            self._replay(payload)
            return True
        text = choice.get("text")
        if text is not None and text.__class__ is not str:
            text = exact_text(payload, (*place[0], "choices", place[1], "text"))
        logprobs = read_logprobs(choice, _exact(payload, (*place[0], "choices", place[1])))
        if text or logprobs:
            self._add_text(text or "", events, logprobs)
        if reason := choice.get("finish_reason"):
            self.reason = label_or_none(reason) or self.reason
        return bool(text)

    def _read_native(
        self, event: dict[str, Any], payload: bytes, path: Path, events: list[ChatEvent]
    ) -> None:
        if "result" in event and "choices" not in event:
            self._replay(payload)
            return
        if pieces := event.get("streamed_data"):
            for position, item in enumerate(read_list(pieces, "streamed_data")):
                if not isinstance(item, dict):
                    raise ResponseError("the server sent 'streamed_data' that holds no objects")
                self.read(item, payload, (*path, "streamed_data", position), events)
        if event.get("reasoning_content") is not None or event.get("reasoning") is not None:
            self._read_reasoning(event, payload, path, events)
        response = event.get("response")
        if response is not None and response.__class__ is not str:
            response = exact_text(payload, (*path, "response"))
        if response:
            self._add_text(response, events, None)
        if calls := event.get("tool_calls"):
            events += self._tools.feed(calls, _exact(payload, (*path, "tool_calls")))
        if reason := event.get("finish_reason"):
            self.reason = label_or_none(reason) or self.reason

    def _add_text(
        self, text: str, events: list[ChatEvent], logprobs: list[dict[str, Any]] | None
    ) -> None:
        if self.has_surrogates:
            text = self._mend("text", text)
        if text or logprobs:
            self._text.append(text)
            events.append(TextDelta(text, logprobs))

    def _replay(self, payload: bytes) -> None:
        """Read a whole answer that arrived as one event of the stream."""
        reply = Reply(200, self._headers, payload, self._secrets)
        self.replayed = self._without_handed_out(replay(parse_chat(reply, self._request)))

    def _without_handed_out(self, events: list[ChatEvent]) -> list[ChatEvent]:
        """Leave out of a whole answer's events what the events before it had handed out.

        Some servers send the whole answer once more at the end of its stream.
        """
        kept: list[ChatEvent] = []
        for event in events:
            if isinstance(event, TextDelta):
                rest = _after(event.text, self._text)
                kept += [TextDelta(rest, event.logprobs)] if rest else []
            elif isinstance(event, ReasoningDelta):
                rest = _after(event.text, self._reasoning)
                kept += [ReasoningDelta(rest)] if rest else []
            elif not (isinstance(event, ToolCallDelta) and event.index < self._tools.handed_out):
                kept.append(event)
        return kept

    def _add_reasoning(self, text: str, events: list[ChatEvent]) -> None:
        if self.has_surrogates:
            text = self._mend("reasoning", text)
        if text:
            self._reasoning.append(text)
            events.append(ReasoningDelta(text))

    def _add_refusal(self, refusal: Any, payload: bytes, path: Path) -> None:
        if refusal.__class__ is not str:
            refusal = exact_text(payload, path)
        self._refusal.append(self._mend("refusal", refusal) if self.has_surrogates else refusal)

    def _mend(self, channel: str, text: str) -> str:
        """Join the halves of a character that two events split."""
        whole, half = join_surrogates(self.halves.pop(channel, "") + text)
        if half:
            self.halves[channel] = half
        return whole

    def _release_halves(self) -> list[ChatEvent]:
        """Return events with U+FFFD for each half whose other half did not arrive."""
        events: list[ChatEvent] = []
        halves, self.halves = self.halves, {}
        if "reasoning" in halves:
            self._add_reasoning(REPLACEMENT, events)
        if "text" in halves:
            self._add_text(REPLACEMENT, events, None)
        if "refusal" in halves:
            self._refusal.append(REPLACEMENT)
        return events

    def _note_names(self, event: dict[str, Any]) -> None:
        for name in ("model", "id", "system_fingerprint"):
            if name in self._names or (value := event.get(name)) is None:
                continue
            if (label := label_or_none(value)) is not None:
                self._names[name] = label

    def finish(self) -> list[ChatEvent]:
        """Return the last events of a complete answer."""
        if self.replayed:
            return self.replayed
        deltas, calls, invalid = self._tools.close(is_truncated=self.reason == "length")
        events: list[ChatEvent] = [*self._release_halves(), *deltas]
        if (usage := self._usage.total()) is not None:
            events.append(UsageUpdate(usage))
        finish = ChatFinish(
            finish_reason=self.reason,
            model=self._names.get("model") or self._request.model,
            id=self._names.get("id"),
            tool_calls=calls,
            invalid_tool_calls=invalid,
            refusal="".join(self._refusal) or None,
            **read_headers(self._headers, self._secrets),
            system_fingerprint=self._names.get("system_fingerprint"),
        )
        return [*events, finish]

    def partial(self) -> ChatResult | None:
        """Return the answer so far; all its tool calls are invalid."""
        self._release_halves()
        calls = self._tools.unfinished()
        if not (self._text or self._reasoning or calls):
            return None
        choice = ChatChoice(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            invalid_tool_calls=calls,
            refusal="".join(self._refusal) or None,
        )
        return ChatResult(
            (choice,),
            usage=self._usage.total(),
            model=self._names.get("model") or self._request.model,
            id=self._names.get("id"),
            **read_headers(self._headers, self._secrets),
        )
