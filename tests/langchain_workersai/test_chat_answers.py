"""Whole answers of `ChatWorkersAI`."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.callbacks import (
    get_usage_metadata_callback,
)
from langchain_core.messages import AIMessageChunk, HumanMessage

import langchain_workersai as face
from tests.langchain_workersai.scripted import GRANITE, merged


def test_an_answer_has_text_usage_and_metadata(scripted: Any, wire: Any) -> None:
    """An answer has text, token counts with details, and the server's metadata."""
    llm, _ = scripted(wire.answer("Hello", reasoning_content="hm"))
    message = llm.invoke("hi")
    assert message.content == "Hello"
    assert message.additional_kwargs["reasoning_content"] == "hm"
    assert message.usage_metadata == {
        "input_tokens": 5,
        "output_tokens": 7,
        "total_tokens": 12,
        "input_token_details": {"cache_read": 3},
        "output_token_details": {"reasoning": 2},
    }
    metadata = message.response_metadata
    assert metadata["model_name"] == GRANITE
    assert metadata["model_provider"] == "workersai"
    assert metadata["finish_reason"] == "stop"
    assert metadata["id"] == "chat-1"
    assert metadata["neurons"] == [0.5]
    assert metadata["token_usage"]["total_tokens"] == 12


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_plain_and_streamed_answers_agree(scripted: Any, wire: Any, streamed: bool) -> None:
    """Plain and streamed messages have the same content, reasoning, calls, usage and finish."""
    call = wire.call("f", '{"a": 1}')
    answer = wire.answer("Hello", reasoning_content="hm", tool_calls=[call], finish="tool_calls")
    events = wire.stream(
        {"role": "assistant", "content": ""},
        {"reasoning_content": "h"},
        {"reasoning_content": "m"},
        "Hel",
        "lo",
        {"tool_calls": [wire.call("f", "")]},
        {"tool_calls": [wire.call(None, '{"a"', None)]},
        {"tool_calls": [wire.call(None, ": 1}", None)]},
        finish="tool_calls",
    )
    llm, _ = scripted(events if streamed else answer)
    message = merged(list(llm.stream("hi"))) if streamed else llm.invoke("hi")
    assert message.content == "Hello"
    assert message.additional_kwargs == {"reasoning_content": "hm"}
    assert [(c["name"], c["args"], c["id"]) for c in message.tool_calls] == [("f", {"a": 1}, "c1")]
    assert message.usage_metadata
    assert message.usage_metadata["total_tokens"] == 12
    for key, value in (
        ("finish_reason", "tool_calls"),
        ("neurons", [0.5]),
        ("model_name", GRANITE),
    ):
        assert message.response_metadata[key] == value
    assert [b["type"] for b in message.content_blocks] == ["reasoning", "text", "tool_call"]


def test_text_beside_tool_calls_is_kept(scripted: Any, wire: Any) -> None:
    """An answer keeps its text beside tool calls."""
    llm, _ = scripted(wire.answer("Let me look.", tool_calls=[wire.call()]))
    message = llm.invoke("hi")
    assert message.content == "Let me look."
    assert len(message.tool_calls) == 1


def test_unreadable_arguments_are_invalid_calls(scripted: Any, wire: Any) -> None:
    """Arguments that are not a JSON object become an invalid call, which cannot be run."""
    llm, _ = scripted(wire.answer("", tool_calls=[wire.call("f", '{"a": ')]))
    message = llm.invoke("hi")
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    assert (invalid["name"], invalid["args"]) == ("f", '{"a": ')
    assert invalid["error"]


def test_json_text_without_tools_stays_text(scripted: Any, wire: Any) -> None:
    """ChatWorkersAI keeps JSON in the text as text, even if it looks like a tool call."""
    text = '{"name": "Bob", "arguments": {"a": 1}}'
    llm, _ = scripted(wire.answer(text))
    message = llm.invoke("hi")
    assert message.content == text
    assert message.tool_calls == []


def test_several_answers(scripted: Any, wire: Any) -> None:
    """With `n` each choice is a generation and only the first has the usage."""
    llm, server = scripted(wire.answer("a", "b"), n=2)
    result = llm.generate([[HumanMessage("hi")]])
    assert server.body["n"] == 2
    assert [g.text for g in result.generations[0]] == ["a", "b"]
    usages = [g.message.usage_metadata for g in result.generations[0]]
    assert usages[0]["total_tokens"] == 12
    assert usages[1] is None
    names = [g.message.response_metadata["model_name"] for g in result.generations[0]]
    assert names == [GRANITE, GRANITE]


def test_several_answers_cannot_be_streamed(scripted: Any, wire: Any) -> None:
    """`stream` raises ConfigurationError for `n` above 1, because a stream has one answer."""
    llm, server = scripted(wire.stream("a"), n=2)
    with pytest.raises(face.ConfigurationError, match="n"):
        list(llm.stream("hi"))
    assert server.requests == []


def test_counts_of_several_prompts_are_added(scripted: Any, wire: Any) -> None:
    """`generate` adds the counts of several prompts, nested details included."""
    llm, _ = scripted(wire.answer("a"))
    result = llm.generate([[HumanMessage("a")], [HumanMessage("b")]])
    usage = result.llm_output["token_usage"]
    assert usage["total_tokens"] == 24
    assert usage["prompt_tokens_details"] == {"cached_tokens": 6}
    assert result.llm_output["neurons"] == 1.0
    assert result.llm_output["model_name"] == GRANITE


@pytest.mark.parametrize("tokens", [True, False], ids=["tokens", "cost alone"])
def test_messages_of_several_calls_add_up(scripted: Any, wire: Any, tokens: bool) -> None:
    """Messages and chunks of several calls add up, with token counts or with the cost alone."""
    answers = [wire.answer("a"), wire.answer("b")]
    for answer, neurons in zip(answers, (0.5, 0.75), strict=True):
        answer["usage"] = {**(wire.usage if tokens else {}), "neurons": neurons}
    llm, _ = scripted(*answers, wire.stream("c"))
    total = AIMessageChunk(content="")
    for message in (llm.invoke("hi"), llm.invoke("hi")):
        kept = message.model_dump(exclude={"type", "tool_calls", "invalid_tool_calls"})
        total = total + AIMessageChunk(**kept)
    for chunk in llm.stream("hi"):
        total = total + chunk
    assert total.text == "abc"
    assert total.response_metadata["neurons"] == [0.5, 0.75, 0.5]


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_usage_callback_sees_the_usage(scripted: Any, wire: Any, streamed: bool) -> None:
    """LangChain's usage callback counts plain and streamed calls."""
    llm, _ = scripted(wire.stream("a") if streamed else wire.answer("a"))
    with get_usage_metadata_callback() as callback:
        _ = list(llm.stream("hi")) if streamed else llm.invoke("hi")
    assert callback.usage_metadata[GRANITE]["total_tokens"] == 12
