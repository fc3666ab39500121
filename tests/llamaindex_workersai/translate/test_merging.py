"""LlamaIndex's own conversions of our responses."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from llama_index.core.base.llms.generic_utils import (
    chat_response_to_completion_response,
    completion_response_to_chat_response,
    messages_to_history_str,
    messages_to_prompt,
    stream_chat_response_to_completion_response,
    stream_completion_response_to_chat_response,
)
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.memory import ChatMemoryBuffer

from llamaindex_workersai._translate.chunks import (
    AnswerOptions,
    ChatReader,
    CompletionReader,
    from_wire_result,
)
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
)

SOME = st.none() | st.text(min_size=1, max_size=5)
USAGES = st.builds(
    Usage,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    cached_tokens=st.none() | st.integers(0, 9),
    neurons=st.none() | st.floats(0, 9),
)
TOKENS = st.fixed_dictionaries(
    {
        "token": st.text(max_size=3),
        "logprob": st.none() | st.floats(-9, 0),
        "bytes": st.none() | st.lists(st.integers(0, 255), max_size=2),
        "top_logprobs": st.lists(st.fixed_dictionaries({"token": st.text(max_size=3)}), max_size=2),
    }
)
FACTS: SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "model": SOME,
        "id": SOME,
        "request_id": SOME,
        "system_fingerprint": SOME,
        "gateway": st.dictionaries(st.sampled_from(["cache_status", "log_id"]), st.text()),
    }
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[ChatResponse, list[ChatEvent]]:
    """Generate an answer, plain and as events, with any combination of facts."""
    facts, usage = draw(FACTS), draw(st.none() | USAGES)
    text, reasoning, reason, refusal = draw(st.tuples(st.text(max_size=4), SOME, SOME, SOME))
    tokens = draw(st.none() | st.lists(TOKENS, min_size=1, max_size=2))
    calls = draw(st.sampled_from([(), (ToolCall("c", "f", {"a": 1}),)]))
    broken = draw(st.sampled_from([(), (InvalidToolCall("d", "g", '{"a', "cut"),)]))
    choice = ChatChoice(0, text, reasoning or "", calls, broken, reason, refusal, tokens)
    events: list[ChatEvent] = [ReasoningDelta(reasoning)] if reasoning else []
    events += [TextDelta(letter) for letter in text] + ([TextDelta("", tokens)] if tokens else [])
    events += [ToolCallDelta(0, "c", "f", '{"a": 1}')] * len(calls)
    events += [ToolCallDelta(1, "d", "g", '{"a')] * len(broken)
    events += [UsageUpdate(usage)] if usage else []
    events.append(
        ChatFinish(reason, tool_calls=calls, invalid_tool_calls=broken, refusal=refusal, **facts)
    )
    whole = from_wire_result(ChatResult((choice,), usage, raw={"choices": []}, **facts), OPTIONS)
    return whole, events


OPTIONS = AnswerOptions()


def streamed(events: list[ChatEvent]) -> list[ChatResponse]:
    reader = ChatReader(OPTIONS)
    return [response for event in events for response in reader.feed(event)]


@given(answers())
def test_a_stream_ends_as_the_plain_answer_does(
    answer: tuple[ChatResponse, list[ChatEvent]],
) -> None:
    """A stream's last response has the message and the additional facts of the plain response."""
    whole, events = answer
    last = streamed(events)[-1]
    assert last.message == whole.message
    assert last.additional_kwargs == whole.additional_kwargs
    assert (last.logprobs or None) == (whole.logprobs or None)
    assert (last.raw or {}).get("usage") == (whole.raw or {}).get("usage")


@given(answers(), answers())
def test_llamaindex_converts_and_joins_responses(
    first: tuple[ChatResponse, list[ChatEvent]], second: tuple[ChatResponse, list[ChatEvent]]
) -> None:
    """LlamaIndex converts responses between chat and completion, and into prompts, memory and
    JSON.
    """
    for whole, events in (first, second):
        responses = streamed(events)
        completion = chat_response_to_completion_response(whole.model_copy(deep=True))
        completions = list(stream_chat_response_to_completion_response(r for r in responses))
        assert completions[-1].text == completion.text == (whole.message.content or "")
        again = completion_response_to_chat_response(completion)
        assert (again.message.content or "") == (whole.message.content or "")
        reader = CompletionReader(OPTIONS)
        made = (found for event in events for found in reader.feed(event))
        assert list(stream_completion_response_to_chat_response(made))
        for response in (whole, *responses):
            json.dumps(response.raw)
        for written in (whole, *responses, *completions):
            json.loads(written.model_dump_json())
    messages = [ChatMessage(content="Hi"), first[0].message, second[0].message]
    assert messages_to_prompt(messages)
    assert messages_to_history_str(messages)
    memory = ChatMemoryBuffer.from_defaults(messages, token_limit=10_000)
    assert memory.get_all() == messages


@given(answers())
def test_responses_share_no_dicts(
    answer: tuple[ChatResponse, list[ChatEvent]],
) -> None:
    """A response shares no dict with another: LlamaIndex's converters write into them."""
    responses = streamed(answer[1])
    before = [response.model_dump_json() for response in responses]
    for response in (responses[0], responses[-1]):
        response.message.additional_kwargs["x"] = response.additional_kwargs["y"] = 1
    after = [response.model_dump_json() for response in responses]
    assert before[1:-1] == after[1:-1]
