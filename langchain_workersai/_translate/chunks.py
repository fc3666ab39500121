"""Convert the core's stream events to LangChain chunks.

`ChunkStream` is on the hot path: it makes a chunk for every token, by copying prototypes; see
`workersai.integration.prototypes`. Tests compare the chunks with those of the constructors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from langchain_core.messages import AIMessageChunk, InvalidToolCall, ToolCall, ToolCallChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json
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
from workersai.integration import AskedAgain, Prototype, RoundEvent, call_cost, fastest

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
        self,
        *,
        model: str,
        has_functions: bool = False,
        facts: ModelFacts | None = None,
        run_id: str | None = None,
    ) -> None:
        """Prepare for a stream.

        Args:
            model: The model that is asked, for streams without a model name.
            has_functions: Whether `functions` are sent; the last chunk then has a call as
                `function_call` too.
            facts: What the account's catalogue says about the model, its prices among it.
            run_id: The id of the messages; LangChain sets it where it is missing.
        """
        self._model = model
        self._has_functions = has_functions
        self._facts = facts
        self._run_id = run_id
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
        return tuple(map(_generation, self.messages(event)))

    def messages(self, event: RoundEvent) -> Sequence[AIMessageChunk]:
        """Convert one event to the messages of its chunks."""
        if isinstance(event, TextDelta):
            return (text_message(event, self._run_id),)
        if isinstance(event, ReasoningDelta):
            return (_reasoning_message(event.text, self._run_id),)
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

    def _begin_again(self, event: AskedAgain) -> tuple[AIMessageChunk, ...]:
        """End the calls of an answer that is asked for again; later calls are separate ones."""
        chunks = self._break(event.calls)
        self._refused += event.calls
        self._shift += max(self._by_index, default=-1) + 1
        self._by_index = {}
        return tuple(chunks)

    def _call_delta(self, event: ToolCallDelta) -> tuple[AIMessageChunk, ...]:
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
        return (self._call_message(call.index, event.id, event.name, arguments),)

    def _settle(self, finish: ChatFinish) -> list[AIMessageChunk]:
        """Complete every call so that LangChain reads it as the core did."""
        chunks = []
        for call in finish.tool_calls:
            if (ours := self._calls.get(call.id)) and ours.held:
                arguments = json.dumps(call.arguments, ensure_ascii=False)
                chunks.append(self._call_message(ours.index, None, None, arguments))
        return chunks + self._break(finish.invalid_tool_calls)

    def _break(self, calls: Iterable[InvalidCall]) -> list[AIMessageChunk]:
        """End invalid calls so that no parser takes them for calls to run."""
        chunks = []
        for broken in calls:
            if ours := self._calls.get(broken.id):
                text = "".join(ours.sent) + ours.held
                chunks.append(self._call_message(ours.index, None, None, ours.held + breaker(text)))
        return chunks

    def _last(self, finish: ChatFinish) -> AIMessageChunk:
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
            **_named(self._run_id),
        )
        cost = call_cost(self._usage, self._model, finish.gateway, self._facts)
        add_usage(message, self._usage, cost)
        return message

    def _call_message(
        self, index: int, call_id: str | None, name: str | None, arguments: str
    ) -> AIMessageChunk:
        piece = tool_call_chunk(name=name, args=arguments, id=call_id, index=index)
        return _piece_message(piece, self._run_id)


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

_MESSAGE: Final = Prototype(AIMessageChunk(content=""))
_GENERATION: Final = Prototype(ChatGenerationChunk(message=AIMessageChunk(content="")))
_INFO: Final = ("finish_reason", "logprobs")
"""Metadata of a message that its generation has too."""


def _named(run_id: str | None) -> dict[str, Any]:
    return {} if run_id is None else {"id": run_id}


def _text_metadata(event: TextDelta) -> dict[str, Any]:
    if event.logprobs is None:
        return {"model_provider": PROVIDER}
    return {"model_provider": PROVIDER, "logprobs": {"content": event.logprobs}}


def _copied_text(event: TextDelta, run_id: str | None) -> AIMessageChunk:
    values = {"content": event.text, "response_metadata": _text_metadata(event)}
    if run_id is not None:
        values["id"] = run_id
    fresh: dict[str, Any] = {
        "additional_kwargs": {},
        "tool_calls": [],
        "invalid_tool_calls": [],
        "tool_call_chunks": [],
    }
    return _MESSAGE.make(values, fresh)


def _built_text(event: TextDelta, run_id: str | None) -> AIMessageChunk:
    metadata = _text_metadata(event)
    return AIMessageChunk(content=event.text, response_metadata=metadata, **_named(run_id))


text_message: Final = fastest(_copied_text, _built_text, TextDelta("Hi", [{"token": "Hi"}]), "id")


def _copied_reasoning(text: str, run_id: str | None) -> AIMessageChunk:
    values = {
        "content": "",
        "additional_kwargs": {"reasoning_content": text},
        "response_metadata": {"model_provider": PROVIDER},
        **_named(run_id),
    }
    fresh: dict[str, Any] = {"tool_calls": [], "invalid_tool_calls": [], "tool_call_chunks": []}
    return _MESSAGE.make(values, fresh)


def _built_reasoning(text: str, run_id: str | None) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        additional_kwargs={"reasoning_content": text},
        response_metadata={"model_provider": PROVIDER},
        **_named(run_id),
    )


_reasoning_message: Final = fastest(_copied_reasoning, _built_reasoning, "Hm", "id")


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


def _copied_piece(piece: ToolCallChunk, run_id: str | None) -> AIMessageChunk:
    calls, invalid = _as_langchain_reads(piece)
    values = {
        "content": "",
        "response_metadata": {"model_provider": PROVIDER},
        "tool_calls": calls,
        "invalid_tool_calls": invalid,
        "tool_call_chunks": [piece],
    }
    if run_id is not None:
        values["id"] = run_id
    return _MESSAGE.make(values, {"additional_kwargs": {}})


def _built_piece(piece: ToolCallChunk, run_id: str | None) -> AIMessageChunk:
    return AIMessageChunk(
        content="",
        response_metadata={"model_provider": PROVIDER},
        tool_call_chunks=[piece],
        **_named(run_id),
    )


_piece_message: Final = fastest(
    _copied_piece, _built_piece, tool_call_chunk(name="f", args='{"a', id="1", index=0), "id"
)


def _copied_generation(message: AIMessageChunk) -> ChatGenerationChunk:
    metadata, text = message.response_metadata, message.content
    if len(metadata) > 1:
        return _built_generation(message)
    return _GENERATION.make({"message": message, "text": text})


def _built_generation(message: AIMessageChunk) -> ChatGenerationChunk:
    """Wrap a message; what LangChain calls the info of a generation is in its metadata."""
    metadata = message.response_metadata
    info = {name: metadata[name] for name in _INFO if name in metadata}
    if not info:
        return ChatGenerationChunk(message=message)
    return ChatGenerationChunk(message=message, generation_info=info)


_generation: Final = fastest(
    _copied_generation, _built_generation, text_message(TextDelta("Hi"), None)
)
