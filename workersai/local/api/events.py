"""Write the pieces of an answer as the server-sent events that the model would send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from typing_extensions import assert_never

from workersai.local.api.answers import head_of, logprobs_of, parsed_or_text, usage_of
from workersai.local.api.identity import new_call_id
from workersai.local.api.jobs import ChatRequest
from workersai.local.engines.base import (
    CallPiece,
    FinishPiece,
    Piece,
    ReasoningPiece,
    TextPiece,
)

__all__ = ["DONE", "event", "stream_events"]

DONE = b"data: [DONE]\n\n"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_FRAGMENT = 16
"""The number of characters in one fragment of streamed tool arguments."""


def event(data: Any) -> bytes:
    """Return one server-sent event."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode("utf-8", "surrogatepass")


def stream_events(
    request: ChatRequest, answers: Iterator[Iterator[Piece]], prompt_tokens: int
) -> Iterator[dict[str, Any]]:
    """Yield every event of a stream except the closing `[DONE]`.

    Args:
        request: The request.
        prompt_tokens: Length of the input, which the first chunk already reports.
        answers: The pieces of each choice, one choice after the other.
    """
    writer = _ClassicStream(request) if request.classic else _OpenAIStream(request, prompt_tokens)
    for index, pieces in enumerate(answers):
        for piece in pieces:
            yield from writer.events(index, piece)
    yield from writer.end()


class _Stream:
    """The state of a stream: tokens and events so far."""

    def __init__(self, request: ChatRequest) -> None:
        self.request = request
        self.sent = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def padding(self) -> str:
        """Return filler of varying length, which hides the length of the text from observers."""
        self.sent += 1
        length = 4 + self.sent * 7 % 32
        return (_ALPHABET * 2)[:length]

    def finish(self, piece: FinishPiece) -> None:
        """Count one finished choice; the prompt counts once for all choices."""
        self.prompt_tokens = piece.prompt_tokens
        self.completion_tokens += piece.completion_tokens

    def tail(self) -> dict[str, Any]:
        """Return the cumulative usage in Workers AI's own shape."""
        usage = usage_of(self.request.model, self.prompt_tokens, self.completion_tokens)
        return {"response": "", "usage": usage}


class _ClassicStream(_Stream):
    """Sends `{"response": ..., "p": ...}` events; tool calls come whole."""

    def events(self, index: int, piece: Piece) -> Iterator[dict[str, Any]]:
        if index > 0 or isinstance(piece, ReasoningPiece):
            return  # the shape has no field for a second choice or for reasoning
        if isinstance(piece, TextPiece):
            yield {"response": piece.text, "p": self.padding()}
        elif isinstance(piece, CallPiece):
            call = {"name": piece.name, "arguments": parsed_or_text(piece.arguments)}
            yield {"response": "", "tool_calls": [call], "p": self.padding()}
        elif isinstance(piece, FinishPiece):
            self.finish(piece)
            yield {"response": "", "tool_calls": [], "p": self.padding()}
        else:
            assert_never(piece)

    def end(self) -> Iterator[dict[str, Any]]:
        yield self.tail()


class _OpenAIStream(_Stream):
    """Sends OpenAI chunks, with usage in the way of each endpoint.

    The native endpoint sends increasing usage on every chunk and a native chunk at the end;
    `/ai/v1` sends usage once, in a chunk without choices, as strict OpenAI parsers expect.
    """

    def __init__(self, request: ChatRequest, prompt_tokens: int) -> None:
        super().__init__(request)
        kind = "text_completion" if request.completes_prompt else "chat.completion.chunk"
        self._head = head_of(request, kind)
        self._native = request.endpoint == "run"
        self._opened: set[int] = set()
        self._calls: dict[int, int] = {}
        self._unread = prompt_tokens
        self._reported_in = 0
        self._reported_out = 0

    def events(self, index: int, piece: Piece) -> Iterator[dict[str, Any]]:
        if index not in self._opened:
            self._opened.add(index)
            yield from self._opening(index)
        if isinstance(piece, TextPiece):
            yield self._text(index, piece)
        elif isinstance(piece, ReasoningPiece):
            thought = {"reasoning": piece.text, "reasoning_content": piece.text}
            yield self._chunk(index, {"content": None, **thought}, tokens=piece.tokens)
        elif isinstance(piece, CallPiece):
            yield from self._call(index, piece)
        elif isinstance(piece, FinishPiece):
            self.finish(piece)
            yield self._chunk(index, {}, reason=piece.reason)
        else:
            assert_never(piece)

    def end(self) -> Iterator[dict[str, Any]]:
        model = self.request.model
        if not self._native:
            usage = usage_of(model, self.prompt_tokens, self.completion_tokens)
            yield {**self._head, "choices": [], "usage": usage}
            return
        rest = usage_of(
            model,
            max(0, self.prompt_tokens - self._reported_in),
            max(0, self.completion_tokens - self._reported_out),
        )
        yield {**self._head, "choices": [], "usage": rest, "p": self.padding()}
        yield self.tail()

    def _opening(self, index: int) -> Iterator[dict[str, Any]]:
        if not self.request.completes_prompt:
            yield self._chunk(index, {"role": "assistant", "content": ""})

    def _text(self, index: int, piece: TextPiece) -> dict[str, Any]:
        chunk = self._chunk(index, {"content": piece.text}, tokens=piece.tokens)
        if self.request.model.hybrid:
            chunk["response"] = piece.text
        if piece.logprobs:
            chunk["choices"][0]["logprobs"] = logprobs_of(self.request, piece.logprobs)
        return chunk

    def _call(self, index: int, piece: CallPiece) -> Iterator[dict[str, Any]]:
        """Yield id and name first, then the arguments in fragments without id and name."""
        place = self._calls.get(index, 0)
        self._calls[index] = place + 1
        opening = _call_delta(place, piece.id or new_call_id(), piece.name, "")
        yield self._chunk(index, {"content": None, "tool_calls": [opening]}, tokens=piece.tokens)
        for start in range(0, len(piece.arguments), _FRAGMENT):
            fragment = piece.arguments[start : start + _FRAGMENT]
            yield self._chunk(index, {"tool_calls": [_call_delta(place, None, None, fragment)]})

    def _chunk(
        self, index: int, delta: dict[str, Any], *, reason: str | None = None, tokens: int = 0
    ) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": index, "finish_reason": reason, "logprobs": None}
        if self.request.completes_prompt:
            choice["text"] = delta.get("content", "")
        else:
            choice["delta"] = delta
        chunk = {**self._head, "choices": [choice]}
        return {**chunk, **self._usage_part(tokens)} if self._native else chunk

    def _usage_part(self, tokens: int) -> dict[str, Any]:
        """Return the tokens that this chunk adds: the whole input on the first, then its own."""
        read, self._unread = self._unread, 0
        self._reported_in += read
        self._reported_out += tokens
        return {"usage": usage_of(self.request.model, read, tokens), "p": self.padding()}


def _call_delta(
    place: int, call_id: str | None, name: str | None, arguments: str
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "index": place, "function": function}
