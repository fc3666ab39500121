"""Plain chat answers in every shape are read into a `ChatResult`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from tests.workersai.anything import ANYTHING
from tests.workersai.talking import SECRETS, TOKEN, UNKNOWN, answer, chat_request_for
from workersai import (
    APIStatusError,
    ChatChoice,
    ChatResult,
    InvalidToolCall,
    OutOfCapacityError,
    ResponseError,
    ToolCall,
    Usage,
    WorkersAIError,
)
from workersai._response.chat import parse_chat
from workersai._response.reply import Reply

REQUEST = chat_request_for()


def parsed(body: bytes, status: int = 200) -> ChatResult:
    headers = {"cf-ray": "ray-1", "content-type": "application/json"}
    return parse_chat(Reply(status, headers, body, SECRETS), REQUEST)


def result(choice: ChatChoice, usage: Usage | None = None) -> ChatResult:
    return ChatResult((choice,), usage, model=UNKNOWN, request_id="ray-1")


SPENT = Usage(7, 3, 10)


def served(choice: ChatChoice, usage: Usage | None = SPENT) -> ChatResult:
    return replace(result(choice, usage), model="@cf/test/served", id="chat-1")


def made_id(index: int) -> str:
    return f"call_{REQUEST.call_seed()}{index}"


HELLO = ChatChoice(text="Hello", finish_reason="stop")
SUM = {"a": 1, "b": 2}
BERN = {"city": "Bern"}

EXPECTED: dict[str, ChatResult] = {
    # Native: `response` as text, null, object, array, number, missing; calls with object arguments.
    "native_text": result(ChatChoice(text="Hello"), Usage(10, 2, 12)),
    "native_calls": result(
        ChatChoice(
            tool_calls=(
                ToolCall(made_id(0), "get_weather", {"city": "Zürich"}),
                ToolCall(made_id(1), "add", SUM),
            )
        ),
        Usage(8, 4, 12),
    ),
    "native_object": result(
        ChatChoice(text='{"action": "click", "target": "r4", "value": null}'),
        Usage(300, 20, 320, neurons=5.9),
    ),
    "native_object_numbers": result(
        ChatChoice(text='{"price": 1.50, "big": 12345678901234567890123, "n": [1e2, -0.0]}')
    ),
    "native_array": result(ChatChoice(text='["a", 1]')),
    "native_number": result(ChatChoice(text="1.50"), Usage(1, 1, 2)),
    "native_empty": result(ChatChoice()),
    "native_missing_response": result(ChatChoice(), Usage(4, 0, 4)),
    "native_call_as_response": result(
        ChatChoice(tool_calls=(ToolCall(made_id(0), "get_weather", BERN),))
    ),
    "native_unwrapped": result(ChatChoice(text="Hello"), Usage(10, 2, 12)),
    "plain_string": ChatResult((ChatChoice(text="Hello"),), request_id="ray-1"),
    "plain_string_bare": ChatResult((ChatChoice(text="Hello"),), request_id="ray-1"),
    # Chat completions, in `result` and bare.
    "completion_in_result": served(
        HELLO, Usage(147, 16, 163, cached_tokens=40, reasoning_tokens=5, neurons=1.7727)
    ),
    "completion_bare": served(HELLO),
    "completion_calls": served(
        ChatChoice(
            tool_calls=(
                ToolCall("chatcmpl-tool-1", "add", SUM),
                ToolCall("chatcmpl-tool-2", "get_weather", BERN),
            ),
            finish_reason="tool_calls",
        )
    ),
    "completion_twice_encoded": served(
        ChatChoice(tool_calls=(ToolCall("t1", "get_weather", BERN),), finish_reason="tool_calls")
    ),
    "completion_ids": served(
        ChatChoice(
            tool_calls=(
                ToolCall(made_id(0), "now", {}),
                ToolCall(made_id(1), "now", {}),
                ToolCall("same", "now", {}),
                ToolCall(made_id(3), "now", {}),
                ToolCall(made_id(4), "now", {}),
            ),
            finish_reason="tool_calls",
        )
    ),
    "completion_function_call": served(
        ChatChoice(tool_calls=(ToolCall(made_id(0), "add", SUM),), finish_reason="function_call")
    ),
    "completion_null_calls": served(HELLO),
    "completion_reasoning_both": served(
        ChatChoice(text="Yes", reasoning="Hm.", finish_reason="stop")
    ),
    "completion_reasoning": served(ChatChoice(text="Yes", reasoning="Hm.", finish_reason="stop")),
    "completion_reasoning_content": served(
        ChatChoice(text="Yes", reasoning="Hm.", finish_reason="stop")
    ),
    "completion_budget_spent": result(
        ChatChoice(reasoning="Let me", finish_reason="length"), Usage(40, 400, 440, neurons=15.2)
    ),
    "completion_number": result(ChatChoice(text="1.50", finish_reason="stop")),
    "completion_choices": replace(
        served(ChatChoice(text="one", finish_reason="stop")),
        choices=(
            ChatChoice(text="one", finish_reason="stop"),
            ChatChoice(index=1, text="two", finish_reason="length"),
        ),
    ),
    "completion_logprobs": served(
        ChatChoice(
            text="a",
            finish_reason="stop",
            logprobs=[{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}],
        )
    ),
    "completion_refusal": served(ChatChoice(refusal="I cannot.", finish_reason="stop")),
    "completion_no_usage": result(ChatChoice(text="Hello")),
    "text_completion": replace(
        served(ChatChoice(text="Once more", finish_reason="stop"), Usage(2, 2, 4)), id="cmpl-1"
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_shape_is_one_result(name: str) -> None:
    """Native, completion, text completion and plain answers, wrapped or not, give one result."""
    assert parsed(answer(name)) == EXPECTED[name]


def test_a_cut_call_is_not_to_run() -> None:
    """A call whose arguments the token cap cut is in `invalid_tool_calls` only."""
    found = parsed(answer("completion_cut_call"))
    assert found.tool_calls == ()
    (call,) = found.invalid_tool_calls
    assert (call.id, call.name, call.arguments) == ("a", "add", '{"a": 1, "b')
    assert "cut off by the token cap" in call.error
    assert found.finish_reason == "length"


def test_calls_to_run_and_calls_not_to_run_are_parted() -> None:
    """One invalid call does not make the others invalid."""
    found = parsed(answer("completion_bad_calls"))
    assert found.tool_calls == (ToolCall("c", "now", {}),)
    assert found.invalid_tool_calls == (
        InvalidToolCall("a", "add", "[1]", "the arguments are not a JSON object but list"),
        InvalidToolCall("b", "", "{}", "the call has no name"),
    )


def test_made_ids_are_the_same_for_the_same_request_and_differ_between_turns() -> None:
    """A replay of a conversation has the same ids of calls, and no two turns share an id."""

    def first_id(request: Any) -> str:
        return parse_chat(Reply(200, {}, answer("native_calls")), request).tool_calls[0].id

    other = chat_request_for(messages=[{"role": "user", "content": "Another turn"}])
    assert first_id(REQUEST) == first_id(chat_request_for())
    assert first_id(REQUEST) != first_id(other)


def test_an_object_that_names_no_offered_tool_is_text() -> None:
    """Text counts as a call only if it names a tool of the request."""
    request = chat_request_for(tools=())
    found = parse_chat(Reply(200, {}, answer("native_call_as_response")), request)
    assert found.text == '{"name": "get_weather", "arguments": {"city": "Bern"}}'
    assert found.tool_calls == ()


def test_the_raw_answer_is_kept() -> None:
    """Users can read fields that the package does not read in `raw`."""
    found = parsed(answer("completion_null_calls"))
    assert found.raw["choices"][0]["stop_reason"] == 106
    assert "raw" not in repr(found)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        pytest.param(b"", ResponseError, "not JSON", id="empty"),
        pytest.param(b"<html>", ResponseError, "not JSON", id="html"),
        pytest.param(b'{"result":{"response":"a', ResponseError, "not JSON", id="cut"),
        pytest.param(b'"\xff"', ResponseError, "not JSON", id="not UTF-8"),
        pytest.param(
            b'{"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
            ResponseError,
            "not JSON",
            id="deep",
        ),
        pytest.param(
            b'{"result":{},"success":true}', ResponseError, "empty result", id="empty result"
        ),
        pytest.param(
            b'{"result":null,"success":true}', ResponseError, "empty result", id="null result"
        ),
        pytest.param(b'{"choices":[]}', ResponseError, "unknown shape", id="no choices"),
        pytest.param(
            b'{"choices":[{"message":"Hi"}]}', ResponseError, "message is str", id="no message"
        ),
        pytest.param(
            b'{"choices":[],"usage":{}}', ResponseError, "empty list of choices", id="no choice"
        ),
        pytest.param(b'{"choices":[5]}', ResponseError, "choices[0] is int", id="odd choice"),
        pytest.param(b'{"answer":"a"}', ResponseError, "unknown shape", id="unknown"),
        pytest.param(
            b'{"response":"a","tool_calls":5}', ResponseError, "'tool_calls' as int", id="odd calls"
        ),
        pytest.param(b"null", ResponseError, "answered with None", id="null"),
        pytest.param(b"true", ResponseError, "answered with True", id="boolean"),
        pytest.param(b"0", ResponseError, "answered with 0", id="number"),
        pytest.param(b"[]", ResponseError, "answered with []", id="empty list"),
        pytest.param(b'["Hi"]', ResponseError, "answered with ['Hi']", id="list"),
        pytest.param(b'""', ResponseError, "answered with ''", id="empty text"),
        pytest.param(b'{"result":[]}', ResponseError, "empty result", id="empty list as result"),
        pytest.param(b'{"result":""}', ResponseError, "empty result", id="empty text as result"),
        pytest.param(b'{"result":["Hi"]}', ResponseError, "with ['Hi'] in place", id="list result"),
        pytest.param(
            b'{"success":false,"result":{},"errors":[{"code":3040,"message":"busy"}]}',
            OutOfCapacityError,
            "busy",
            id="error with status 200",
        ),
        pytest.param(
            b'{"error":{"message":"bad","code":"invalid_prompt"}}',
            APIStatusError,
            "bad",
            id="OpenAI error with status 200",
        ),
    ],
)
def test_what_cannot_be_read_raises(body: bytes, error: type[WorkersAIError], says: str) -> None:
    """A body that is no answer raises instead of giving an empty result."""
    with pytest.raises(error) as caught:
        parsed(body)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        TOKEN.encode(),
        b"x" * 110 + TOKEN.encode(),
        json.dumps({TOKEN: 1}).encode(),
        json.dumps({"x" * 5_000: 1, "\x1b": 2}).encode(),
    ],
    ids=["text", "at the cut", "field", "long"],
)
def test_the_quote_of_an_unreadable_answer_is_short(body: bytes) -> None:
    """The quote in the error is short, escaped and without the token."""
    with pytest.raises(ResponseError) as caught:
        parsed(body)
    assert TOKEN[:8] not in str(caught.value)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 307])
def test_an_error_status_raises_whatever_the_body_says(status: int) -> None:
    """An error status raises even if the body looks like an answer."""
    with pytest.raises(APIStatusError) as caught:
        parsed(answer("native_text"), status)
    assert caught.value.status_code == status


def test_unicode_line_separators_are_text() -> None:
    """U+2028, U+2029 and U+0085 stay in the text."""
    body = json.dumps({"response": "a\u2028b\u2029c\u0085d"}, ensure_ascii=False).encode()
    assert parsed(body).text == "a\u2028b\u2029c\u0085d"


def test_an_emoji_of_two_escapes_is_one_character() -> None:
    """Two JSON escapes of a surrogate pair become one character."""
    assert parsed(b'{"response":"\\ud83d\\ude00"}').text == "\U0001f600"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'"Hi"', "Hi"),
        (b'{"result":"Hi"}', "Hi"),
        (b'{"result":1.50}', "1.50"),
        (b'{"result":true,"success":true}', "true"),
        (b'{"result":0}', "0"),
    ],
)
def test_a_scalar_in_the_place_of_an_answer(body: bytes, text: str) -> None:
    """In the envelope a scalar is text that was sent unquoted; without it only a string counts."""
    assert parsed(body).text == text


def test_half_an_emoji_is_a_replacement_character() -> None:
    """Half a surrogate pair becomes U+FFFD; the rest of the answer is kept."""
    assert parsed(b'{"response":"Hi \\ud83d"}').text == "Hi \ufffd"


@settings(max_examples=400)
@given(ANYTHING)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """Any JSON gives a result of valid text, or raises a package error."""
    try:
        found = parsed(json.dumps(value).encode())
    except WorkersAIError:
        return
    for choice in found.choices:
        choice.text.encode()
        choice.reasoning.encode()


@pytest.mark.parametrize(
    ("name", "neurons"),
    [("native_text", 1.98), ("native_array", 1.98)],
    ids=str,
)
def test_neurons_of_the_header(name: str, neurons: float) -> None:
    """The header's cost is used if the body has no neurons."""
    headers = {"cf-ai-neurons": "1.98"}
    found = parse_chat(Reply(200, headers, answer(name), SECRETS), REQUEST)
    assert found.usage is not None
    assert found.usage.neurons == neurons
    assert replace(found.usage, neurons=None) == (EXPECTED[name].usage or Usage())
