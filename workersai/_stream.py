"""Server-sent events -> chat events.

A reader takes the bytes of one answer and gives events. Both clients and all four faces use the
same one, so what a stream means is decided here alone. It ends with `Finish`, or `close` raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from pydantic_core import from_json

from workersai._answers import find_reasoning, parse_chat, read_logprobs
from workersai._failures import error_from_body, is_error_body
from workersai._json import exact_text, join_surrogates, parse_halves, read_list, to_text
from workersai._replay import WholeReader, replay
from workersai._requests import Request
from workersai._responses import Reply
from workersai._sse import DONE, SSEDecoder
from workersai._tool_stream import ToolCallAssembler
from workersai._types import (
    ChatEvent,
    ChatResult,
    Choice,
    Finish,
    ReasoningDelta,
    TextDelta,
    UsageUpdate,
)
from workersai._usage import UsageLedger
from workersai.errors import (
    APITimeoutError,
    ResponseError,
    StreamInterruptedError,
    WorkersAIError,
)

__all__ = ["ChatReader", "StreamReader", "open_reader"]


Path: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[Path, int]  # of a choice: the path to its event, its position


_new = object.__new__
_set_text = TextDelta.__dict__["text"].__set__
_set_logprobs = TextDelta.__dict__["logprobs"].__set__


class ChatReader(Protocol):
    """Reads one answer, bytes in and events out."""

    is_done: bool
    """Whether nothing more is worth reading."""

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """Take bytes; return the events they complete. What is wrong waits for `close`."""

    def close(self) -> list[ChatEvent]:
        """End the answer; return its last events, `Finish` the last, or raise what is wrong."""

    def interrupt(self, error: WorkersAIError) -> WorkersAIError | None:
        """Return what to raise when the connection fails with *error* before the end.

        `None` if the answer was whole by then.
        """


def open_reader(
    request: Request, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
) -> ChatReader:
    """Choose the reader by what the server says it sends.

    Some models answer a request for a stream with plain JSON (seen on gpt-oss and kimi), and so
    may anything between here and there with HTML.
    """
    kind = headers.get("content-type", "")
    if not request.stream or "json" in kind or "html" in kind:
        return WholeReader(request, headers, secrets)
    return StreamReader(request, headers, secrets)


class StreamReader:
    """Reads a stream of server-sent events: native ones, OpenAI chunks, or both in one."""

    def __init__(
        self, request: Request, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
    ) -> None:
        self.is_done = False
        self._request = request
        self._headers = headers
        self._secrets = secrets
        self._sse = SSEDecoder()
        self._usage = UsageLedger()
        self._tools = ToolCallAssembler(request.call_seed())
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._halves: dict[str, str] = {}  # surrogates that wait for their other half, by channel
        self._has_surrogates = False
        self._has_ended = False
        self._reason: str | None = None
        self._names: dict[str, str] = {}  # `model`, `id`, `system_fingerprint`, as first seen
        self._replayed: list[ChatEvent] = []
        self._failure: WorkersAIError | None = None

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """Take bytes; return the events they complete. What is wrong waits for `close`."""
        events: list[ChatEvent] = []
        try:
            for payload in self._sse.feed(chunk):
                self._read_payload(payload, events)
        except WorkersAIError as error:
            self._fail(error)
        return events

    def close(self) -> list[ChatEvent]:
        """End the stream; return its last events, or raise what is wrong.

        Raises:
            StreamInterruptedError: If the model had not finished.
            APIStatusError: If the stream brought an error.
            ResponseError: If it brought something that cannot be read.
        """
        events: list[ChatEvent] = []
        try:
            for payload in self._sse.close():
                self._read_payload(payload, events)
        except WorkersAIError as error:
            self._fail(error)
        if self._failure is None and self._halves:
            self._fail(ResponseError("the stream ended with half of a surrogate pair"))
        if self._failure is None and not self._is_whole():
            interrupted = StreamInterruptedError(self._describe("ended"))
            interrupted.is_retryable = True  # unless a part was handed out
            self._fail(interrupted)
        if self._failure is not None:
            raise self._failure
        return [*events, *(self._replayed or self._finish())]

    def interrupt(self, error: WorkersAIError) -> WorkersAIError | None:
        """Return what to raise when the connection fails with *error*; `None` if all had come."""
        if self._failure is None and self._is_whole():
            self.is_done = True
            return None
        if not isinstance(error, (APITimeoutError, ResponseError)):
            broken = StreamInterruptedError(self._describe(f"broke ({error})"))
            broken.is_retryable = error.is_retryable
            error = broken
        self._fail(error)
        return error

    def _is_whole(self) -> bool:
        """Say whether the model has finished: `[DONE]`, a finish reason, or both."""
        return self._has_ended or self._reason is not None

    def _fail(self, error: WorkersAIError) -> None:
        self.is_done = True
        self._failure = error
        error.partial = self._partial()
        if error.partial is not None:
            error.is_retryable = False  # a part of the answer has been handed out already

    def _describe(self, how: str) -> str:
        return (
            f"The stream of {self._request.model} {how} before the model had finished, after "
            f"{sum(map(len, self._text))} characters of text; what had come is in `.partial`"
        )

    # ------------------------------------------------------------------------- events

    def _read_payload(self, payload: bytes, events: list[ChatEvent]) -> None:
        if payload == DONE:
            self._has_ended = self.is_done = True
        if self.is_done:
            return
        try:
            event = from_json(payload)
        except ValueError:
            event = parse_halves(payload, self._secrets)
            self._has_surrogates = True
        if not isinstance(event, dict):
            raise ResponseError(f"the stream sent an event that is {type(event).__name__}")
        self._read(event, payload, (), events)

    def _read(
        self, event: dict[str, Any], payload: bytes, path: Path, events: list[ChatEvent]
    ) -> None:
        """Read one event, which stands at *path* in *payload*."""
        if ("error" in event or "errors" in event or "success" in event) and is_error_body(event):
            raise error_from_body(
                event, headers=self._headers, model=self._request.model, secrets=self._secrets
            )
        has_content = False
        if choices := event.get("choices"):
            for position, choice in enumerate(read_list(choices, "choices")):
                if isinstance(choice, dict) and not choice.get("index"):
                    place = path, position
                    has_content |= self._read_choice(choice, payload, place, events)
        # Hybrid chunks carry the same piece twice, in `choices` and natively.
        if not has_content:
            self._read_native(event, payload, path, events)
        if usage := event.get("usage"):
            self._usage.add(usage, is_tail="choices" not in event)
        if not self._names:
            self._note_names(event)

    def _read_choice(
        self, choice: dict[str, Any], payload: bytes, place: Place, events: list[ChatEvent]
    ) -> bool:
        """Read one choice of an OpenAI chunk; say whether it carried anything."""
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return self._read_no_delta(choice, payload, place, events)
        name, reasoning = find_reasoning(delta)
        if reasoning is not None and reasoning.__class__ is not str:
            reasoning = exact_text(payload, (*place[0], "choices", place[1], "delta", name))
        if reasoning:
            self._add_reasoning(reasoning, events)
        content = delta.get("content")
        if content is not None and content.__class__ is not str:
            content = exact_text(payload, (*place[0], "choices", place[1], "delta", "content"))
        logprobs = choice.get("logprobs")
        if content or logprobs:
            self._add_text(content or "", events, logprobs and read_logprobs(choice))
        if calls := delta.get("tool_calls"):
            events += self._tools.feed(calls)
        if refusal := delta.get("refusal"):
            self._refusal.append(to_text(refusal))
        if reason := choice.get("finish_reason"):
            self._reason = str(reason)
        return bool(content or reasoning or calls)

    def _read_no_delta(
        self, choice: dict[str, Any], payload: bytes, place: Place, events: list[ChatEvent]
    ) -> bool:
        """Read a choice with a whole message, or a piece of a text completion."""
        if isinstance(choice.get("message"), dict):
            self._replay(payload)
            return True
        text = choice.get("text")
        if text is not None and text.__class__ is not str:
            text = exact_text(payload, (*place[0], "choices", place[1], "text"))
        if text:
            self._add_text(text, events, None)
        if reason := choice.get("finish_reason"):
            self._reason = str(reason)
        return bool(text)

    def _read_native(
        self, event: dict[str, Any], payload: bytes, path: Path, events: list[ChatEvent]
    ) -> None:
        if isinstance(event.get("result"), dict):
            self._replay(payload)
            return
        if pieces := event.get("streamed_data"):
            for position, item in enumerate(read_list(pieces, "streamed_data")):
                if not isinstance(item, dict):
                    raise ResponseError("the server sent 'streamed_data' that holds no objects")
                self._read(item, payload, (*path, "streamed_data", position), events)
        response = event.get("response")
        if response is not None and response.__class__ is not str:
            response = exact_text(payload, (*path, "response"))
        if response:
            self._add_text(response, events, None)
        if calls := event.get("tool_calls"):
            events += self._tools.feed(calls)
        if reason := event.get("finish_reason"):
            self._reason = str(reason)

    def _add_text(
        self, text: str, events: list[ChatEvent], logprobs: list[dict[str, Any]] | None
    ) -> None:
        if self._has_surrogates:
            text = self._mend("text", text)
        if text or logprobs:
            self._text.append(text)
            # A frozen dataclass, set slot by slot: the constructor takes twice as long.
            delta = _new(TextDelta)
            _set_text(delta, text)
            _set_logprobs(delta, logprobs)
            events.append(delta)

    def _replay(self, payload: bytes) -> None:
        """Read a whole answer that came as one event of a stream."""
        reply = Reply(200, self._headers, payload, self._secrets)
        self._replayed = replay(parse_chat(reply, self._request))
        self._has_ended = self.is_done = True

    def _add_reasoning(self, text: str, events: list[ChatEvent]) -> None:
        if self._has_surrogates:
            text = self._mend("reasoning", text)
        if text:
            self._reasoning.append(text)
            events.append(ReasoningDelta(text))

    def _mend(self, channel: str, text: str) -> str:
        """Join the halves of a character that two events brought."""
        whole, half = join_surrogates(self._halves.pop(channel, "") + text)
        if half:
            self._halves[channel] = half
        return whole

    def _note_names(self, event: dict[str, Any]) -> None:
        for name in ("model", "id", "system_fingerprint"):
            if name not in self._names and isinstance(value := event.get(name), str):
                self._names[name] = value

    # ---------------------------------------------------------------------------- end

    def _finish(self) -> list[ChatEvent]:
        deltas, calls, invalid = self._tools.close(is_truncated=self._reason == "length")
        events: list[ChatEvent] = [*deltas]
        if (usage := self._usage.total()) is not None:
            events.append(UsageUpdate(usage))
        finish = Finish(
            finish_reason=self._reason,
            model=self._names.get("model") or self._request.model,
            id=self._names.get("id"),
            tool_calls=calls,
            invalid_tool_calls=invalid,
            refusal="".join(self._refusal) or None,
            request_id=self._headers.get("cf-ray"),
            system_fingerprint=self._names.get("system_fingerprint"),
        )
        return [*events, finish]

    def _partial(self) -> ChatResult | None:
        """Return what has come so far, every tool call of it as one not to run."""
        calls = self._tools.unfinished()
        if not (self._text or self._reasoning or calls):
            return None
        choice = Choice(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            invalid_tool_calls=calls,
        )
        return ChatResult(
            (choice,),
            usage=self._usage.total(),
            model=self._names.get("model") or self._request.model,
            id=self._names.get("id"),
            request_id=self._headers.get("cf-ray"),
        )
