"""Streams into events: every fixture, wherever the network cuts it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workersai.anything import ANYTHING
from tests.workersai.talking import (
    SECRETS,
    TOKEN,
    UNKNOWN,
    answer,
    chat_request_for,
    stream,
    stream_names,
)
from workersai import (
    APIConnectionError,
    APITimeoutError,
    ChatEvent,
    ChatFinish,
    ChatResult,
    InvalidRequestError,
    InvalidToolCall,
    OutOfCapacityError,
    RateLimitError,
    ReasoningDelta,
    ResponseError,
    ServerError,
    StreamInterruptedError,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageUpdate,
    WorkersAIError,
)
from workersai._response.chat import parse_chat
from workersai._response.reply import Reply
from workersai._stream import accumulator, reader
from workersai._stream.reader import open_reader

REQUEST = chat_request_for(stream=True)
HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cf-ray": "ray-1"}
FINISH = ChatFinish(model=UNKNOWN, request_id="ray-1")
STOP = replace(FINISH, finish_reason="stop")
CALLS = replace(FINISH, finish_reason="tool_calls")


def text(*pieces: str) -> list[ChatEvent]:
    return [TextDelta(piece) for piece in pieces]


def reasoning(*pieces: str) -> list[ChatEvent]:
    return [ReasoningDelta(piece) for piece in pieces]


def usage(prompt: int, completion: int, **details: Any) -> UsageUpdate:
    return UsageUpdate(Usage(prompt, completion, prompt + completion, **details))


def made_id(index: int) -> str:
    return f"call_{REQUEST.call_seed()}{index}"


BERN = ToolCall("a", "get_weather", {"city": "Bern"})
SUM = ToolCall("a", "add", {"a": 1, "b": 2})

EXPECTED: dict[str, list[ChatEvent]] = {
    "native": [*text("Hel", "lo"), usage(10, 2), FINISH],
    "incremental_usage_and_tail": [
        *text("أه", "لا"),
        usage(147, 3, cached_tokens=0, neurons=1.417),
        replace(STOP, model="@cf/google/gemma-4-26b-a4b-it-external", id="f962"),
    ],
    "incremental_usage": [*text("Hi", "!"), usage(39, 3, neurons=1.45), STOP],
    "cumulative_usage": [*text("a", "b", "c"), usage(13, 4), STOP],
    "zero_usage_after_the_real_one": [*text("Hi"), usage(13, 4), STOP],
    "hybrid": [*text("That", "'s it"), usage(5, 3), STOP],
    "reasoning_then_tool_fragments": [
        *reasoning("The user wants ", "a sum."),
        ToolCallDelta(0, "call_538", "add"),
        ToolCallDelta(0, arguments='{"a": 2'),
        ToolCallDelta(0, arguments="0"),
        ToolCallDelta(0, arguments=', "b": 3}'),
        usage(175, 17, neurons=3.15),
        replace(CALLS, tool_calls=(ToolCall("call_538", "add", {"a": 20, "b": 3}),)),
    ],
    "both_reasoning_names": [*reasoning("Hm", "."), *text("Yes"), STOP],
    "reasoning_renamed": [*reasoning("Hm", "."), *text("Yes"), STOP],
    "null_finalisation": [
        ToolCallDelta(0, "call_1", "get_weather"),
        ToolCallDelta(0, arguments='{"city":'),
        ToolCallDelta(0, arguments=' "Bern"}'),
        usage(9, 9),
        replace(CALLS, tool_calls=(replace(BERN, id="call_1"),)),
    ],
    "whole_native_calls": [
        ToolCallDelta(0, made_id(0), "get_weather", '{"city": "Zürich"}'),
        ToolCallDelta(1, made_id(1), "add", '{"a": 1, "b": 2}'),
        usage(8, 4),
        replace(
            FINISH,
            tool_calls=(
                ToolCall(made_id(0), "get_weather", {"city": "Zürich"}),
                ToolCall(made_id(1), "add", {"a": 1, "b": 2}),
            ),
        ),
    ],
    "arguments_before_name": [
        ToolCallDelta(0, "late", "get_weather", '{"city": "Bern"'),
        ToolCallDelta(0, arguments="}"),
        replace(CALLS, tool_calls=(replace(BERN, id="late"),)),
    ],
    "reused_index_with_a_new_id": [
        ToolCallDelta(0, "a", "get_weather", '{"city": '),
        ToolCallDelta(0, arguments='"Bern"}'),
        ToolCallDelta(1, "b", "get_weather", '{"city": '),
        ToolCallDelta(1, arguments='"Basel"}'),
        replace(CALLS, tool_calls=(BERN, ToolCall("b", "get_weather", {"city": "Basel"}))),
    ],
    "missing_index": [
        ToolCallDelta(0, "a", "get_weather", '{"city":'),
        ToolCallDelta(0, arguments=' "Bern"}'),
        ToolCallDelta(1, "b", "get_weather", '{"city":'),
        ToolCallDelta(1, arguments=' "Basel"}'),
        replace(CALLS, tool_calls=(BERN, ToolCall("b", "get_weather", {"city": "Basel"}))),
    ],
    "interleaved_calls": [
        ToolCallDelta(0, "a", "get_weather"),
        ToolCallDelta(1, "b", "add"),
        ToolCallDelta(1, arguments='{"a": 1'),
        ToolCallDelta(0, arguments='{"city": '),
        ToolCallDelta(1, arguments=', "b": 2}'),
        ToolCallDelta(0, arguments='"Bern"}'),
        replace(CALLS, tool_calls=(BERN, replace(SUM, id="b"))),
    ],
    "repeated_id": [
        ToolCallDelta(0, "same", "add", '{"a": 1, "b": 1}'),
        ToolCallDelta(1, made_id(1), "add", '{"a": 2, "b": 2}'),
        replace(
            CALLS,
            tool_calls=(
                ToolCall("same", "add", {"a": 1, "b": 1}),
                ToolCall(made_id(1), "add", {"a": 2, "b": 2}),
            ),
        ),
    ],
    "repeated_name": [
        ToolCallDelta(0, "a", "add"),
        ToolCallDelta(0, arguments='{"a": 1,'),
        ToolCallDelta(0, arguments=' "b": 2}'),
        replace(CALLS, tool_calls=(SUM,)),
    ],
    "twice_encoded_arguments": [
        ToolCallDelta(0, "a", "get_weather"),
        ToolCallDelta(0, arguments='{"city": "Bern"}'),
        replace(CALLS, tool_calls=(BERN,)),
    ],
    "no_arguments": [
        ToolCallDelta(0, "a", "now"),
        replace(CALLS, tool_calls=(ToolCall("a", "now", {}),)),
    ],
    "number_tokens_native": [
        *text("1", "1.50", "true", "0", "-1e2", "."),
        usage(1, 7),
        FINISH,
    ],
    "number_tokens_in_chunks": [*text("1", "1.50", "true", "0", "false", "."), STOP],
    "number_tokens_of_reasoning": [*reasoning("1.50", "0", "0"), *text("."), STOP],
    "text_completion": [*text("Once", " more"), usage(2, 2), STOP],
    "streamed_data": [*text("a", "1.0", "b"), usage(3, 2), FINISH],
    "old_chunks": [
        *text("**", "A", "**"),
        replace(FINISH, model="@cf/meta/llama-3.1-8b-instruct", id="id-1733737971956"),
    ],
    "crlf": [*text("a", "b"), FINISH],
    "byte_order_mark": [*text("a"), FINISH],
    "bare_done": [*text("a"), FINISH],
    "bare_json": [*text("a", "b"), FINISH],
    "done_without_blank_line": [*text("a"), FINISH],
    "finish_without_done": [*text("a"), STOP],
    "finish_without_done_or_newline": [*text("a"), STOP],
    "fields_and_comments": [*text("a", "b"), FINISH],
    "line_separators": [*text("a\u2028b\u2029c\u0085d"), FINISH],
    "emoji_in_halves": [*text("Hi ", "\U0001f600", "!"), STOP],
    "emoji_in_halves_native": [*text("Hi ", "\U0001f600!"), FINISH],
    "emoji_in_halves_of_reasoning": [*reasoning("\U0001f600"), *text("!"), STOP],
    "half_an_emoji_at_the_end": [*text("Hi ", "\ufffd"), FINISH],
    "half_an_emoji_in_the_middle": [*text("Hi ", "\ufffd there"), FINISH],
    "emoji_in_halves_of_arguments": [
        ToolCallDelta(0, "a", "get_weather", '{"city": "'),
        ToolCallDelta(0, arguments='\U0001f600"}'),
        replace(CALLS, tool_calls=(ToolCall("a", "get_weather", {"city": "\U0001f600"}),)),
    ],
    "only_done": [FINISH],
    "only_finish": [STOP],
    "after_done": [*text("a"), FINISH],
    "usage_after_finish": [*text("a"), usage(3, 1), STOP],
    "logprobs": [
        *(
            TextDelta(t, [{"token": t, "logprob": -0.5, "bytes": None, "top_logprobs": []}])
            for t in "ab"
        ),
        STOP,
    ],
    "refusal": [replace(STOP, refusal="I cannot.")],
    "whole_answer_as_an_event": [
        *text("Hello"),
        usage(7, 3),
        replace(STOP, model="@cf/test/served", id="chat-1"),
    ],
    "whole_envelope_as_an_event": [*text("Hello"), usage(1, 1), FINISH],
    "text_that_looks_like_an_error": [
        *text(
            '{"error": {"code": 3040},',
            ' "name": "AiError", "internalCode": 1}',
            '{"object": "error", "name": "AiError", "message": "m", "code": 5}',
        ),
        FINISH,
    ],
    "odd_but_harmless": [*text("a"), STOP],
}

INVALID: dict[str, tuple[str | None, InvalidToolCall]] = {
    "arguments_cut_by_the_cap": (
        "length",
        InvalidToolCall("a", "add", '{"a": 1, "b', "cut off by the token cap"),
    ),
    "arguments_missing_at_the_cap": ("length", InvalidToolCall("a", "add", "", "were cut off")),
    "arguments_cut_without_a_reason": (
        None,
        InvalidToolCall("a", "add", '{"a": 1, "b', "are not JSON"),
    ),
    "arguments_that_are_a_list": (
        "tool_calls",
        InvalidToolCall("a", "add", "[1, 2]", "not a JSON object but list"),
    ),
    "call_without_a_name": ("tool_calls", InvalidToolCall("a", "", "{}", "has no name")),
}


@dataclass(frozen=True)
class Failure:
    """How a stream fails: the error's class and text, and the events and text before it."""

    error: type[WorkersAIError]
    says: str
    events: tuple[ChatEvent, ...] = ()
    is_retryable: bool = False

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))


HEL = (TextDelta("Hel"),)
FAILURES: dict[str, Failure] = {
    "unfinished": Failure(
        StreamInterruptedError, "ended before the model had finished", tuple(text("Hel", "lo"))
    ),
    "unfinished_reasoning_and_call": Failure(
        StreamInterruptedError,
        "ended before the model had finished",
        (ReasoningDelta("Hm"), ToolCallDelta(0, "a", "add", '{"a": 1')),
    ),
    "nothing": Failure(StreamInterruptedError, "ended before", is_retryable=True),
    "error_event": Failure(OutOfCapacityError, "Capacity temporarily exceeded", HEL),
    "errors_event": Failure(RateLimitError, "rate limiting: inference request per min", HEL),
    "error_event_first": Failure(OutOfCapacityError, "Capacity", is_retryable=True),
    "flat_error": Failure(ServerError, "HTTP 408, code 3046", HEL),
    "flat_error_first": Failure(ServerError, "code 3046", is_retryable=True),
    "error_by_event_field": Failure(ServerError, "HTTP 408, code 3046", HEL),
    "error_by_event_field_as_text": Failure(ServerError, "the upstream went away", HEL),
    "error_by_event_field_around_a_chunk": Failure(ServerError, "HTTP 500", HEL),
    "error_by_event_field_alone": Failure(ServerError, "no reason given", HEL),
    "error_by_event_field_then_done": Failure(OutOfCapacityError, "busy", HEL),
    "error_object": Failure(ServerError, "HTTP 500, code 500", HEL),
    "error_type": Failure(ServerError, "HTTP 503", HEL),
    "error_type_flat": Failure(InvalidRequestError, "HTTP 400", HEL),
    "malformed_event": Failure(ResponseError, "not JSON", HEL),
    "invalid_utf8": Failure(ResponseError, "not JSON", HEL),
    "event_that_is_a_number": Failure(ResponseError, "an event that is int", HEL),
}


@dataclass
class Outcome:
    """What a reader returned for a stream."""

    events: list[ChatEvent]
    error: WorkersAIError | None = None

    def comparable(self) -> Any:
        error = self.error
        return self.events, error and (type(error), str(error), error.partial, error.is_retryable)


def read(*chunks: bytes, headers: dict[str, str] = HEADERS) -> Outcome:
    reader = open_reader(REQUEST, headers, SECRETS)
    outcome = Outcome([])
    for chunk in chunks:
        outcome.events += reader.feed(chunk)
    try:
        outcome.events += reader.close()
    except WorkersAIError as error:
        outcome.error = error
    return outcome


def events_of(*chunks: bytes, headers: dict[str, str] = HEADERS) -> list[ChatEvent]:
    outcome = read(*chunks, headers=headers)
    if outcome.error is not None:
        raise outcome.error
    return outcome.events


def test_every_fixture_has_its_expectation() -> None:
    """Every fixture of a stream has an expected result in this file."""
    assert {*EXPECTED, *INVALID, *FAILURES} == set(stream_names())


@pytest.mark.parametrize("name", EXPECTED)
def test_events_of_a_stream(name: str) -> None:
    """Each documented or observed stream gives exactly these events, `ChatFinish` the last."""
    assert events_of(stream(name)) == EXPECTED[name]


@pytest.mark.parametrize("name", INVALID)
def test_a_call_that_must_not_run(name: str) -> None:
    """Cut or malformed arguments are in `invalid_tool_calls`, never in `tool_calls`."""
    reason, expected = INVALID[name]
    finish = events_of(stream(name))[-1]
    assert isinstance(finish, ChatFinish)
    assert finish.finish_reason == reason
    assert finish.tool_calls == ()
    (found,) = finish.invalid_tool_calls
    assert expected.error in found.error
    assert replace(found, error="") == replace(expected, error="")


@pytest.mark.parametrize("name", FAILURES)
def test_a_stream_that_fails(name: str) -> None:
    """A stream ends with `ChatFinish`, or with an exception that holds the partial answer."""
    expected = FAILURES[name]
    outcome = read(stream(name))
    assert outcome.events == list(expected.events)
    assert type(outcome.error) is expected.error
    assert expected.says in str(outcome.error)
    assert outcome.error.is_retryable is expected.is_retryable
    if expected.events:
        assert isinstance(outcome.error.partial, ChatResult)
        assert outcome.error.partial.text == expected.text
        assert outcome.error.partial.tool_calls == ()
    else:
        assert outcome.error.partial is None


# --------------------------------------------------------------------------- the network


def with_ends(body: bytes, end: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n").replace(b"\n", end)


@pytest.mark.parametrize("name", stream_names())
def test_cuts_and_line_ends_change_nothing(name: str) -> None:
    """A stream gives the same events whole, byte by byte, with CRLF and with CR."""
    body = stream(name)
    whole = read(body).comparable()
    assert read(*(body[i : i + 1] for i in range(len(body)))).comparable() == whole
    for end in (b"\r\n", b"\r"):
        changed = with_ends(body, end)
        assert read(changed).comparable() == whole
        assert read(*(changed[i : i + 1] for i in range(len(changed)))).comparable() == whole


@pytest.mark.parametrize("name", stream_names())
def test_joining_buffered_text_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose buffered pieces are joined on the way gives the same result."""
    body = stream(name)
    whole = read(body).comparable()
    monkeypatch.setattr(reader, "_SETTLED_BYTES", 0)
    for size in (1, 16, 256):
        pieces = (body[i : i + size] for i in range(0, len(body), size))
        assert read(*pieces).comparable() == whole


@pytest.mark.parametrize("name", stream_names())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cuts_change_nothing(name: str, data: st.DataObject) -> None:
    """A stream gives the same events wherever it is cut."""
    body = with_ends(stream(name), data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(*chunks).comparable() == read(stream(name)).comparable()


# ------------------------------------------------------------------- plain and streaming


def joined(events: list[ChatEvent]) -> dict[str, Any]:
    """Return what a stream adds up to, in the fields of a plain answer."""
    finish = events[-1]
    assert isinstance(finish, ChatFinish)
    said: dict[str, Any] = {"text": "", "reasoning": "", "usage": None}
    for event in events:
        if isinstance(event, TextDelta):
            said["text"] += event.text
        elif isinstance(event, ReasoningDelta):
            said["reasoning"] += event.text
        elif isinstance(event, UsageUpdate):
            said["usage"] = event.usage
    calls = finish.tool_calls, finish.invalid_tool_calls
    return {**said, "calls": calls, "reason": finish.finish_reason, "refusal": finish.refusal}


def plain(body: bytes) -> dict[str, Any]:
    result = parse_chat(Reply(200, {"cf-ray": "ray-1"}, body), REQUEST)
    return {
        "text": result.text,
        "reasoning": result.reasoning,
        "usage": result.usage,
        "calls": (result.tool_calls, result.invalid_tool_calls),
        "reason": result.finish_reason,
        "refusal": result.refusal,
    }


PAIRS = {
    "native": {
        "result": {"response": "Hello", "usage": {"prompt_tokens": 10, "completion_tokens": 2}}
    },
    "whole_native_calls": None,
    "text_completion": {
        "choices": [{"text": "Once more", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 2},
    },
    "both_reasoning_names": {
        "choices": [
            {
                "message": {"content": "Yes", "reasoning": "Hm.", "reasoning_content": "Hm."},
                "finish_reason": "stop",
            }
        ]
    },
    "reasoning_then_tool_fragments": {
        "choices": [
            {
                "message": {
                    "content": None,
                    "reasoning_content": "The user wants a sum.",
                    "tool_calls": [
                        {
                            "id": "call_538",
                            "function": {"name": "add", "arguments": '{"a": 20, "b": 3}'},
                        }
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 175, "completion_tokens": 17, "neurons": 3.15},
    },
    "repeated_id": {
        "choices": [
            {
                "message": {
                    "content": None,
                    "tool_calls": [
                        {"id": "same", "function": {"name": "add", "arguments": arguments}}
                        for arguments in ('{"a": 1, "b": 1}', '{"a": 2, "b": 2}')
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ]
    },
    "arguments_cut_by_the_cap": {
        "choices": [
            {
                "message": {
                    "content": None,
                    "tool_calls": [
                        {"id": "a", "function": {"name": "add", "arguments": '{"a": 1, "b'}}
                    ],
                },
                "finish_reason": "length",
            }
        ]
    },
    "refusal": {
        "choices": [{"message": {"content": None, "refusal": "I cannot."}, "finish_reason": "stop"}]
    },
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_stream_and_a_plain_answer_agree(name: str) -> None:
    """The same answer gives the same result, streamed or plain."""
    given = PAIRS[name]
    body = answer("native_calls") if given is None else json.dumps(given).encode()
    assert joined(events_of(stream(name))) == plain(body)


ANSWERS = [
    "native_text",
    "native_calls",
    "native_number",
    "native_object_numbers",
    "plain_string",
    "completion_in_result",
    "completion_bare",
    "completion_calls",
    "completion_bad_calls",
    "completion_reasoning_both",
    "completion_refusal",
    "text_completion",
]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_plain_answer_to_a_request_for_a_stream(name: str) -> None:
    """A JSON answer to a stream request, as some models send it, gives the same result."""
    body = answer(name)
    events = events_of(body[:20], body[20:], headers={"content-type": "application/json"})
    assert joined(events) == plain(body)


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"<html>log in</html>", "text/html", ResponseError),
        (b"", "application/json", ResponseError),
        (b'{"result":{"response":"cut', "application/json", ResponseError),
        (
            b'{"success":false,"result":{},"errors":[{"code":3040,"message":"busy"}]}',
            "application/json",
            OutOfCapacityError,
        ),
    ],
    ids=["html", "empty", "cut", "error"],
)
def test_what_is_no_stream_and_no_answer_raises(
    body: bytes, kind: str, error: type[WorkersAIError]
) -> None:
    """A captive portal, an empty body, half an answer and an error all raise."""
    with pytest.raises(error):
        events_of(body, headers={"content-type": kind})


def test_a_whole_answer_has_a_limit() -> None:
    """JSON in place of a stream is read up to 16 MiB."""
    with pytest.raises(ResponseError, match="larger than 16777216 bytes"):
        events_of(*[b"x" * (1 << 20)] * 17, headers={"content-type": "application/json"})


# ------------------------------------------------------------------------ interruptions


def interrupted(name: str, error: WorkersAIError) -> WorkersAIError | None:
    reader = open_reader(REQUEST, HEADERS)
    reader.feed(stream(name))
    return reader.interrupt(error)


def test_a_connection_that_breaks_keeps_what_had_come() -> None:
    """Bytes that stop in the middle raise an error with the partial answer, without a retry."""
    error = interrupted("unfinished", APIConnectionError("reset"))
    assert isinstance(error, StreamInterruptedError)
    assert "reset" in str(error)
    assert error.partial is not None
    assert error.partial.text == "Hello"
    assert not error.is_retryable


def test_a_timeout_keeps_the_partial_answer() -> None:
    """A timeout in the middle raises a timeout error with the partial answer."""
    error = interrupted("unfinished", APITimeoutError("slow", phase="idle"))
    assert isinstance(error, APITimeoutError)
    assert error.partial is not None
    assert error.partial.text == "Hello"
    assert not error.is_retryable


def test_calls_of_a_broken_stream_are_invalid() -> None:
    """When a stream breaks, complete calls are invalid too, because more could follow."""
    reader = open_reader(REQUEST, HEADERS)
    reader.feed(stream("whole_native_calls").split(b"\n\n")[0] + b"\n\n")
    error = reader.interrupt(APIConnectionError("reset"))
    assert error is not None
    assert error.partial is not None
    assert error.partial.tool_calls == ()
    assert [call.name for call in error.partial.invalid_tool_calls] == ["get_weather", "add"]


@pytest.mark.parametrize("name", ["finish_without_done", "native"])
def test_a_connection_that_breaks_after_the_end_is_no_failure(name: str) -> None:
    """A connection that breaks after the model has finished causes no error."""
    reader = open_reader(REQUEST, HEADERS)
    events = reader.feed(stream(name))
    assert reader.interrupt(APIConnectionError("reset")) is None
    assert [*events, *reader.close()] == EXPECTED[name]


def test_a_break_before_the_first_event_may_be_retried() -> None:
    """A break before the first event is retryable, because the caller has received nothing."""
    reader = open_reader(REQUEST, HEADERS)
    error = reader.interrupt(APIConnectionError("reset"))
    assert isinstance(error, StreamInterruptedError)
    assert error.is_retryable
    assert error.partial is None


# ------------------------------------------------------------------------------- hostile


def test_a_deep_event_is_refused() -> None:
    """An event that is nested too deeply raises a package error, not a `RecursionError`."""
    deep = b'data: {"response":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n\n"
    with pytest.raises(ResponseError):
        events_of(deep)


def test_a_million_events_take_linear_time() -> None:
    """The reader takes linear time for many tiny events."""
    body = b'data: {"response":"x"}\n\n' * 100_000 + b"data: [DONE]\n\n"
    assert len(events_of(body)) == 100_001


ENDLESS = {
    "text": {"response": "x" * 500_000},
    "reasoning": {"choices": [{"delta": {"reasoning_content": "x" * 500_000}}]},
    "refusal": {"choices": [{"delta": {"refusal": "x" * 500_000}}]},
    "arguments": {
        "tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "x" * 500_000}}]
    },
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_without_an_end(kind: str) -> None:
    """More characters than any answer has raise an error with the partial answer."""
    event = b"data: " + json.dumps(ENDLESS[kind]).encode() + b"\n\n"
    reader = open_reader(REQUEST, HEADERS)
    read = 0
    while not reader.is_done:
        reader.feed(event)
        read += 1
    assert 8 << 20 < read * 500_000 < 10 << 20
    with pytest.raises(ResponseError, match="more than 8388608 characters") as caught:
        reader.close()
    partial = caught.value.partial
    assert (partial is not None) == (kind != "refusal")  # the padding is no part of the answer


def test_events_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """More events than a model has tokens raise, however little each of them holds."""
    monkeypatch.setattr(accumulator, "_MAX_EVENTS", 100_000)
    body = b'data: {"response":"x"}\n\n' * 1000
    reader = open_reader(REQUEST, HEADERS)
    for _ in range(150):
        reader.feed(body)
    with pytest.raises(ResponseError, match="100000 events") as caught:
        reader.close()
    assert caught.value.partial is not None
    assert 100_000 < len(caught.value.partial.text) <= 150_000


def test_calls_without_an_end() -> None:
    """More calls than any model makes raise, and all of them are invalid."""
    call = {"function": {"name": "f", "arguments": "{}"}}
    events = ({"tool_calls": [{"id": f"c{n}", **call}]} for n in range(5000))
    outcome = read(*(f"data: {json.dumps(event)}\n\n".encode() for event in events))
    assert isinstance(outcome.error, ResponseError)
    assert "4096 tool calls" in str(outcome.error)
    assert outcome.error.partial is not None
    assert outcome.error.partial.tool_calls == ()
    assert len(outcome.error.partial.invalid_tool_calls) == 4096


def test_a_secret_that_a_stream_echoes_is_not_shown() -> None:
    """The error quotes unreadable bytes without the token in them."""
    outcome = read(f"data: {TOKEN}\n\n".encode())
    assert isinstance(outcome.error, ResponseError)
    assert TOKEN not in str(outcome.error)


@settings(max_examples=400)
@given(st.lists(ANYTHING, min_size=1, max_size=4))
def test_any_json_gives_events_or_a_package_error(values: list[Any]) -> None:
    """Any JSON in a stream gives events or raises a package error."""
    body = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    read(body + b"data: [DONE]\n\n")


PATHS: list[tuple[str, Any]] = [
    ("choices", 5),
    ("choices", "x"),
    ("tool_calls", 5),
    ("tool_calls", {"a": 1}),
    ("streamed_data", 5),
    ("streamed_data", [5]),
]


@pytest.mark.parametrize(("field", "value"), PATHS, ids=str)
def test_a_field_of_an_unknown_shape_raises(field: str, value: Any) -> None:
    """The reader raises instead of guessing what an unknown shape means."""
    outcome = read(b"data: " + json.dumps({field: value}).encode() + b"\n\ndata: [DONE]\n\n")
    assert isinstance(outcome.error, ResponseError)
    assert field in str(outcome.error)


def test_no_secret_of_a_header_shows() -> None:
    """Neither a result nor the partial answer in an error shows a secret of a header."""
    headers = {"cf-ray": f"ray {SECRETS[1]}", "cf-aig-log-id": f"log {SECRETS[0]}"}
    finish = read(stream("native"), headers={**HEADERS, **headers}).events[-1]
    broken = read(b'data: {"response":"Hel"}\n\n', headers={**HEADERS, **headers}).error
    whole = parse_chat(Reply(200, headers, b'{"response":"Hi"}', SECRETS), REQUEST)

    assert broken is not None
    for found in (finish, broken.partial, whole):
        assert isinstance(found, (ChatFinish, ChatResult))
        assert (found.request_id, found.gateway) == ("ray ***", {"log_id": "log ***"})


@settings(max_examples=300)
@given(ANYTHING)
def test_what_a_model_wrote_never_counts_as_an_error(value: Any) -> None:
    """JSON in the place of an answer is never read as an error of the server."""
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": value}}
    events: list[dict[str, Any]] = [
        {"response": value},
        {"choices": [{"index": 0, "delta": {"content": value, "reasoning": value}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    lines = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events]
    assert isinstance(read(*lines).error, (NoneType, ResponseError))
    for whole in ({"result": {"response": value}, "success": True}, {"response": value}):
        parse_chat(Reply(200, {}, json.dumps(whole).encode()), REQUEST)
