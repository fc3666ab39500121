"""Reasoning between think tags, separated on request."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock

from llamaindex_workersai import WorkersAI
from tests.llamaindex_workersai.scripted import (
    COMPLETIONS,
    ENTRIES,
    REASONING_MODEL,
    Reply,
    Scripted,
    run,
)

HELLO = [ChatMessage(role="user", content="Hello?")]
TEXT = "<think>\nTwo and two.</think>\n\nFour, a < b, </b> and <thin air."


def model(text: str, piece: int = 4, **settings: Any) -> WorkersAI:
    script = Scripted(Reply(text, piece=piece))
    return WorkersAI(REASONING_MODEL, **{"think_tags": True, **script.connection, **settings})


def thought(message: ChatMessage) -> list[str | None]:
    return [block.content for block in message.blocks if isinstance(block, ThinkingBlock)]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("piece", [1, 3, 5, 1000])
async def test_think_tags_become_reasoning(entry: str, piece: int) -> None:
    """With `think_tags`, all four entry points separate the reasoning from the text."""
    responses = await run(model(TEXT, piece), entry, HELLO)
    last = responses[-1].message
    assert last.content == "Four, a < b, </b> and <thin air."
    assert thought(last) == ["Two and two."]
    if entry in ("stream_chat", "astream_chat"):
        assert "".join(response.delta for response in responses) == last.content
        deltas = [response.additional_kwargs.get("thinking_delta", "") for response in responses]
        assert "".join(deltas) == "Two and two."


@pytest.mark.parametrize("entry", ENTRIES)
async def test_the_last_response_has_the_held_back_text(entry: str) -> None:
    """The last response has the text that was held back as a possible tag."""
    for text, content, reasoning in (("a <thi", "a <thi", []), ("<think>hm</th", None, ["hm</th"])):
        responses = await run(model(text), entry, HELLO)
        assert responses[-1].message.content == content
        assert thought(responses[-1].message) == reasoning
        if entry in ("stream_chat", "astream_chat"):
            assert "".join(response.delta for response in responses) == (content or "")


@pytest.mark.parametrize("entry", COMPLETIONS)
async def test_completions_too(entry: str) -> None:
    """With `think_tags`, a completion's text has no reasoning."""
    last = (await run(model(TEXT), entry, "2+2?"))[-1]
    assert last.text == "Four, a < b, </b> and <thin air."
    assert last.additional_kwargs["thinking"] == "Two and two."


@pytest.mark.parametrize("entry", ENTRIES)
async def test_text_stays_text_unless_asked(entry: str) -> None:
    """Without `think_tags`, the text keeps its tags."""
    last = (await run(model(TEXT, think_tags=False), entry, HELLO))[-1]
    assert last.message.content == TEXT


@pytest.mark.parametrize("entry", ENTRIES)
async def test_reasoning_alone_stands_in_when_asked(entry: str) -> None:
    """`reasoning_as_text` also recovers an answer from reasoning between tags."""
    llm = model("<think>It is four.</think>", reasoning_as_text=True)
    assert (await run(llm, entry, HELLO))[-1].message.content == "It is four."
