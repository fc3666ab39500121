"""Tool calls in fragments: complete calls are exact, and incomplete ones are never run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import DONE, EVENTS, event
from workersai import ResponseError, StreamInterruptedError, WorkersAIError

HOW = ("plain", "stream")
ARGUMENTS = {
    "city": 'Zürich "ZH"\n\\ 漢字 👩\u200d🔬',
    "days": [1, 2.5, None],
    "deep": {"x": {"y": ""}},
}
TEXT = json.dumps(ARGUMENTS, ensure_ascii=False)
OTHER = {"a": 1, "b": 10**20}


def piece(index: int, arguments: Any = None, name: str | None = None, **rest: Any) -> bytes:
    """Return a chunk with a fragment of a call."""
    function = {"name": name, "arguments": arguments}
    present = {key: value for key, value in function.items() if value is not None}
    return choice({"tool_calls": [{"index": index, "function": present, **rest}]})


def choice(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return event(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def cut_up(text: str, count: int) -> list[str]:
    """Cut a text into pieces."""
    size = max(len(text) // count, 1)
    return [text[i : i + size] for i in range(0, len(text), size)]


LAST = choice({}, "tool_calls") + DONE
FIRST = ("get_weather", ARGUMENTS)
SECOND = ("add", OTHER)
PIECES = cut_up(TEXT, 50)
INTERLEAVED = [
    piece(index, text, id=None)
    for pair in zip(cut_up(TEXT, 25), cut_up(json.dumps(OTHER), 25), strict=False)
    for index, text in enumerate(pair)
]
TAILS = [
    piece(0, "".join(cut_up(TEXT, 25)[len(INTERLEAVED) // 2 :])),
    piece(1, "".join(cut_up(json.dumps(OTHER), 25)[len(INTERLEAVED) // 2 :])),
]
WHOLE: dict[str, tuple[list[bytes], list[tuple[str, Any]]]] = {
    "fifty fragments": (
        [piece(0, "", "get_weather", id="1"), *(piece(0, text) for text in PIECES)],
        [FIRST],
    ),
    "two calls interleaved": (
        [piece(0, "", "get_weather", id="1"), piece(1, "", "add", id="2"), *INTERLEAVED, *TAILS],
        [FIRST, SECOND],
    ),
    "a late id": (
        [piece(0, TEXT[:9], "get_weather"), piece(0, TEXT[9:], id="1")],
        [FIRST],
    ),
    "a new id for every fragment": (
        [
            piece(0, "", "get_weather", id="1"),
            *(piece(0, part, id=f"new{n}") for n, part in enumerate((TEXT[:9], "", TEXT[9:]))),
            piece(0, "", id="last"),
        ],
        [FIRST],
    ),
    "the whole message after its pieces": (
        [
            piece(0, TEXT, "get_weather", id="1"),
            event(
                choices=[
                    {
                        "index": 0,
                        "message": {
                            "content": None,
                            "tool_calls": [
                                {"id": "1", "function": {"name": "get_weather", "arguments": TEXT}}
                            ],
                        },
                        "finish_reason": "tool_calls",
                    }
                ]
            ),
        ],
        [FIRST],
    ),
    "a null finaliser": (
        [
            piece(0, TEXT, "get_weather", id="1"),
            choice({"tool_calls": [{"index": 0, "id": None, "function": {"arguments": None}}]}),
            choice({"content": None, "tool_calls": None}),
        ],
        [FIRST],
    ),
    "arguments as an object": ([piece(0, ARGUMENTS, "get_weather", id="1")], [FIRST]),
    "native": (
        [event(response="", tool_calls=[{"name": "get_weather", "arguments": ARGUMENTS}])],
        [FIRST],
    ),
    "no arguments": ([piece(0, "", "now", id="1")], [("now", {})]),
}


@pytest.mark.parametrize("case", WHOLE)
def test_whole_calls_are_exact(speaks: Speaks, serve: Serve, case: str) -> None:
    """However a call is cut, its arguments and its position are exact."""
    chunks, expected = WHOLE[case]
    body = b"".join(chunks) + LAST
    server = serve(lambda peer, _: peer.stream(body))
    assert speaks(server).calls("stream") == (expected, [])


PLAIN: dict[str, Any] = {
    "a text": json.dumps({"x": 1, "y": "é"}),
    "an object": {"x": 1, "y": "é"},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("form", PLAIN)
def test_whole_calls_of_a_plain_answer(speaks: Speaks, serve: Serve, form: str, how: str) -> None:
    """Arguments are text or an object, and several calls keep their order."""
    calls = [
        {"id": str(n), "type": "function", "function": {"name": f"f{n}", "arguments": PLAIN[form]}}
        for n in range(3)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    answer = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    server = serve(lambda peer, _: peer.answer(json.dumps(answer).encode()))
    assert speaks(server).calls(how) == ([(f"f{n}", {"x": 1, "y": "é"}) for n in range(3)], [])


CUTS = (1, 9, len(TEXT) - 1)


@pytest.mark.parametrize("at", CUTS)
def test_call_that_the_cap_cut_off(speaks: Speaks, serve: Serve, at: int) -> None:
    """A call that ends with `length` is invalid, even if a lenient parser could read it."""
    body = piece(0, TEXT[:at], "get_weather", id="1") + choice({}, "length") + DONE
    server = serve(lambda peer, _: peer.stream(body))
    assert speaks(server).calls("stream") == ([], ["get_weather"])


@pytest.mark.parametrize("at", CUTS)
def test_call_that_the_cap_cut_off_plain(speaks: Speaks, serve: Serve, at: int) -> None:
    """The same holds in a plain answer."""
    function = {"name": "get_weather", "arguments": TEXT[:at]}
    message = {"tool_calls": [{"id": "1", "type": "function", "function": function}]}
    answer = {"choices": [{"message": message, "finish_reason": "length"}]}
    server = serve(lambda peer, _: peer.answer(json.dumps(answer).encode()))
    assert speaks(server).calls("plain") == ([], ["get_weather"])


@pytest.mark.parametrize("arguments", ['{"x":', "{} {}", "[1]", '"x"', "nonsense", '{"x":1}}'])
def test_arguments_that_are_no_object(speaks: Speaks, serve: Serve, arguments: str) -> None:
    """Arguments that are no JSON object make a call invalid, whatever the finish reason is."""
    body = piece(0, arguments, "f", id="1") + LAST
    server = serve(lambda peer, _: peer.stream(body))
    assert speaks(server).calls("stream") == ([], ["f"])


@pytest.mark.parametrize("at", CUTS[1:])
@pytest.mark.parametrize("ending", ["clean", "cut", "reset"])
def test_call_that_the_network_cut_off(speaks: Speaks, serve: Serve, at: int, ending: str) -> None:
    """A stream that breaks inside a call raises, and its partial answer has no valid call."""

    def script(peer: Any, seen: Any) -> None:
        peer.begin()
        peer.chunk(EVENTS[0] + piece(0, TEXT[:at], "get_weather", id="1"))
        if ending == "clean":
            peer.end()
        else:
            scripts.break_off(peer, reset=ending == "reset")

    server = serve(script)
    with pytest.raises((StreamInterruptedError, ResponseError)) as caught:
        speaks(server).calls("stream")
    assert_not_to_run(caught.value)
    assert len(server.requests) == 1


def assert_not_to_run(error: WorkersAIError) -> None:
    assert error.partial is not None
    assert calls_of(error.partial) == ([], ["get_weather"])


def calls_of(partial: Any) -> tuple[list[str], list[str]]:
    """Return the names of the valid and the invalid calls, in the form of each face."""
    if isinstance(partial, ChatResponse):
        blocks = [block for block in partial.message.blocks if isinstance(block, ToolCallBlock)]
        invalid = partial.message.additional_kwargs.get("invalid_tool_calls", [])
        return [block.tool_name for block in blocks], [call["name"] for call in invalid]
    if isinstance(partial, AIMessage):
        names = [call["name"] for call in partial.invalid_tool_calls]
        return [call["name"] for call in partial.tool_calls], [str(name) for name in names]
    return (
        [call.name for call in partial.tool_calls],
        [call.name for call in partial.invalid_tool_calls],
    )
