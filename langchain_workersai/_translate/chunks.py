"""Convert the core's stream events to LangChain chunks.

`ChunkStream` is on the hot path, with one chunk for every token. So chunks are not validated again
but copied from a validated one (`_STATE`, `_GENERATION`); the inserted values already have the
types that validation would give them. Tests compare such chunks with chunks from the constructors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_core.messages import AIMessageChunk, InvalidToolCall, ToolCall, ToolCallChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json
from pydantic import BaseModel
from typing_extensions import assert_never

from langchain_workersai._provider import PROVIDER
from langchain_workersai._translate.metadata import (
    INVALID_CALLS,
    add_usage,
    additional_kwargs,
    function_call,
    response_metadata,
)
from workersai import (
    ChatFinish,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageUpdate,
)
from workersai import InvalidToolCall as InvalidCall
from workersai import ModelProfile as ModelFacts
from workersai.integration import AskedAgain, RoundEvent, call_cost

# --------------------------------------------------------------------------------- streams


@dataclass
class _Call:
    """An incomplete tool call: `sent` was passed on in chunks, `held` was not yet."""

    index: int
    sent: list[str] = field(default_factory=list)
    held: str = ""


class ChunkStream:
    """Converts one stream; call `feed` with the core's events in order.

    LangChain reads a merged call's arguments leniently: text that stops in the middle becomes a
    call that looks valid but lacks keys. The core reads them strictly, and its result counts: an
    invalid call gets a last delta that no parser accepts, and a call whose arguments do not begin
    as an object (`null`, or JSON inside a JSON string) is held back until the core has read it.
    """

    def __init__(
        self, *, model: str, has_functions: bool = False, facts: ModelFacts | None = None
    ) -> None:
        """Prepare for a stream.

        Args:
            model: The model that is asked, for streams without a model name.
            has_functions: Whether `functions` are sent; the last chunk then has a call as
                `function_call` too.
            facts: What the account's catalogue says about the model, its prices among it.
        """
        self._model = model
        self._has_functions = has_functions
        self._facts = facts
        self._usage: Usage | None = None
        self._calls: dict[str | None, _Call] = {}
        self._by_index: dict[int, _Call] = {}
        self._refused: list[InvalidCall] = []
        self._shift = 0  # added to indices: the number of calls in earlier answers

    def feed(self, event: RoundEvent) -> tuple[ChatGenerationChunk, ...]:
        """Convert one event.

        Returns:
            The chunks to pass on now: one for text, reasoning and most pieces of a call, none
            for usage (the last chunk has it), one or more for the end.
        """
        if isinstance(event, TextDelta):
            return (_text_chunk(event),)
        if isinstance(event, ReasoningDelta):
            return (_reasoning_chunk(event.text),)
        if isinstance(event, ToolCallDelta):
            return self._call_delta(event)
        if isinstance(event, UsageUpdate):
            self._usage = event.usage
            return ()
        if isinstance(event, AskedAgain):
            return self._begin_again(event)
        if isinstance(event, ChatFinish):
            return (*self._settle(event), self._last(event))
        assert_never(event)

    def _begin_again(self, event: AskedAgain) -> tuple[ChatGenerationChunk, ...]:
        """End the calls of an answer that is asked for again; later calls are separate ones."""
        chunks = self._break(event.calls)
        self._refused += event.calls
        self._shift += max(self._by_index, default=-1) + 1
        self._by_index = {}
        return tuple(chunks)

    def _call_delta(self, event: ToolCallDelta) -> tuple[ChatGenerationChunk, ...]:
        call = self._by_index.get(event.index)
        if call is None:
            call = _Call(self._shift + event.index)
            self._by_index[event.index] = self._calls[event.id] = call
        arguments = call.held + event.arguments
        if call.sent or arguments.lstrip().startswith("{"):
            call.held = ""
            call.sent.append(arguments)
        else:
            call.held, arguments = arguments, ""
        if event.id is None and not arguments:
            return ()
        return (_call_chunk(call.index, event.id, event.name, arguments),)

    def _settle(self, finish: ChatFinish) -> list[ChatGenerationChunk]:
        """Complete every call so that LangChain reads it as the core did."""
        chunks = []
        for call in finish.tool_calls:
            if (ours := self._calls.get(call.id)) and ours.held:
                arguments = json.dumps(call.arguments, ensure_ascii=False)
                chunks.append(_call_chunk(ours.index, None, None, arguments))
        return chunks + self._break(finish.invalid_tool_calls)

    def _break(self, calls: Iterable[InvalidCall]) -> list[ChatGenerationChunk]:
        """End invalid calls so that no parser takes them for calls to run."""
        chunks = []
        for broken in calls:
            if ours := self._calls.get(broken.id):
                text = "".join(ours.sent) + ours.held
                chunks.append(_call_chunk(ours.index, None, None, ours.held + breaker(text)))
        return chunks

    def _last(self, finish: ChatFinish) -> ChatGenerationChunk:
        info = {} if finish.finish_reason is None else {"finish_reason": finish.finish_reason}
        broken = [*self._refused, *finish.invalid_tool_calls]
        message = AIMessageChunk(
            content="",
            additional_kwargs={
                **additional_kwargs("", finish.refusal),
                **_as_written(broken),
                **(function_call(finish) if self._has_functions else {}),
            },
            response_metadata={**response_metadata(finish, model=self._model), **info},
            chunk_position="last",
        )
        add_usage(
            message, self._usage, call_cost(self._usage, self._model, finish.gateway, self._facts)
        )
        return ChatGenerationChunk(message=message, generation_info=info or None)


def _as_written(broken: Iterable[InvalidCall]) -> dict[str, Any]:
    """Return invalid calls as the model wrote them; the streamed ones end with a breaker."""
    calls = [
        {"id": call.id, "name": call.name, "args": call.arguments, "error": call.error}
        for call in broken
    ]
    return {INVALID_CALLS: calls} if calls else {}


def breaker(arguments: str) -> str:
    """Return the shortest text that keeps `arguments` from being read as an object.

    It ends the string, if the text stops inside one, and closes a bracket that is not open:
    lenient parsers add missing characters, but do not remove wrong ones.
    """
    inside, escaped, closers = False, False, [""]
    for char in arguments:
        if inside:
            inside = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            inside = True
        elif char in "{[":
            closers.append("}" if char == "{" else "]")
        elif char in "}]" and len(closers) > 1:
            closers.pop()
    quote = ('""' if escaped else '"') if inside else ""
    return quote + ("}" if closers[-1] == "]" else "]")


# ----------------------------------------------------------- chunks copied from templates

_STATE: Final = AIMessageChunk(content="").__dict__
_GENERATION: Final = ChatGenerationChunk(message=AIMessageChunk(content="")).__dict__

# Setters of pydantic's slots that bypass the model's `__setattr__`: half the time.
_new: Final = object.__new__
_set_state: Final = BaseModel.__dict__["__dict__"].__set__
_set_fields_set: Final = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra: Final = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private: Final = BaseModel.__dict__["__pydantic_private__"].__set__


def _text_chunk(event: TextDelta) -> ChatGenerationChunk:
    text = event.text
    if event.logprobs is None:
        return _chunk(text, {"model_provider": PROVIDER})
    info = {"logprobs": {"content": event.logprobs}}
    chunk = _chunk(text, {"model_provider": PROVIDER, **info})
    chunk.generation_info = info
    return chunk


def _reasoning_chunk(text: str) -> ChatGenerationChunk:
    return _with_changes({"additional_kwargs": {"reasoning_content": text}})


def _call_chunk(
    index: int, call_id: str | None, name: str | None, arguments: str
) -> ChatGenerationChunk:
    piece = tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
    calls, invalid = _as_langchain_reads(piece)
    state = {"tool_call_chunks": [piece], "tool_calls": calls, "invalid_tool_calls": invalid}
    return _with_changes(state)


def _as_langchain_reads(
    piece: ToolCallChunk,
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """Read a piece alone, as the constructor of a chunk does (only `{` can begin a call)."""
    name, arguments, call_id = piece["name"], piece["args"], piece["id"]
    if not arguments:
        return [tool_call(name=name or "", args={}, id=call_id)], []
    if arguments.lstrip()[:1] == "{":
        try:
            parsed = parse_partial_json(arguments)
        except ValueError:
            parsed = None
        if isinstance(parsed, dict):
            return [tool_call(name=name or "", args=parsed, id=call_id)], []
    return [], [invalid_tool_call(name=name, args=arguments, id=call_id, error=None)]


def _chunk(text: str, metadata: dict[str, Any]) -> ChatGenerationChunk:
    """Make a chunk of *text* with its own dicts and lists."""
    message = _new(AIMessageChunk)
    state = _STATE.copy()
    state["content"] = text
    state["additional_kwargs"] = {}
    state["response_metadata"] = metadata
    state["tool_calls"] = []
    state["invalid_tool_calls"] = []
    state["tool_call_chunks"] = []
    _set_state(message, state)
    _set_fields_set(message, {"content", "response_metadata"})
    _set_extra(message, {})
    _set_private(message, None)
    chunk = _new(ChatGenerationChunk)
    state = _GENERATION.copy()
    state["text"] = text
    state["message"] = message
    _set_state(chunk, state)
    _set_fields_set(chunk, {"text", "message"})
    _set_extra(chunk, None)
    _set_private(chunk, None)
    return chunk


def _with_changes(changes: dict[str, Any]) -> ChatGenerationChunk:
    """Make a chunk without text whose message has *changes*."""
    chunk = _chunk("", {"model_provider": PROVIDER})
    chunk.message.__dict__.update(changes)
    chunk.message.__pydantic_fields_set__.update(changes)
    return chunk
