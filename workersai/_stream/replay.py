"""Turn a whole answer into the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workersai._response.chat import parse_chat
from workersai._response.reply import Reply
from workersai._wire import MAX_BODY_BYTES, Request
from workersai.errors import ResponseError, WorkersAIError
from workersai.events import (
    ChatEvent,
    ChatFinish,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from workersai.results import ChatResult, InvalidToolCall, ToolCall

__all__ = ["WholeReader", "replay"]


def replay(result: ChatResult) -> list[ChatEvent]:
    """Return the events that a stream of this answer would have had."""
    choice = result.choices[0]
    events: list[ChatEvent] = []
    if choice.reasoning:
        events.append(ReasoningDelta(choice.reasoning))
    if choice.text or choice.logprobs:
        events.append(TextDelta(choice.text, choice.logprobs))
    calls: list[ToolCall | InvalidToolCall]
    calls = [*choice.tool_calls, *choice.invalid_tool_calls]
    events += [
        ToolCallDelta(position, call.id, call.name, _to_text(call.arguments))
        for position, call in enumerate(calls)
    ]
    if result.usage is not None:
        events.append(UsageUpdate(result.usage))
    finish = ChatFinish(
        finish_reason=choice.finish_reason,
        model=result.model,
        id=result.id,
        tool_calls=choice.tool_calls,
        invalid_tool_calls=choice.invalid_tool_calls,
        refusal=choice.refusal,
        request_id=result.request_id,
        gateway=result.gateway,
        system_fingerprint=result.system_fingerprint,
    )
    return [*events, finish]


def _to_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


class WholeReader:
    """Reads a whole answer that arrived in place of a stream."""

    def __init__(
        self, request: Request, headers: Mapping[str, str], secrets: tuple[str, ...] = ()
    ) -> None:
        self.is_done = False
        self.has_events = False
        self._request = request
        self._headers = headers
        self._secrets = secrets
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[ChatEvent]:
        """Keep the bytes; return no events before `close`."""
        self._size += len(chunk)
        self.is_done = self._size > MAX_BODY_BYTES
        self._chunks.append(chunk)
        return []

    def close(self) -> list[ChatEvent]:
        """Read the answer and return its events."""
        if self.is_done:
            raise ResponseError(f"the answer is larger than {MAX_BODY_BYTES} bytes")
        reply = Reply(200, self._headers, b"".join(self._chunks), self._secrets)
        return replay(parse_chat(reply, self._request))

    def interrupt(self, error: WorkersAIError) -> WorkersAIError | None:
        """Return the error: an incomplete answer cannot be read."""
        return error
