"""Metadata of messages and chunks can be added up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from langchain_core.messages import AIMessageChunk, message_chunk_to_message
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk

from langchain_workersai._translate.answers import from_wire_chat_result
from langchain_workersai._translate.chunks import ChunkStream
from langchain_workersai._translate.completions import CompletionStream, from_wire_completions
from langchain_workersai._translate.metadata import INVALID_CALLS
from tests.langchain_workersai.scripted import GRANITE, merged
from workersai import (
    ChatChoice,
    ChatEvent,
    ChatFinish,
    ChatResult,
    InvalidToolCall,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageUpdate,
    get_profile,
)

COUNTS = st.integers(0, 10**9)
OPTIONAL_TEXT = st.none() | st.text(min_size=1, max_size=5)
USAGES = st.builds(
    Usage,
    COUNTS,
    COUNTS,
    COUNTS,
    cached_tokens=st.none() | COUNTS,
    reasoning_tokens=st.none() | COUNTS,
    neurons=st.none() | st.floats(0, 10**6),
)
TOKENS = st.fixed_dictionaries(
    {
        "token": st.text(max_size=3),
        "logprob": st.none() | st.floats(-9, 0) | st.integers(-9, 0),
        "bytes": st.none() | st.lists(st.integers(0, 255), max_size=2),
        "top_logprobs": st.lists(st.fixed_dictionaries({"token": st.text(max_size=3)}), max_size=2),
    }
)
FACTS: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "model": OPTIONAL_TEXT,
        "id": OPTIONAL_TEXT,
        "request_id": OPTIONAL_TEXT,
        "system_fingerprint": OPTIONAL_TEXT,
        "gateway": st.dictionaries(st.sampled_from(["cache_status", "log_id", "step"]), st.text()),
    }
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[ChatResult, list[ChatEvent]]:
    """An answer, whole and as stream events, in which each fact may be absent."""
    facts, usage = draw(FACTS), draw(st.none() | USAGES)
    text, reasoning = draw(st.text(max_size=5)), draw(st.text(max_size=5))
    tokens = draw(st.none() | st.lists(TOKENS, min_size=1, max_size=2))
    reason, refusal = draw(OPTIONAL_TEXT), draw(OPTIONAL_TEXT)
    call = draw(st.none() | st.just(ToolCall("c", "f", {"a": 1})))
    broken = draw(st.none() | st.just(InvalidToolCall("d", "g", '{"a', "cut")))
    valid, invalid = tuple(filter(None, [call])), tuple(filter(None, [broken]))
    choice = ChatChoice(0, text, reasoning, valid, invalid, reason, refusal, tokens)
    events: list[ChatEvent] = [TextDelta(letter) for letter in text]
    events += [TextDelta("", tokens)] if tokens else []
    events += [ReasoningDelta(letter) for letter in reasoning]
    events += [ToolCallDelta(0, "c", "f", '{"a"'), ToolCallDelta(0, None, None, ": 1}")] * bool(
        call
    )
    events += [ToolCallDelta(1, "d", "g", '{"a')] * bool(broken)
    events += [UsageUpdate(usage)] if usage else []
    finish = ChatFinish(
        finish_reason=reason, tool_calls=valid, invalid_tool_calls=invalid, refusal=refusal, **facts
    )
    return ChatResult((choice,), usage, **facts), [*events, finish]


def chunks(events: list[ChatEvent]) -> list[AIMessageChunk]:
    """Return the chunks as `stream` yields them, with `generation_info` in their metadata."""
    stream = ChunkStream(model=GRANITE)
    generated = [chunk for event in events for chunk in stream.feed(event)]
    messages = []
    for chunk in generated:
        assert isinstance(chunk.message, AIMessageChunk)
        info = chunk.generation_info or {}
        chunk.message.response_metadata = {**info, **chunk.message.response_metadata}
        messages.append(chunk.message)
    return messages


def whole(result: ChatResult) -> AIMessageChunk:
    """Return a plain answer as the chunk that LangChain makes to add it to others."""
    message = from_wire_chat_result(result, model=GRANITE).generations[0].message
    return AIMessageChunk(
        **message.model_dump(exclude={"type", "tool_calls", "invalid_tool_calls"})
    )


def costs_of(usages: list[Usage]) -> list[float]:
    """Return the costs of the calls that counted tokens, at the page's prices."""
    costs = [get_profile(GRANITE).cost(usage) for usage in usages if usage.total_tokens]
    return [cost for cost in costs if cost is not None]


@settings(max_examples=300)
@given(st.lists(calls(), min_size=2, max_size=3), st.booleans())
def test_the_chunks_of_several_calls_add_up(
    answers: list[tuple[ChatResult, list[ChatEvent]]], one_by_one: bool
) -> None:
    """Chunks of several calls add up, whatever each call reports."""
    streams = [chunks(events) for _, events in answers]
    if one_by_one:
        total = merged([chunk for stream in streams for chunk in stream])
    else:
        total = merged([merged(stream) for stream in streams])
    usages = [result.usage for result, _ in answers if result.usage is not None]
    neurons = [usage.neurons for usage in usages if usage.neurons is not None]
    assert total.response_metadata.get("neurons", []) == neurons
    assert total.response_metadata.get("cost_usd", []) == costs_of(usages)
    assert total.text == "".join(result.text for result, _ in answers)
    if any(usage.total_tokens for usage in usages):
        assert total.usage_metadata is not None
        usages = [usage for usage in usages if usage.total_tokens]
        assert total.usage_metadata["input_tokens"] == sum(u.prompt_tokens for u in usages)
        assert total.usage_metadata["total_tokens"] == sum(u.total_tokens for u in usages)


@given(st.lists(calls(), min_size=2, max_size=3))
def test_plain_answers_add_up_like_streams(
    answers: list[tuple[ChatResult, list[ChatEvent]]],
) -> None:
    """A plain answer and a stream have the same metadata, so that they can be added."""
    for result, events in answers:
        streamed = message_chunk_to_message(merged(chunks(events)))
        plain = from_wire_chat_result(result, model=GRANITE).generations[0].message
        assert streamed.response_metadata == plain.response_metadata
        streamed.additional_kwargs.pop(INVALID_CALLS, None)  # only streams keep the original text
        assert streamed.additional_kwargs == plain.additional_kwargs
        assert streamed.usage_metadata == plain.usage_metadata  # type: ignore[attr-defined]
    first, *rest = answers
    merged([whole(first[0]), *(merged(chunks(events)) for _, events in rest)])
    merged([*(merged(chunks(events)) for _, events in rest), whole(first[0])])


@settings(max_examples=200)
@given(st.lists(calls(), min_size=2, max_size=3))
def test_the_chunks_of_several_completions_add_up(
    answers: list[tuple[ChatResult, list[ChatEvent]]],
) -> None:
    """The generations of several completions add up, streamed or plain."""
    generated = []
    for _, events in answers:
        stream = CompletionStream(model=GRANITE, think_tags=False)
        generated += [chunk for event in events for chunk in stream.feed(event)]
    results = from_wire_completions([result for result, _ in answers], model=GRANITE)
    plain = [
        GenerationChunk(text=generation.text, generation_info=generation.generation_info)
        for row in results.generations
        for generation in row
    ]
    for pieces in (generated, plain):
        total = pieces[0]
        for piece in pieces[1:]:
            total = total + piece
        usages = [result.usage for result, _ in answers if result.usage is not None]
        neurons = [usage.neurons for usage in usages if usage.neurons is not None]
        assert (total.generation_info or {}).get("neurons", []) == neurons
        assert (total.generation_info or {}).get("cost_usd", []) == costs_of(usages)
        assert total.text == "".join(result.text for result, _ in answers)


def test_generation_chunks_of_several_calls_add_up() -> None:
    """LangChain's generation chunks of several calls can be added, one or a list."""
    events: list[ChatEvent] = [TextDelta("a", [{"token": "a", "logprob": -0.5}])]
    events += [UsageUpdate(Usage(1, 1, 2, neurons=0.25)), ChatFinish("stop", id="x")]
    streams = [ChunkStream(model="m"), ChunkStream(model="m")]
    generated = [chunk for stream in streams for event in events for chunk in stream.feed(event)]
    total = generated[0] + generated[1:]
    assert isinstance(total, ChatGenerationChunk)
    assert total.message.response_metadata["neurons"] == [0.25, 0.25]


@pytest.mark.parametrize("neurons", [None, 0.0, 1.5])
def test_neurons_are_a_list_with_one_number_a_call(neurons: float | None) -> None:
    """Neurons are a list, because LangChain adds whole numbers only."""
    result = ChatResult((ChatChoice(text="a"),), Usage(1, 2, 3, neurons=neurons))
    message = from_wire_chat_result(result, model="m").generations[0].message
    assert message.response_metadata.get("neurons") == (None if neurons is None else [neurons])
    assert message.response_metadata["token_usage"] == {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
    }
