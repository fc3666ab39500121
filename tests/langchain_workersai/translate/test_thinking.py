"""Reasoning between `<think>` tags with the option `think_tags`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.langchain_workersai.scripted import merged


@pytest.mark.parametrize("streamed", [False, True], ids=["invoke", "stream"])
def test_think_tags_become_reasoning(scripted: Any, wire: Any, streamed: bool) -> None:
    """With `think_tags`, plain and streamed answers have reasoning and text apart."""
    text = "<think>hm</think>Four"
    reply = wire.stream(text[:3], text[3:12], text[12:]) if streamed else wire.answer(text)
    llm, _ = scripted(reply, think_tags=True)
    message = merged(list(llm.stream("2+2"))) if streamed else llm.invoke("2+2")
    assert message.content == "Four"
    assert message.additional_kwargs["reasoning_content"] == "hm"
    assert [b["type"] for b in message.content_blocks] == ["reasoning", "text"]
    assert message.response_metadata["finish_reason"] == "stop"


async def test_async_think_tags_become_reasoning(scripted: Any, wire: Any) -> None:
    """`ainvoke` and `astream` remove think tags from the text."""
    llm, _ = scripted(wire.answer("<think>hm</think>Four"), wire.stream("<think>hm</think>Four"))
    llm.think_tags = True
    assert (await llm.ainvoke("2+2")).content == "Four"
    assert merged([c async for c in llm.astream("2+2")]).content == "Four"


def test_think_tags_stay_in_the_text_by_default(scripted: Any, wire: Any) -> None:
    """Without `think_tags` an answer keeps its think tags."""
    llm, _ = scripted(wire.answer("<think>hm</think>Four"))
    assert llm.invoke("2+2").content == "<think>hm</think>Four"
