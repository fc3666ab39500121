"""Results hold plain types: no number in place of text, no private subclass."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings

from tests.workersai.anything import ANYTHING
from tests.workersai.talking import chat_request_for
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
    WorkersAIError,
)
from workersai._response.chat import parse_chat
from workersai._response.reply import Reply
from workersai._stream.reader import open_reader

PLAIN, STREAMED = chat_request_for(), chat_request_for(stream=True)
HEADERS = {"content-type": "text/event-stream", "cf-ray": "ray-1", "cf-aig-log-id": "1"}

VALUES = [
    b"4", b"1.50", b"-0", b"12345678901234567890123", b"1e5", b"true", b"false", b"null",
    b'""', b'"a"', b'"\\ud83d"', b'"\\ude00b"', b'{"a":1.50}', b'{"\\ud83d":[]}', b"[1.0,null]",
    b"[]",
]  # fmt: skip
"""Documents a server could send where a text is due."""

TEXTS = {
    ChatResult: ("text", "reasoning", "model", "id", "request_id", "system_fingerprint"),
    ChatChoice: ("text", "reasoning", "finish_reason", "refusal"),
    ToolCall: ("id", "name"),
    InvalidToolCall: ("id", "name", "arguments", "error"),
    TextDelta: ("text",),
    ReasoningDelta: ("text",),
    ToolCallDelta: ("id", "name", "arguments"),
    ChatFinish: ("finish_reason", "model", "id", "refusal", "request_id", "system_fingerprint"),
}
"""The fields that are text, or text and `None`."""

MESSAGE = [
    b'"content":%s',
    b'"reasoning_content":%s',
    b'"reasoning":%s',
    b'"refusal":%s',
    b'"tool_calls":[{"id":%s,"index":0,"function":{"name":"f","arguments":"{}"}}]',
    b'"tool_calls":[{"id":"a","index":0,"function":{"name":%s,"arguments":"{}"}}]',
    b'"tool_calls":[{"id":"a","index":0,"function":{"name":"f","arguments":%s}}]',
    b'"tool_calls":[{"id":"a","index":0,"function":{"name":"f","parameters":%s}}]',
    b'"function_call":{"name":%s,"arguments":"{}"}',
    b'"function_call":{"name":"f","arguments":%s}',
]
CHOICE = [
    b'"finish_reason":%s',
    b'"text":%s',
    b'"logprobs":{"content":[{"token":%s,"logprob":-0.5}]}',
    b'"logprobs":{"content":[{"token":"a","logprob":%s,"bytes":%s,"top_logprobs":%s}]}',
    b'"logprobs":{"content":[{"token":"a","logprob":0,"top_logprobs":[{"token":%s}]}]}',
    b'"logprobs":{"tokens":[%s],"token_logprobs":[%s],"top_logprobs":[{"b":%s}]}',
]
TOP = [b'"model":%s', b'"id":%s', b'"system_fingerprint":%s']
NATIVE = [
    b'"response":%s',
    b'"response":"a","finish_reason":%s',
    b'"response":"a","reasoning":%s',
    b'"response":"a","reasoning_content":%s',
    b'"tool_calls":[{"name":%s,"arguments":{}}]',
    b'"tool_calls":[{"name":"f","arguments":%s}]',
    b'"tool_calls":[{"id":%s,"name":"f","arguments":{}}]',
]


def pair(level: str, template: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a plain answer and a stream event that hold the value at the same place."""
    field = template.replace(b"%s", value)
    if level == "native":
        return b"{%s}" % field, b"{%s}" % field
    inside = {"message": b"", "choice": b"", "top": b""} | {level: field}
    answers = []
    for name, rest in (b"message", b'"finish_reason":"stop",'), (b"delta", b""):
        message = inside["message"] or b'"content":"a"'
        body = b"" if inside["choice"].startswith(b'"text"') else b'"%s":{%s}' % (name, message)
        reason = b"" if b"finish_reason" in inside["choice"] else rest.strip(b",")
        choice = b",".join(filter(None, [b'"index":0', reason, body, inside["choice"]]))
        answers.append(
            b",".join(filter(None, [b'{"choices":[{%s}]' % choice, inside["top"]])) + b"}"
        )
    return answers[0], answers[1]


CASES = [
    *(("message", template) for template in MESSAGE),
    *(("choice", template) for template in CHOICE),
    *(("top", template) for template in TOP),
    *(("native", template) for template in NATIVE),
]


def plain(body: bytes) -> ChatResult:
    return parse_chat(Reply(200, HEADERS, body), PLAIN)


def streamed(*events: bytes) -> list[ChatEvent]:
    reader = open_reader(STREAMED, HEADERS)
    stop = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
    body = b"".join(b"data: %s\n\n" % event for event in (*events, stop, b"[DONE]"))
    return [*reader.feed(body), *reader.close()]


def values(found: Any) -> Iterator[Any]:
    """Return every value inside a result, itself included, except the parsed answer in `raw`."""
    yield found
    if dataclasses.is_dataclass(found):
        for field in dataclasses.fields(found):
            yield from values(getattr(found, field.name))
    elif isinstance(found, Mapping):
        for name, value in found.items():
            yield from values(name)
            yield from values(value)
    elif isinstance(found, (list, tuple)):
        for value in found:
            yield from values(value)


def check_types(found: Any) -> None:
    """Check that every text of a result is a `str` and valid UTF-8."""
    for value in values(found):
        if isinstance(value, str):
            assert type(value) is str
            value.encode()
        elif not dataclasses.is_dataclass(value):
            assert type(value) in {int, float, bool, type(None), list, dict, tuple}
        for name in TEXTS.get(type(value), ()):
            assert getattr(value, name) is None or type(getattr(value, name)) is str, name
    for tokens in (getattr(value, "logprobs", None) for value in values(found)):
        for token in tokens or ():
            assert type(token["token"]) is str


def joined(events: list[ChatEvent]) -> Any:
    """Return what a stream adds up to, in the fields of a plain answer."""
    finish = events[-1]
    assert isinstance(finish, ChatFinish)
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    thought = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    calls = (finish.tool_calls, [call.arguments for call in finish.invalid_tool_calls])
    tokens = [token for e in events if isinstance(e, TextDelta) for token in e.logprobs or ()]
    return text, thought, calls, finish.refusal, finish.model, finish.id, tokens


def said(result: ChatResult) -> Any:
    calls = (result.tool_calls, [call.arguments for call in result.invalid_tool_calls])
    return (
        result.text,
        result.reasoning,
        calls,
        result.refusal,
        result.model,
        result.id,
        result.logprobs or [],
    )


@pytest.mark.parametrize("value", VALUES, ids=ascii)
@pytest.mark.parametrize(("level", "template"), CASES, ids=lambda case: ascii(case)[2:50])
def test_every_text_is_a_plain_str_and_streams_agree(
    level: str, template: bytes, value: bytes
) -> None:
    """Every text field is a `str`, whatever the server sends, and the same in a stream.

    Ids of calls may differ, because they are made from the request, which is another.
    """
    body, event = pair(level, template, value)
    json.loads(body), json.loads(event)
    result, events = plain(body), streamed(event)
    check_types(result)
    check_types(events)

    def without_ids(found: Any) -> Any:
        text, thought, (valid, invalid), *rest = found
        return text, thought, [dataclasses.replace(c, id="") for c in valid], invalid, *rest

    assert without_ids(joined(events)) == without_ids(said(result))


@pytest.mark.parametrize("value", VALUES, ids=ascii)
@pytest.mark.parametrize("name", ["content", "reasoning_content", "reasoning", "refusal"])
def test_a_partial_answer_is_of_plain_types_too(name: str, value: bytes) -> None:
    """The partial answer in the error of a broken stream has plain types."""
    reader = open_reader(STREAMED, HEADERS)
    template = b'data: {"choices":[{"delta":{"content":"a","%s":%s}}]}\n\n'
    reader.feed(template % (name.encode(), value))
    with pytest.raises(WorkersAIError) as caught:
        reader.close()
    check_types(caught.value.partial)


@settings(max_examples=400)
@given(ANYTHING)
def test_no_answer_holds_another_type(value: Any) -> None:
    """Any JSON, plain or as an event, gives results of plain types and valid text."""
    body = json.dumps(value).encode()
    check_types(tried(plain, body))
    check_types(tried(streamed, body))


def tried(read: Callable[[bytes], Any], body: bytes) -> Any:
    """Return what a reader makes of a body: a result, or the partial answer in its error."""
    try:
        return read(body)
    except WorkersAIError as error:
        return error.partial
