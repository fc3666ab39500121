"""Malformed answers, sent by a server and read through every face."""

from __future__ import annotations

import functools
import itertools
import json
import os
import random
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import DONE, EVENTS, STREAM, TEXT, event
from tests.workersai.loopback import Script
from tests.workersai.talking import chat_request_for, stream, stream_names
from workersai import ChatEvent, ChatFinish, ResponseError, StreamInterruptedError, WorkersAIError
from workersai._stream.reader import open_reader

SSE_HEADERS = {"content-type": "text/event-stream"}
ODD = "a\u2028b\u2029c\x85d é 漢字 👩\u200d🔬"


def streams(body: bytes) -> Script:
    return lambda peer, _: peer.stream(body)


def choice(**fields: Any) -> bytes:
    return event(choices=[{"index": 0, **fields}])


def raw(text: str) -> bytes:
    """Return an event whose text is not escaped."""
    return b"data: " + json.dumps({"response": text}, ensure_ascii=False).encode() + b"\n\n"


RIGHT: dict[str, tuple[bytes, str]] = {
    "line separators of Unicode": (raw(ODD) + DONE, ODD),
    "numbers as tokens": (event(response=5) + choice(delta={"content": 1}) + DONE, "51"),
    "digits of a number": (b'data: {"response": 1.50}\n\n' + DONE, "1.50"),
    "choices null": (event(choices=None) + EVENTS[0] + DONE, "Hel"),
    "choices empty": (event(choices=[]) + EVENTS[0] + DONE, "Hel"),
    "delta null": (choice(delta=None) + EVENTS[0] + DONE, "Hel"),
    "delta missing": (choice() + EVENTS[0] + DONE, "Hel"),
    "unknown keys": (event(p="abc", x={"y": [1]}) + EVENTS[0] + DONE, "Hel"),
    "usage null": (event(response="Hel", usage=None) + DONE, "Hel"),
    "usage odd": (event(response="Hel", usage={"total_tokens": None}) + DONE, "Hel"),
    "both routes in one chunk": (
        event(response="Hel", choices=[{"delta": {"content": "Hel"}}]) + DONE,
        "Hel",
    ),
    "data after done": (EVENTS[0] + DONE + event(response="ghost"), "Hel"),
    "whole answer after its pieces": (
        choice(delta={"content": "He"})
        + choice(message={"content": "Hel"}, finish_reason="stop")
        + DONE,
        "Hel",
    ),
    "empty data": (b"data:\n\n" + EVENTS[0] + b"data: \n\n" + DONE, "Hel"),
    "done with spaces": (EVENTS[0] + b"data:  [DONE] \n\n" + event(response="ghost"), "Hel"),
    "done without a blank line": (EVENTS[0] + b"data: [DONE]", "Hel"),
    "data without a space": (b'data:{"response":"Hel"}\n\n' + DONE, "Hel"),
    "data in two lines": (b'data: {"response":\ndata: "Hel"}\n\n' + DONE, "Hel"),
    "fields and comments": (b": hi\nevent: x\nid: 1\nretry: 5\nfoo\n" + EVENTS[0] + DONE, "Hel"),
    "carriage returns": (STREAM.replace(b"\n", b"\r"), TEXT),
    "both line ends": (STREAM.replace(b"\n", b"\r\n"), TEXT),
    "mixed line ends": (EVENTS[0].replace(b"\n", b"\r") + EVENTS[1] + DONE, "Hello, "),
    "byte order mark": (b"\xef\xbb\xbf" + STREAM, TEXT),
    "an emoji in halves": (
        b'data: {"response":"\\ud83d"}\n\ndata: {"response":"\\ude00"}\n\n' + DONE,
        "\U0001f600",
    ),
    "half an emoji alone": (
        EVENTS[0] + b'data: {"response":"\\ude00 and on \\ud83d"}\n\n' + DONE,
        "Hel\ufffd and on \ufffd",
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_odd_but_whole_streams(speaks: Speaks, serve: Serve, case: str) -> None:
    """An odd but complete stream gives its exact text."""
    body, text = RIGHT[case]
    assert speaks(serve(streams(body))).read() == text


@pytest.mark.parametrize("ends", [b"\n", b"\r", b"\r\n"], ids=["lf", "cr", "crlf"])
def test_every_byte_a_chunk_of_its_own(speaks: Speaks, serve: Serve, ends: bytes) -> None:
    """A stream with an HTTP chunk for every byte gives the same text."""
    body = (raw(ODD) + DONE).replace(b"\n", ends)
    assert speaks(serve(scripts.byte_by_byte(body))).read() == ODD


WRONG: dict[str, bytes] = {
    "invalid UTF-8": b'data: {"response":"\xff\xfe"}\n\n',
    "malformed JSON": b'data: {"response":\n\n',
    "no object": b"data: 5\n\n",
    "nested 200,000 deep": b'data: {"response":' + b"[" * 200_000 + b"\n\n",
    "nested 900 deep, beside half an emoji": (
        b'data: {"x":"\\ud83d","response":' + b"[" * 900 + b"]" * 900 + b"}\n\n"
    ),
    "a delta that is text": choice(delta="lost"),
    "choices that are text": event(choices="none"),
    "tool calls that are text": choice(delta={"tool_calls": "none"}),
    "an event of 64 MiB": b'data: {"response":"' + b"x" * (2 << 20),
}


@pytest.mark.parametrize("case", WRONG)
def test_events_that_cannot_be_read(speaks: Speaks, serve: Serve, case: str) -> None:
    """An unreadable event raises a typed error that holds the tokens before it."""
    body = EVENTS[0] + WRONG[case] + EVENTS[1] + DONE
    server = serve(streams(body))
    talk = speaks(server).open()
    assert next(talk) == scripts.TOKENS[0]
    with pytest.raises(ResponseError) as caught:
        list(talk)
    assert caught.value.partial is not None
    assert caught.value.partial.text == scripts.TOKENS[0]
    assert len(server.requests) == 1


NUMBERS = {
    "a whole number of 100,000 digits": "9" * 100_000,
    "an exponent of nine digits": "1e999999999",
    "a fraction of 100,000 digits": "0." + "1" * 100_000,
}


@pytest.mark.parametrize("place", ["response", "usage", "unknown"])
@pytest.mark.parametrize("case", NUMBERS)
def test_number_bombs(speaks: Speaks, serve: Serve, case: str, place: str) -> None:
    """A huge number is kept as text in a text field; elsewhere it raises no untyped error."""
    number = NUMBERS[case]
    fields = {
        "response": f'{{"response":{number}}}',
        "usage": f'{{"response":"x","usage":{{"prompt_tokens":{number}}}}}',
        "unknown": f'{{"response":"x","y":{number}}}',
    }
    speaker = speaks(serve(streams(f"data: {fields[place]}\n\n".encode() + DONE)))
    began = time.monotonic()
    try:
        assert speaker.read() == (number if place == "response" else "x")
    except WorkersAIError as error:
        assert isinstance(error, ResponseError)  # noqa: PT017 - either is right
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "body", ["[" * 200_000, '{"result":' * 100_000, '{"response":' + "9" * 50_000]
)
def test_depth_bombs_in_a_plain_answer(speaks: Speaks, serve: Serve, body: str) -> None:
    """JSON that is nested too deeply raises a package error."""
    speaker = speaks(serve(lambda peer, _: peer.answer(body.encode())))
    with pytest.raises(ResponseError):
        speaker.ask()


def test_only_done(speaks: Speaks, serve: Serve) -> None:
    """A stream with `[DONE]` alone is an empty answer."""
    assert speaks(serve(streams(DONE))).read() == ""


def test_a_stream_without_events(speaks: Speaks, serve: Serve) -> None:
    """The error of a stream that brought nothing offers no part of an answer."""
    with pytest.raises(StreamInterruptedError) as caught:
        speaks(serve(streams(b": hello\n\n")), max_retries=0).read()
    assert caught.value.partial is None
    assert "before any part of its answer" in str(caught.value)
    assert ".partial" not in str(caught.value)
    assert "base_url" in str(caught.value)


def test_only_a_finish_reason(speaks: Speaks, serve: Serve) -> None:
    """A stream with a finish reason alone is an empty answer."""
    assert speaks(serve(streams(choice(delta={}, finish_reason="stop")))).read() == ""


# ---------------------------------------------------------------------------------- fuzzing

REQUEST = chat_request_for(stream=True)


def read(chunks: list[bytes]) -> tuple[list[ChatEvent], str | None]:
    """Feed bytes to a reader; return its events and the text of its error."""
    reader = open_reader(REQUEST, SSE_HEADERS)
    events: list[ChatEvent] = []
    try:
        for chunk in chunks:
            events += reader.feed(chunk)
            if reader.is_done:
                break
        events += reader.close()
    except WorkersAIError as error:
        return events, repr(error)
    return events, None


stream_of = functools.cache(stream)
WHOLE = {name: read([stream_of(name)]) for name in stream_names()}


RECHUNKINGS = max(10_000 if "CI" in os.environ else 500, settings().max_examples)
"""How many times streams are cut: most often where nobody waits for it, and in `make fuzz`."""


@st.composite
def cuts(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Draw a fixture's stream, cut anywhere, with empty pieces among the others."""
    name = draw(st.sampled_from(sorted(WHOLE)))
    body = stream_of(name)
    places = sorted(draw(st.lists(st.integers(0, len(body)), max_size=40)))
    edges = [0, *places, len(body)]
    return name, [body[a:b] for a, b in itertools.pairwise(edges)]


@settings(deadline=None, max_examples=RECHUNKINGS)
@given(cuts())
def test_fuzz_rechunking_changes_nothing(cut: tuple[str, list[bytes]]) -> None:
    """Events and error of a stream do not depend on how it is cut."""
    name, chunks = cut
    assert read(chunks) == WHOLE[name]


def test_every_fixture_byte_by_byte() -> None:
    """A stream read byte by byte gives the events of the whole."""
    for name, whole in WHOLE.items():
        body = stream_of(name)
        assert read([body[i : i + 1] for i in range(len(body))]) == whole, name


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200)))
def test_fuzz_arbitrary_bytes(chunks: list[bytes]) -> None:
    """Any bytes give events or an error of the tree."""
    read(chunks)


MARKS = [
    b"data:", b"data: ", b"\n", b"\r", b"\n\n", b"\r\n\r\n", b"[DONE]", b"{", b"}", b"[", b"]",
    b'"', b":", b",", b"\\", b"\\ud83d", b"\\ude00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"\x00", b"1", b"1e9", b"-", b".", b"null", b"true",
]  # fmt: skip
NAMES = ("response", "choices", "delta", "content", "tool_calls", "function", "arguments", "index")
WORDS = [*MARKS, *(f'"{name}":'.encode() for name in (*NAMES, "error", "errors", "usage"))]


def test_ten_thousand_streams_of_rubbish() -> None:
    """Any mixture of fragments of streams gives events or an error of the tree."""
    chance = random.Random(0)
    for _ in range(RECHUNKINGS):
        words = chance.choices(WORDS, k=chance.randrange(1, 24))
        read([b"data: " + b"".join(words) + b"\n\n"])
        read([b"data: ", *words])


FIELDS = (
    "choices", "delta", "content", "response", "tool_calls", "function", "name", "arguments", "id",
    "index", "usage", "error", "errors", "success", "finish_reason", "message", "result", "text",
    "streamed_data", "reasoning", "reasoning_content", "logprobs", "refusal", "code", "model",
    "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "neurons",
)  # fmt: skip
SHAPED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), SHAPED), max_size=4))
def test_fuzz_events_of_any_shape(events: list[dict[str, Any]]) -> None:
    """Known fields with values of any type give events or an error of the tree."""
    read([b"data: " + json.dumps(fields).encode() + b"\n\n" for fields in events])


@settings(deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_fuzz_a_byte_that_flips(name: str, data: st.DataObject) -> None:
    """A fixture with one byte changed gives events or an error of the tree."""
    body = bytearray(stream_of(name))
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    read([bytes(body)])


@settings(deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_fuzz_a_stream_cut_short_never_succeeds_quietly(name: str, data: st.DataObject) -> None:
    """A fixture without its end gives the full answer or an error, never a shorter answer."""
    body = stream_of(name)
    events, error = read([body[: data.draw(st.integers(0, len(body)))]])
    if error is None:
        texts = [repr(found) for found in events if type(found).__name__ == "TextDelta"]
        whole = [repr(found) for found in WHOLE[name][0] if type(found).__name__ == "TextDelta"]
        assert texts == whole


def test_half_an_emoji_in_a_call() -> None:
    """Half an emoji in the arguments of a call becomes U+FFFD."""
    half = b'{"tool_calls":[{"name":"f","arguments":"{\\"x\\": \\"\\ud83d\\"}"}]}'
    events, error = read([b"data: " + half + b"\n\n" + DONE])
    finish = events[-1] if events else None
    assert error is None
    assert isinstance(finish, ChatFinish)
    assert [call.arguments for call in finish.tool_calls] == [{"x": "\ufffd"}]


def test_errors_of_the_tree_are_the_only_ones() -> None:
    """Every fixture of a broken stream raises an error of the tree."""
    assert {name for name, (_, error) in WHOLE.items() if error} >= {"unfinished", "nothing"}
    assert StreamInterruptedError.__name__ in str(WHOLE["unfinished"][1])
