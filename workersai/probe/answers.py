"""The answer to one ask: status, headers, bytes, and the result of the project's own readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic_core import from_json

from workersai._response.chat import parse_chat
from workersai._response.reply import Reply
from workersai._stream.reader import open_reader
from workersai._stream.sse import DONE, SSEDecoder
from workersai._wire import Request, is_error_status
from workersai.client.streams import collect
from workersai.errors import APIStatusError, WorkersAIError
from workersai.results import ChatChoice, ChatResult

__all__ = ["Answer"]

_BUSY = frozenset({401, 402, 403, 408, 429})
"""Statuses that concern the account or the moment, not the model."""

_OF_A_MODEL = frozenset({5018, 5024, 5035})
"""Codes that come with such a status but do concern the model or the request."""


@dataclass
class Answer:
    """The answer to one ask.

    Attributes:
        request: The request that was sent.
        status: The HTTP status; `None` if no answer arrived.
        headers: The relevant headers of the answer, by lower-case name.
        body: The bytes, as text.
        failure: Why no answer arrived, or why it was cut off.
        seconds: How long it took.
        may_be_cut: Whether an answer that its token cap cut off can be used.
    """

    request: Request
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    failure: str | None = None
    seconds: float = 0.0
    may_be_cut: bool = False

    @cached_property
    def json(self) -> Any:
        """The body as JSON; `None` if it is not JSON."""
        try:
            return from_json(self.body)
        except ValueError:
            return None

    @cached_property
    def events(self) -> list[Any]:
        """The events of a stream, as JSON; others are left out."""
        decoder = SSEDecoder()
        try:
            data = decoder.feed(self.body.encode()) + decoder.close()
        except WorkersAIError:
            return []
        return [event for event in map(_event, data) if event is not None]

    @cached_property
    def is_streamed(self) -> bool:
        """Whether it came as events."""
        return "event-stream" in self.headers.get("content-type", "") and bool(self.events)

    @cached_property
    def ends_with_done(self) -> bool:
        """Whether a stream ended with `[DONE]`."""
        return self.body.rstrip().endswith(DONE.decode())

    @cached_property
    def reading(self) -> ChatResult | WorkersAIError | None:
        """The result of the project's own readers; `None` if no answer arrived."""
        if self.status is None:
            return None
        try:
            if self.request.stream and not is_error_status(self.status):
                reader = open_reader(self.request, self.headers)
                return collect([*reader.feed(self.body.encode()), *reader.close()])
            return parse_chat(Reply(self.status, self.headers, self.body.encode()), self.request)
        except WorkersAIError as error:
            return error

    @cached_property
    def choice(self) -> ChatChoice | None:
        """The answer of a chat; `None` if there is none."""
        found = self.reading
        return found.choices[0] if isinstance(found, ChatResult) else None

    @cached_property
    def code(self) -> int | None:
        """Cloudflare's code of an error."""
        found = self.reading
        return found.code if isinstance(found, APIStatusError) else None

    @property
    def is_answered(self) -> bool:
        """Whether the status of the answer is a success."""
        return self.status is not None and not is_error_status(self.status) and self.code is None

    @property
    def is_refused(self) -> bool:
        """Whether the server refused the request for its content."""
        return self.trouble is None and not self.is_answered

    @property
    def trouble(self) -> str | None:
        """Why it does not answer the question: no answer, a limit, an outage."""
        if self.status is None or self.failure is not None:
            return self.failure or "no answer came"
        if not is_error_status(self.status):
            return self._cut_off()
        if self.code in _OF_A_MODEL:
            return None
        if self.status in _BUSY or self.status >= 500:
            return f"HTTP {self.status}{self._coded()}"
        return None

    def _cut_off(self) -> str | None:
        is_cut = self.choice is not None and self.choice.finish_reason == "length"
        return "the token cap cut it off" if is_cut and not self.may_be_cut else None

    def summary(self) -> str:
        """Describe the answer in a few words."""
        if self.trouble is not None:
            return self.trouble
        if not self.is_answered:
            return f"HTTP {self.status}{self._coded()}: {self._message()}"
        return f"HTTP {self.status}"

    def _coded(self) -> str:
        return "" if self.code is None else f", code {self.code}"

    def _message(self) -> str:
        found = self.reading
        text = found.message if isinstance(found, APIStatusError) else self.body
        return " ".join(str(text).split())[:160]


def _event(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
