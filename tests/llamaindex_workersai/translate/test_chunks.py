"""Events to responses: each response of a stream, and the last one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatResponse, TextBlock, ThinkingBlock, ToolCallBlock

from llamaindex_workersai._translate.chunks import (
    AnswerOptions,
    ChatAssembler,
    from_wire_result,
    to_completion,
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

USAGE = Usage(11, 7, 18, cached_tokens=3, reasoning_tokens=2)


def read(events: Sequence[ChatEvent], options: AnswerOptions | None = None) -> list[ChatResponse]:
    assembler = ChatAssembler(options or AnswerOptions())
    return [found for event in events if (found := assembler.feed(event)) is not None]


def call_events(call: ToolCall, index: int = 0, piece: int = 3) -> list[ChatEvent]:
    text = json.dumps(call.arguments)
    return [
        ToolCallDelta(index, call.id, call.name),
        *(
            ToolCallDelta(index, arguments=text[at : at + piece])
            for at in range(0, len(text), piece)
        ),
    ]


def test_message_is_the_text_so_far_and_delta_is_new() -> None:
    """Each response has the whole text so far, and its delta is the new part."""
    responses = read([TextDelta("Hel"), TextDelta("lo"), ChatFinish("stop")])
    assert [(r.delta, r.message.content) for r in responses] == [
        ("Hel", "Hel"),
        ("lo", "Hello"),
        ("", "Hello"),
    ]


@given(
    st.lists(
        st.one_of(
            st.builds(TextDelta, st.text(min_size=1)),
            st.builds(ReasoningDelta, st.text(min_size=1)),
        )
    )
)
def test_deltas_join_to_the_content(deltas: list[ChatEvent]) -> None:
    """Joined deltas equal the content, and joined thinking deltas the thinking block."""
    responses = read([*deltas, ChatFinish("stop")])
    last = responses[-1].message
    thinking = [b.content for b in last.blocks if isinstance(b, ThinkingBlock)]
    assert "".join(r.delta or "" for r in responses) == (last.content or "")
    joined = "".join(r.additional_kwargs.get("thinking_delta") or "" for r in responses)
    assert joined == "".join(text or "" for text in thinking)


def test_reasoning_in_the_first_event_is_shown() -> None:
    """Reasoning before any text appears in the responses and not in the text."""
    responses = read(
        [ReasoningDelta("Hm"), ReasoningDelta("."), TextDelta("Yes"), ChatFinish("stop")]
    )
    assert [r.additional_kwargs.get("thinking_delta") for r in responses[:3]] == ["Hm", ".", None]
    assert responses[-1].message.blocks[0] == ThinkingBlock(content="Hm.")
    assert responses[-1].message.content == "Yes"


def test_thinking_delta_is_beside_the_message() -> None:
    """`thinking_delta` is in the response and not in its message, which agents store."""
    response = read([ReasoningDelta("Hm")])[0]
    assert response.additional_kwargs["thinking_delta"] == "Hm"
    assert response.message.additional_kwargs == {}


def test_streaming_calls_are_in_both_places_until_the_end() -> None:
    """Until the end, calls are blocks and also the dicts that streamed objects are read from.

    The last message, which agents store, has only blocks with parsed arguments.
    """
    call = ToolCall("c1", "add", {"a": 1, "b": 2})
    *streamed, last = read([*call_events(call), ChatFinish("tool_calls", tool_calls=(call,))])
    for response in streamed:
        entry = response.message.additional_kwargs["tool_calls"][0]
        assert (entry["id"], entry["type"], entry["function"]["name"]) == ("c1", "function", "add")
    texts = [
        r.message.additional_kwargs["tool_calls"][0]["function"]["arguments"] for r in streamed
    ]
    assert texts[-1] == '{"a": 1, "b": 2}'
    blocks = [[(b.tool_name, b.tool_kwargs) for b in calls_of(r)] for r in streamed]
    assert blocks == [[("add", text)] for text in texts]
    assert last.message.additional_kwargs == {}
    assert last.message.blocks == [
        ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs={"a": 1, "b": 2})
    ]


def calls_of(response: ChatResponse) -> list[ToolCallBlock]:
    return [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]


def test_interleaved_calls_stay_apart() -> None:
    """Alternating deltas of several calls become separate calls."""
    calls = (ToolCall("a", "f", {"x": "one"}), ToolCall("b", "g", {"y": "two"}))
    first, second = call_events(calls[0], 0), call_events(calls[1], 1)
    mixed = [event for pair in zip(first, second, strict=True) for event in pair]
    responses = read([*mixed, ChatFinish("tool_calls", tool_calls=calls)])
    before_last = responses[-2].message.additional_kwargs["tool_calls"]
    assert [json.loads(c["function"]["arguments"]) for c in before_last] == [
        {"x": "one"},
        {"y": "two"},
    ]


def test_no_response_changes_after_it_was_given() -> None:
    """Later events do not change earlier responses, which callbacks may keep."""
    call = ToolCall("c1", "add", {"a": 1, "b": [2, 3]})
    events: list[ChatEvent] = [
        ReasoningDelta("Hm"),
        TextDelta("I ", [{"token": "I", "logprob": -0.1}]),
        TextDelta("add", [{"token": "add", "logprob": -0.2}]),
        *call_events(call),
        UsageUpdate(USAGE),
        ChatFinish("tool_calls", tool_calls=(call,)),
    ]
    assembler = ChatAssembler(AnswerOptions())
    kept = [
        (response, response.model_dump_json())
        for event in events
        if (response := assembler.feed(event)) is not None
    ]
    assert all(response.model_dump_json() == before for response, before in kept)
    blocks = [id(block) for response, _ in kept for block in response.message.blocks]
    assert len(blocks) == len(set(blocks))


def test_last_response_has_everything() -> None:
    """The last response has text, calls, usage and finish reason."""
    call = ToolCall("c1", "add", {"a": 1})
    events = [
        ReasoningDelta("Hm"),
        TextDelta("Adding."),
        *call_events(call),
        UsageUpdate(USAGE),
        ChatFinish("tool_calls", model="m", id="answer-1", tool_calls=(call,), request_id="ray"),
    ]
    last = read(events)[-1]
    assert [type(block) for block in last.message.blocks] == [
        ThinkingBlock,
        TextBlock,
        ToolCallBlock,
    ]
    assert last.raw == {
        "id": "answer-1",
        "model": "m",
        "finish_reason": "tool_calls",
        "usage": USAGE.to_dict(),
    }
    assert last.additional_kwargs == {
        "finish_reason": "tool_calls",
        "request_id": "ray",
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
    }
    json.dumps(last.raw)


def test_usage_alone_shows_nothing() -> None:
    """A usage event yields no response of its own."""
    assert ChatAssembler(AnswerOptions()).feed(UsageUpdate(USAGE)) is None


def test_raw_without_usage_has_no_usage_key() -> None:
    """`raw` has no key `usage` without usage, so that token counters estimate."""
    assert "usage" not in (read([TextDelta("a"), ChatFinish("stop")])[-1].raw or {})


def test_stream_ends_as_the_whole_answer() -> None:
    """The last response of a stream has the message of the same answer without streaming."""
    call = ToolCall("c1", "add", {"a": 1})
    broken = InvalidToolCall("c2", "add", '{"a"', "cut short")
    streamed = read(
        [
            ReasoningDelta("Hm"),
            TextDelta("Hi"),
            *call_events(call),
            UsageUpdate(USAGE),
            ChatFinish(
                "tool_calls", tool_calls=(call,), invalid_tool_calls=(broken,), refusal="no"
            ),
        ]
    )[-1]
    whole = from_wire_result(
        ChatResult(
            (ChatChoice(0, "Hi", "Hm", (call,), (broken,), "tool_calls", "no"),),
            USAGE,
            raw={"x": 1},
        ),
        AnswerOptions(),
    )
    assert streamed.message == whole.message
    assert streamed.additional_kwargs == whole.additional_kwargs
    assert whole.raw == {"x": 1, "usage": USAGE.to_dict()}


def test_broken_calls_are_never_calls() -> None:
    """A cut call is kept beside the message with its text and the reason, and not among the
    calls.
    """
    broken = InvalidToolCall("c2", "add", '{"a"', "cut short")
    last = read([ChatFinish("length", invalid_tool_calls=(broken,))])[-1]
    assert not [b for b in last.message.blocks if isinstance(b, ToolCallBlock)]
    assert last.message.additional_kwargs["invalid_tool_calls"] == [
        {"id": "c2", "name": "add", "arguments": '{"a"', "error": "cut short"}
    ]


def test_empty_answer_has_empty_text() -> None:
    """`content` is "" for an empty answer, and `None` only beside calls or reasoning."""
    call = ToolCall("c1", "f", {})
    assert read([ChatFinish("stop")])[-1].message.content == ""
    assert read([ChatFinish("tool_calls", tool_calls=(call,))])[-1].message.content is None


def test_only_the_first_call_when_asked() -> None:
    """Without parallel calls, responses have only the first call, while streaming and at the
    end.
    """
    calls = (ToolCall("a", "f", {}), ToolCall("b", "g", {}))
    events = [*call_events(calls[0], 0), *call_events(calls[1], 1), ChatFinish(tool_calls=calls)]
    responses = read(events, AnswerOptions(only_first_call=True))
    assert all(
        [b.tool_name for b in r.message.blocks if isinstance(b, ToolCallBlock)] == ["f"]
        for r in responses
    )


def test_reasoning_stands_in_for_text_when_asked() -> None:
    """With `reasoning_as_text`, the reasoning becomes the text of an answer without text."""
    events: list[ChatEvent] = [ReasoningDelta("42"), ChatFinish("stop")]
    assert read(events)[-1].message.content is None
    last = read(events, AnswerOptions(reasoning_as_text=True))[-1]
    assert (last.delta, last.message.content) == ("42", "42")


def test_reasoning_never_replaces_text_or_calls() -> None:
    """`reasoning_as_text` changes no answer that has text or a call."""
    options = AnswerOptions(reasoning_as_text=True)
    call = ToolCall("c1", "f", {})
    last = read([ReasoningDelta("Hm"), TextDelta("Yes"), ChatFinish("stop")], options)[-1]
    called = read([ReasoningDelta("Hm"), ChatFinish(tool_calls=(call,))], options)[-1]
    assert last.message.content == "Yes"
    assert called.message.content is None


def test_log_probabilities_come_with_their_text_and_whole_at_the_end() -> None:
    """Chunks have the log probabilities of their text, and the last response has all."""
    first: dict[str, Any] = {"token": "Hi", "logprob": -0.5, "bytes": None, "top_logprobs": []}
    second = {
        "token": "!",
        "logprob": -0.1,
        "top_logprobs": [{"token": "!", "logprob": -0.1}, {"token": ".", "logprob": -2.0}],
    }
    responses = read([TextDelta("Hi", [first]), TextDelta("!", [second]), ChatFinish("stop")])
    tokens = [[[option.token for option in token] for token in r.logprobs or []] for r in responses]
    assert tokens == [[["Hi"]], [["!", "."]], [["Hi"], ["!", "."]]]


def test_completion_has_the_text_and_the_reasoning_beside_it() -> None:
    """A response read as a completion keeps usage, `raw` and reasoning, and is not modified."""
    response = read(
        [ReasoningDelta("Hm"), TextDelta("Yes"), UsageUpdate(USAGE), ChatFinish("stop")]
    )[-1]
    before = response.model_dump_json()
    completion = to_completion(response)
    assert (completion.text, completion.delta) == ("Yes", "")
    assert completion.additional_kwargs["thinking"] == "Hm"
    assert completion.additional_kwargs["prompt_tokens"] == 11
    assert completion.raw == response.raw
    assert response.model_dump_json() == before
