"""Turn server-sent events into chat events.

A reader takes the bytes of one answer and returns events. Both clients and all framework classes
use the same readers, so the meaning of a stream is defined here alone. A stream ends with
`ChatFinish`, or `close` raises an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic_core import from_json

from workersai._json import parse_halves
from workersai._response.errors import parse_error
from workersai._stream.accumulator import AnswerInProgress
from workersai._stream.replay import WholeReader
from workersai._stream.run import RunReader
from workersai._stream.sse import DONE, ErrorData, SSEDecoder
from workersai._wire import Request
from workersai.errors import (
    APITimeoutError,
    ResponseError,
    StreamInterruptedError,
    WorkersAIError,
)
from workersai.events import ChatEvent

__all__ = ["ChatReader", "StreamReader", "open_reader"]


_SETTLED_BYTES = 1 << 20
"""Join buffered fragments once per this many bytes of stream; most streams are shorter."""


class ChatReader(Protocol):
    """Reads one answer: bytes in, events out."""

    is_done: bool
    """Whether the rest of the answer can be ignored."""
    has_events: bool
    """Whether the answer is a stream of events, which follow each other without long pauses."""

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """Take bytes; return the events they complete. Errors are raised by `close`."""

    def close(self) -> list[ChatEvent]:
        """End the answer; return its last events, of which `ChatFinish` is the last, or raise."""

    def interrupt(self, error: WorkersAIError) -> WorkersAIError | None:
        """Return the error to raise when the connection fails with *error* before the end.

        Returns `None` if the answer was already complete.
        """


def open_reader(
    request: Request, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
) -> ChatReader:
    """Choose the reader by the content type of the answer.

    Some models answer a streaming request with plain JSON (observed: gpt-oss and kimi), and any
    proxy in between may answer with HTML.
    """
    if not request.is_chat:
        return RunReader(request, headers, secrets)
    kind = headers.get("content-type", "")
    if not request.stream or "json" in kind or "html" in kind:
        return WholeReader(request, headers, secrets)
    return StreamReader(request, headers, secrets)


class StreamReader:
    """Reads a stream of server-sent events: native events, OpenAI chunks, or both mixed."""

    def __init__(
        self, request: Request, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
    ) -> None:
        self.is_done = False
        self.has_events = True
        self._request = request
        self._headers = headers
        self._secrets = secrets
        self._sse = SSEDecoder()
        self._answer = AnswerInProgress(request, headers, secrets)
        self._has_ended = False
        self._loose = 0  # bytes since fragments were joined
        self._failure: WorkersAIError | None = None

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """Take bytes; return the events they complete. Errors are raised by `close`."""
        events: list[ChatEvent] = []
        try:
            for payload in self._sse.feed(chunk):
                self._read_payload(payload, events)
            self._loose += len(chunk)
            if self._loose > _SETTLED_BYTES:
                self._loose = 0
                self._answer.settle()
        except WorkersAIError as error:
            self._fail(error)
        return events

    def close(self) -> list[ChatEvent]:
        """End the stream; return its last events, or raise what went wrong.

        Raises:
            StreamInterruptedError: If the model had not finished.
            APIStatusError: If the stream carried an error.
            ResponseError: If an event could not be read.
        """
        events: list[ChatEvent] = []
        try:
            for payload in self._sse.close():
                self._read_payload(payload, events)
        except WorkersAIError as error:
            self._fail(error)
        if self._failure is None and not self._is_whole():
            interrupted = self._interrupted("ended")
            interrupted.is_retryable = True  # set to False if events were handed out
            self._fail(interrupted)
        if self._failure is not None:
            raise self._failure
        return [*events, *self._answer.finish()]

    def interrupt(self, error: WorkersAIError) -> WorkersAIError | None:
        """Return the error for a failed connection; `None` if the answer was complete."""
        if self._failure is None and self._is_whole():
            self.is_done = True
            return None
        if not isinstance(error, (APITimeoutError, ResponseError)):
            broken = self._interrupted(f"broke ({error})")
            broken.is_retryable = error.is_retryable
            error = broken
        self._fail(error)
        return error

    def _is_whole(self) -> bool:
        """Return whether the model has finished: `[DONE]`, a finish reason, or both arrived."""
        return self._has_ended or self._answer.reason is not None

    def _fail(self, error: WorkersAIError) -> None:
        self.is_done = True
        self._failure = error
        error.partial = self._answer.partial()
        if error.partial is not None:
            error.is_retryable = False  # the caller already has a part of the answer

    def _interrupted(self, how: str) -> StreamInterruptedError:
        start = f"The stream of {self._request.model} {how} before the model had finished, "
        if self._answer.partial() is not None:
            return StreamInterruptedError(
                f"{start}after {self._answer.length} characters of text; `.partial` has what had "
                "arrived"
            )
        error = StreamInterruptedError(f"{start}and before any part of its answer had arrived")
        error.action = "ask again, and check that base_url leads to Workers AI"
        return error

    def _read_payload(self, payload: bytes, events: list[ChatEvent]) -> None:
        if payload.__class__ is ErrorData and not self.is_done:
            self._answer.refuse(parse_error(bytes(payload)))
        if payload == DONE:
            self._has_ended = self.is_done = True
        if self.is_done:
            return
        try:
            event = from_json(payload)
        except ValueError:
            if (bare := payload.strip()) in (b"", DONE):  # a sign of life, or an end with spaces
                self._has_ended = self.is_done = bare == DONE
                return
            event = parse_halves(payload, self._secrets)
            self._answer.has_surrogates = True
        if not isinstance(event, dict):
            raise ResponseError(f"the stream sent an event that is {type(event).__name__}")
        self._answer.read(event, payload, (), events)
        if self._answer.replayed:
            self._has_ended = self.is_done = True
