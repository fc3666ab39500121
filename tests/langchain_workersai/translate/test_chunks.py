"""LangChain chunks made of stream events."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_workersai._translate.chunks import ChunkStream, breaker
from workersai import (
    ChatEvent,
    ChatFinish,
    InvalidToolCall,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageUpdate,
)

PROVIDER = {"model_provider": "workersai"}


def feed(events: Iterable[ChatEvent]) -> list[ChatGenerationChunk]:
    stream = ChunkStream(model="@cf/a/b")
    return [chunk for event in events for chunk in stream.feed(event)]


def messages(events: Iterable[ChatEvent]) -> list[AIMessageChunk]:
    return [c.message for c in feed(events) if isinstance(c.message, AIMessageChunk)]


def merged(events: Iterable[ChatEvent]) -> AIMessageChunk:
    first, *rest = messages(events)
    for chunk in rest:
        first = first + chunk
    return first


PIECES = [
    (TextDelta("hi"), AIMessageChunk(content="hi", response_metadata=PROVIDER)),
    (
        TextDelta("hi", logprobs=[{"token": "hi", "logprob": -0.1}]),
        AIMessageChunk(
            content="hi",
            response_metadata={
                **PROVIDER,
                "logprobs": {"content": [{"token": "hi", "logprob": -0.1}]},
            },
        ),
    ),
    (
        ReasoningDelta("hm"),
        AIMessageChunk(
            content="", additional_kwargs={"reasoning_content": "hm"}, response_metadata=PROVIDER
        ),
    ),
    *(
        (
            ToolCallDelta(0, call_id, name, arguments),
            AIMessageChunk(
                content="",
                tool_call_chunks=[
                    {
                        "type": "tool_call_chunk",
                        "index": 0,
                        "id": call_id,
                        "name": name,
                        "args": arguments,
                    }
                ],
                response_metadata=PROVIDER,
            ),
        )
        for call_id, name, arguments in [
            ("c", "f", ""),
            ("c", "f", '{"a": 1}'),
            ("c", "f", '{"a": "b'),
            ("c", "f", "{"),
        ]
    ),
]


@pytest.mark.parametrize(("event", "constructed"), PIECES, ids=str)
def test_a_chunk_equals_the_constructed_one(event: ChatEvent, constructed: AIMessageChunk) -> None:
    """A chunk made from the template equals the chunk that pydantic's validation makes."""
    (chunk,) = feed([event])
    assert chunk.message == constructed
    assert chunk.message.__dict__ == constructed.__dict__
    assert list(chunk.message.__dict__) == list(constructed.__dict__)
    assert chunk.message.model_dump() == constructed.model_dump()
    whole = ChatGenerationChunk(message=constructed, generation_info=chunk.generation_info)
    assert chunk == whole
    assert chunk.__dict__ == whole.__dict__


@pytest.mark.parametrize("event", [event for event, _ in PIECES], ids=str)
def test_a_chunk_can_be_copied_pickled_and_merged(event: ChatEvent) -> None:
    """Chunks made from the template are complete pydantic objects."""
    (chunk,) = feed([event])
    assert pickle.loads(pickle.dumps(chunk)) == chunk
    assert copy.deepcopy(chunk) == chunk
    assert chunk.model_copy() == chunk
    assert (chunk + chunk).message.content == chunk.text * 2


def test_chunks_share_no_dicts() -> None:
    """A change to one chunk's dicts does not appear in another chunk."""
    first, second = feed([TextDelta("a"), TextDelta("b")])
    first.message.response_metadata["x"] = 1
    first.message.additional_kwargs["x"] = 1
    assert second.message.response_metadata == PROVIDER
    assert second.message.additional_kwargs == {}


def test_usage_and_metadata_are_on_one_chunk() -> None:
    """The last chunk alone has usage, model, finish reason and neurons; all have the provider."""
    usage = Usage(3, 2, 5, cached_tokens=1, reasoning_tokens=1, neurons=0.25)
    chunks = messages(
        [
            TextDelta("a"),
            UsageUpdate(usage),
            ChatFinish(
                "stop", model="@cf/a/b-fast", id="x", request_id="ray", system_fingerprint="fp"
            ),
        ]
    )
    last = chunks[-1]
    assert [c.usage_metadata is not None for c in chunks] == [False, True]
    assert last.usage_metadata == {
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
        "input_token_details": {"cache_read": 1},
        "output_token_details": {"reasoning": 1},
    }
    assert last.response_metadata == {
        **PROVIDER,
        "model_name": "@cf/a/b-fast",
        "finish_reason": "stop",
        "id": "x",
        "request_id": "ray",
        "system_fingerprint": "fp",
        "neurons": [0.25],
        "token_usage": {k: v for k, v in usage.to_dict().items() if k != "neurons"},
    }
    assert all(c.response_metadata["model_provider"] == "workersai" for c in chunks)
    assert last.chunk_position == "last"
    assert merged([TextDelta("a"), UsageUpdate(usage), ChatFinish("stop")]).content == "a"


def test_a_stream_without_a_model_name_has_the_requested_model() -> None:
    """`model_name` is the requested model if the stream names none."""
    assert messages([ChatFinish()])[-1].response_metadata["model_name"] == "@cf/a/b"


def test_a_refusal_is_kept() -> None:
    """The last chunk has the refusal of a stream."""
    assert messages([ChatFinish("stop", refusal="no")])[-1].additional_kwargs == {"refusal": "no"}


def test_logprobs_of_a_stream_join() -> None:
    """Merged chunks have the log probabilities of all tokens in one list."""
    first, second = {"token": "a"}, {"token": "b"}
    message = merged([TextDelta("a", [first]), TextDelta("b", [second]), ChatFinish("stop")])
    assert message.response_metadata["logprobs"] == {"content": [first, second]}


def test_id_and_name_come_once_and_calls_merge_by_index() -> None:
    """Interleaved fragments of two calls merge into two calls, each with its own arguments."""
    calls = (ToolCall("x", "f", {"a": 1}), ToolCall("y", "g", {"b": 2}))
    message = merged(
        [
            ToolCallDelta(0, "x", "f"),
            ToolCallDelta(1, "y", "g"),
            ToolCallDelta(0, arguments='{"a"'),
            ToolCallDelta(1, arguments='{"b": '),
            ToolCallDelta(0, arguments=": 1}"),
            ToolCallDelta(1, arguments="2}"),
            ChatFinish("tool_calls", tool_calls=calls),
        ]
    )
    assert [(c["id"], c["name"], c["args"]) for c in message.tool_calls] == [
        ("x", "f", {"a": 1}),
        ("y", "g", {"b": 2}),
    ]
    assert not message.invalid_tool_calls


@pytest.mark.parametrize(
    "arguments",
    [
        '{"a": "b',
        '{"a": "b\\',
        '{"a": "b\\\\',
        '{"a": [1, 2',
        '{"a": {"b": [',
        '{"a": 1',
        '{"a": 1}{"b": 2}',
        '{"a": 1} and more',
        '{"a": NaN}',
        "[1]",
        '"text',
        "not json",
        "{",
        "",
    ],
)
def test_an_invalid_call_of_the_core_is_invalid_in_langchain(arguments: str) -> None:
    """Cut arguments never merge into a valid call, although LangChain's parser is lenient."""
    invalid = InvalidToolCall("c", "f", arguments, "cut short")
    message = merged(
        [
            ToolCallDelta(0, "c", "f", arguments[:3]),
            ToolCallDelta(0, arguments=arguments[3:]),
            ChatFinish("length", invalid_tool_calls=(invalid,)),
        ]
    )
    assert message.tool_calls == []
    (call,) = message.invalid_tool_calls
    assert (call["id"], call["name"]) == ("c", "f")
    assert (call["args"] or "").startswith(arguments)
    with pytest.raises(ValueError, match=r"."):
        json.loads(call["args"] or "")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=3), st.data())
def test_cut_arguments_never_become_a_call(arguments: dict[str, object], data: Any) -> None:
    """Any arguments cut at any place merge into an invalid call."""
    text = json.dumps(arguments, ensure_ascii=data.draw(st.booleans()))
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    message = merged(
        [
            ToolCallDelta(0, "c", "f"),
            ToolCallDelta(0, arguments=cut),
            ChatFinish("length", invalid_tool_calls=(InvalidToolCall("c", "f", cut, "cut short"),)),
        ]
    )
    assert message.tool_calls == []
    assert len(message.invalid_tool_calls) == 1


def test_an_invalid_call_does_not_affect_a_valid_one() -> None:
    """A merged stream keeps the valid call beside an invalid one."""
    message = merged(
        [
            ToolCallDelta(0, "x", "f", '{"a": 1}'),
            ToolCallDelta(1, "y", "g", '{"b": "'),
            ChatFinish(
                "length",
                tool_calls=(ToolCall("x", "f", {"a": 1}),),
                invalid_tool_calls=(InvalidToolCall("y", "g", '{"b": "', "cut"),),
            ),
        ]
    )
    assert [c["id"] for c in message.tool_calls] == ["x"]
    assert [c["id"] for c in message.invalid_tool_calls] == ["y"]


@pytest.mark.parametrize(
    ("pieces", "parsed"),
    [
        (["null"], {}),
        (["nu", "ll"], {}),
        ([" ", "null"], {}),
        ([" "], {}),
        ([""], {}),
        (["{}"], {}),
        (['"{\\"a\\"', ': 1}"'], {"a": 1}),
        ([" \n", '{"a": 1}'], {"a": 1}),
    ],
    ids=str,
)
def test_odd_arguments_are_read_as_in_the_core(pieces: list[str], parsed: dict[str, int]) -> None:
    """A merged call with `null`, empty or doubly encoded arguments has the core's arguments."""
    first, *rest = pieces
    message = merged(
        [
            ToolCallDelta(0, "c", "f", first),
            *(ToolCallDelta(0, arguments=piece) for piece in rest),
            ChatFinish("tool_calls", tool_calls=(ToolCall("c", "f", parsed),)),
        ]
    )
    assert [call["args"] for call in message.tool_calls] == [parsed]
    assert message.invalid_tool_calls == []


def test_the_breaker_is_short() -> None:
    """`breaker` adds at most three characters to the text of an invalid call."""
    assert [breaker(t) for t in ("{", '{"a', '{"a\\', '{"a": [')] == ["]", '"]', '""]', "}"]
