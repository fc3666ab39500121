"""Read the stream of any model as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workersai._json import parse_json
from workersai._response.errors import error_from_body, is_error_body
from workersai._response.reply import Reply
from workersai._response.run import parse_run
from workersai._stream.sse import DONE, ErrorData, SSEDecoder
from workersai._wire import Request
from workersai.errors import ResponseError, StreamInterruptedError, WorkersAIError

__all__ = ["RunReader"]


class RunReader:
    """Reads the events of an answer whose form is known only from the model's page.

    An answer that is not a stream gives one value, the result of `parse_run`.
    """

    def __init__(
        self, request: Request, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
    ) -> None:
        self.is_done = False
        self.has_events = "event-stream" in headers.get("content-type", "")
        self._request = request
        self._headers = headers
        self._secrets = secrets
        self._sse = SSEDecoder()
        self._whole: list[bytes] = []
        self._size = 0
        self._failure: WorkersAIError | None = None

    def feed(self, chunk: bytes) -> list[Any]:
        """Take bytes; return the events they complete. Errors are raised by `close`."""
        if not self.has_events:
            return self._keep(chunk)
        events: list[Any] = []
        try:
            for payload in self._sse.feed(chunk):
                self._read(payload, events)
        except WorkersAIError as error:
            self._failure, self.is_done = error, True
        return events

    def _keep(self, chunk: bytes) -> list[Any]:
        self._whole.append(chunk)
        self._size += len(chunk)
        if self._size > self._request.max_answer:
            limit = self._request.max_answer
            self._failure = ResponseError(f"the answer is larger than {limit} bytes")
            self.is_done = True
        return []

    def _read(self, payload: bytes, events: list[Any]) -> None:
        if payload == DONE:
            self.is_done = True
        if self.is_done or not payload:
            return
        event = parse_json(bytes(payload), self._secrets)
        if isinstance(payload, ErrorData) or is_error_body(event):
            raise error_from_body(
                event, headers=self._headers, model=self._request.model, secrets=self._secrets
            )
        events.append(event)

    def close(self) -> list[Any]:
        """End the answer; return its last events.

        Raises:
            WorkersAIError: If something went wrong.
        """
        events: list[Any] = []
        if self.has_events and self._failure is None:
            for payload in self._sse.close():
                self._read(payload, events)
        if self._failure is not None:
            raise self._failure
        if not self.has_events:
            reply = Reply(200, self._headers, b"".join(self._whole), self._secrets)
            events.append(parse_run(reply, self._request))
        return events

    def interrupt(self, error: WorkersAIError) -> WorkersAIError | None:
        """Return the error to raise when the connection fails with *error* before the end."""
        if self._failure is not None:
            return self._failure
        if self.is_done:
            return None
        return StreamInterruptedError(f"The stream of {self._request.model} broke ({error})")
