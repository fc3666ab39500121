"""Convert stream events and whole answers to LlamaIndex responses.

Each response has its own message, blocks and dicts, because callbacks and agents keep responses,
and a later response must not change an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from typing_extensions import assert_never

from llamaindex_workersai._translate.metadata import from_wire_logprobs
from workersai import (
    ChatFinish,
    ChatResult,
    InvalidToolCall,
    ModelProfile,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageUpdate,
    without_think_tags,
)
from workersai.integration import (
    AskedAgain,
    Prototype,
    RoundEvent,
    ThinkingEvents,
    call_cost,
    fastest,
)


@dataclass(frozen=True)
class AnswerOptions:
    """How to read an answer.

    Attributes:
        only_first_call: Whether calls after the first are left out.
        reasoning_as_text: Whether to use reasoning as the text of an answer that has none.
        think_tags: Whether text between `<think>` tags is reasoning.
        model: The model that is asked; its prices are used for the cost.
        facts: What the account's catalogue says about a model, its prices among it.
    """

    only_first_call: bool = False
    reasoning_as_text: bool = False
    think_tags: bool = False
    model: str = ""
    facts: ModelProfile | None = None


@dataclass
class _OpenCall:
    """A tool call whose arguments are incomplete."""

    id: str
    name: str
    arguments: str = ""


class PartialResponse(ChatResponse):
    """The part of an answer that arrived before its stream broke: `.partial` of the error.

    Its calls, if any had begun, are in `message.additional_kwargs["invalid_tool_calls"]`.
    """

    @property
    def text(self) -> str:
        """The text that had arrived."""
        return self.message.content or ""


class ChatReader:
    """Converts one stream with these options: each event gives the responses to show."""

    def __init__(self, options: AnswerOptions) -> None:
        self._options = options
        self._assembler = ChatAssembler(options)
        self._thinking = ThinkingEvents() if options.think_tags else None

    def feed(self, event: RoundEvent) -> Sequence[ChatResponse]:
        """Convert an event."""
        if self._thinking is None:
            response = self._assembler.feed(event)
            return () if response is None else (response,)
        found = map(self._assembler.feed, self._thinking.feed(event))
        return [response for response in found if response is not None]

    def partial(self, result: ChatResult) -> PartialResponse:
        """Convert what had arrived when the stream broke."""
        return PartialResponse(**dict(from_wire_result(result, self._options)))


class CompletionReader:
    """As `ChatReader`, with completion responses."""

    def __init__(self, options: AnswerOptions) -> None:
        self._chat = ChatReader(options)

    def feed(self, event: RoundEvent) -> Sequence[CompletionResponse]:
        """Convert an event."""
        return [to_completion(response) for response in self._chat.feed(event)]

    def partial(self, result: ChatResult) -> CompletionResponse:
        """Convert what had arrived when the stream broke."""
        return to_completion(self._chat.partial(result))


class ChatAssembler:
    """Converts one stream: each event gives the message so far, and the new part."""

    def __init__(self, options: AnswerOptions) -> None:
        self._options = options
        self._text = ""
        self._reasoning = ""
        self._calls: dict[int, _OpenCall] = {}
        self._logprobs: list[list[LogProb]] = []
        self._usage: Usage | None = None

    def feed(self, event: RoundEvent) -> ChatResponse | None:
        """Convert an event; return `None` if there is nothing to show."""
        if isinstance(event, TextDelta):
            return self._feed_text(event)
        if isinstance(event, ReasoningDelta):
            self._reasoning += event.text
            return self._chunk("", {"thinking_delta": event.text})
        if isinstance(event, ToolCallDelta):
            return self._feed_call(event)
        if isinstance(event, UsageUpdate):
            self._usage = event.usage
            return None
        if isinstance(event, AskedAgain):
            self._calls = {}
            return None
        if isinstance(event, ChatFinish):
            return self._finish(event)
        assert_never(event)

    def _feed_text(self, event: TextDelta) -> ChatResponse:
        self._text += event.text
        chunk = self._chunk(event.text, {})
        if event.logprobs:
            chunk.logprobs = from_wire_logprobs(event.logprobs)
            self._logprobs += chunk.logprobs
        return chunk

    def _feed_call(self, event: ToolCallDelta) -> ChatResponse | None:
        if self._options.only_first_call and event.index > 0:
            return None
        call = self._calls.get(event.index)
        if call is None:
            call = _OpenCall(event.id or "", event.name or "")
            self._calls[event.index] = call
        call.arguments += event.arguments
        return self._chunk("", {})

    def _chunk(self, delta: str, additional: dict[str, Any]) -> ChatResponse:
        blocks: list[ContentBlock] = []
        if self._reasoning:
            blocks.append(_thinking_block(self._reasoning))
        if self._text:
            blocks.append(_text_block(self._text))
        older: dict[str, Any] = {}
        if self._calls:
            blocks += map(_open_block, self._calls.values())
            # LlamaIndex's streaming of objects looks for calls only here.
            older["tool_calls"] = [_older_call(call) for call in self._calls.values()]
        return _response(blocks, older, delta, additional)

    def _finish(self, event: ChatFinish) -> ChatResponse:
        shown = len(self._text)
        answer = _Answer(
            text=self._text,
            reasoning=self._reasoning,
            tool_calls=event.tool_calls,
            invalid_tool_calls=event.invalid_tool_calls,
            finish_reason=event.finish_reason,
            refusal=event.refusal,
            usage=self._usage,
            request_id=event.request_id,
            gateway=event.gateway,
        )
        response = answer.response(self._options)
        facts = {
            "id": event.id,
            "model": event.model,
            "finish_reason": event.finish_reason,
            "system_fingerprint": event.system_fingerprint,
        }
        cost = call_cost(self._usage, self._options.model, event.gateway, self._options.facts)
        response.raw = _raw(
            {name: value for name, value in facts.items() if value is not None}, self._usage, cost
        )
        response.delta = (response.message.content or "")[shown:]
        response.logprobs = self._logprobs or None
        return response


@dataclass(frozen=True)
class _Answer:
    """A whole answer, from a result or from a stream."""

    text: str
    reasoning: str
    tool_calls: Sequence[ToolCall]
    invalid_tool_calls: Sequence[InvalidToolCall]
    finish_reason: str | None
    refusal: str | None
    usage: Usage | None
    request_id: str | None
    gateway: Mapping[str, str]

    def response(self, options: AnswerOptions) -> ChatResponse:
        calls = self.tool_calls[:1] if options.only_first_call else self.tool_calls
        text = self.text
        if options.reasoning_as_text and not text and not self.tool_calls:
            text = self.reasoning
        blocks: list[ContentBlock] = []
        if self.reasoning:
            tokens = self.usage.reasoning_tokens if self.usage else None
            blocks.append(ThinkingBlock(content=self.reasoning, num_tokens=tokens))
        # An empty answer has the text ""; `content` is `None` only beside reasoning or calls.
        if text or not (blocks or calls):
            blocks.append(TextBlock(text=text))
        blocks += [_call_block(call) for call in calls]
        message = ChatMessage(
            role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=self._unusable()
        )
        return ChatResponse(message=message, additional_kwargs=self._additional())

    def _unusable(self) -> dict[str, Any]:
        calls = [
            {"id": call.id, "name": call.name, "arguments": call.arguments, "error": call.error}
            for call in self.invalid_tool_calls
        ]
        kwargs: dict[str, Any] = {"invalid_tool_calls": calls} if calls else {}
        return kwargs | ({"refusal": self.refusal} if self.refusal else {})

    def _additional(self) -> dict[str, Any]:
        usage = self.usage
        additional: dict[str, Any] = {
            "finish_reason": self.finish_reason,
            "request_id": self.request_id,
            **{f"cf_aig_{name}": value for name, value in self.gateway.items()},
        }
        if usage is not None and usage.total_tokens:
            additional["prompt_tokens"] = usage.prompt_tokens
            additional["completion_tokens"] = usage.completion_tokens
            additional["total_tokens"] = usage.total_tokens
        return {name: value for name, value in additional.items() if value is not None}


def from_wire_result(result: ChatResult, options: AnswerOptions) -> ChatResponse:
    """Convert a whole answer to the message with which its stream would end."""
    result = without_think_tags(result) if options.think_tags else result
    answer = _Answer(
        text=result.text,
        reasoning=result.reasoning,
        tool_calls=result.tool_calls,
        invalid_tool_calls=result.invalid_tool_calls,
        finish_reason=result.finish_reason,
        refusal=result.refusal,
        usage=result.usage,
        request_id=result.request_id,
        gateway=result.gateway,
    )
    response = answer.response(options)
    cost = call_cost(result.usage, options.model, result.gateway, options.facts)
    response.raw = _raw(result.raw, result.usage, cost)
    if result.logprobs:
        response.logprobs = from_wire_logprobs(result.logprobs)
    return response


def to_completion(response: ChatResponse) -> CompletionResponse:
    """Convert a chat response to a completion; reasoning goes beside the text."""
    thinking = [
        block.content for block in response.message.blocks if isinstance(block, ThinkingBlock)
    ]
    beside = {"thinking": thinking[0]} if thinking else {}
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.additional_kwargs, **beside},
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def _raw(answer: Mapping[str, Any], usage: Usage | None, cost: float | None) -> dict[str, Any]:
    """Return a dict with OpenAI's `usage`, for token counters and tracers, and the cost."""
    raw = {name: value for name, value in answer.items() if name != "usage"}
    beside = {"usage": None if usage is None else usage.to_dict(), "cost_usd": cost}
    return raw | {name: value for name, value in beside.items() if value is not None}


def _call_block(call: ToolCall) -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments)


def _older_call(call: _OpenCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


# -------------------------------------------------------------------- responses from prototypes

_TEXT: Final = Prototype(TextBlock(text=""))
_THINKING: Final = Prototype(ThinkingBlock(content=""))
_CALL: Final = Prototype(ToolCallBlock(tool_name="", tool_kwargs=""))
_MESSAGE: Final = Prototype(ChatMessage(role=MessageRole.ASSISTANT, blocks=[]))
_RESPONSE: Final = Prototype(ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT)))


def _copied_text(text: str) -> TextBlock:
    return _TEXT.make({"text": text})


def _built_text(text: str) -> TextBlock:
    return TextBlock(text=text)


_text_block: Final = fastest(_copied_text, _built_text, "Hi")


def _copied_thinking(text: str) -> ThinkingBlock:
    return _THINKING.make({"content": text}, {"additional_information": {}})


def _built_thinking(text: str) -> ThinkingBlock:
    return ThinkingBlock(content=text)


_thinking_block: Final = fastest(_copied_thinking, _built_thinking, "Hm")


def _copied_call(call: _OpenCall) -> ToolCallBlock:
    values = {"tool_call_id": call.id, "tool_name": call.name, "tool_kwargs": call.arguments}
    return _CALL.make(values)


def _built_call(call: _OpenCall) -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments)


_open_block: Final = fastest(_copied_call, _built_call, _OpenCall("1", "f", "{"))


def _copied_response(
    blocks: list[ContentBlock], older: dict[str, Any], delta: str, additional: dict[str, Any]
) -> ChatResponse:
    values = {"role": MessageRole.ASSISTANT, "blocks": blocks, "additional_kwargs": older}
    message = _MESSAGE.make(values)
    return _RESPONSE.make({"message": message, "delta": delta, "additional_kwargs": additional})


def _built_response(
    blocks: list[ContentBlock], older: dict[str, Any], delta: str, additional: dict[str, Any]
) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=older)
    return ChatResponse(message=message, delta=delta, additional_kwargs=additional)


_response: Final = fastest(
    _copied_response,
    _built_response,
    [_text_block("Hi"), _open_block(_OpenCall("1", "f", "{"))],
    {"tool_calls": [{"id": "1"}]},
    "Hi",
    {"thinking_delta": "Hm"},
)
