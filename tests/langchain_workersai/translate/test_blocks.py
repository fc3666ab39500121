"""Standard content blocks of this provider's messages."""

from __future__ import annotations

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import get_translator

from langchain_workersai._translate import blocks
from langchain_workersai._translate.chunks import ChunkStream
from workersai import ChatEvent, ChatFinish, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta

METADATA = {"model_provider": "workersai"}


def test_the_translator_is_registered_for_the_provider() -> None:
    """LangChain finds the translator by the provider in the message's metadata."""
    translator = get_translator("workersai")
    assert translator is not None
    assert translator["translate_content"] is blocks.translate_content


def test_a_message_reads_as_reasoning_text_refusal_and_calls() -> None:
    """A message has its blocks in the order reasoning, text, refusal, calls."""
    message = AIMessage(
        "4",
        additional_kwargs={"reasoning_content": "2+2", "refusal": "no"},
        tool_calls=[{"name": "f", "args": {"a": 1}, "id": "c"}],
        response_metadata=METADATA,
    )
    assert message.content_blocks == [
        {"type": "reasoning", "reasoning": "2+2"},
        {"type": "text", "text": "4"},
        {"type": "refusal", "refusal": "no"},
        {"type": "tool_call", "name": "f", "args": {"a": 1}, "id": "c"},
    ]


def test_blocks_of_chunks_have_indices_of_their_own() -> None:
    """Text, reasoning and each call have a string index, so that no two of them merge."""
    stream = ChunkStream(model="m")
    events: list[ChatEvent] = [
        ReasoningDelta("r"),
        TextDelta("t"),
        ToolCallDelta(1, "c", "f", "{}"),
    ]
    chunks = [chunk.message for event in events for chunk in stream.feed(event)]
    assert [m.content_blocks[0]["index"] for m in chunks] == ["lc_rs_0", "lc_txt_0", "lc_tc_1"]


def test_list_content_is_kept() -> None:
    """A message whose content is already a list of blocks keeps these blocks."""
    message = AIMessage([{"type": "text", "text": "a"}], response_metadata=METADATA)
    assert message.content_blocks == [{"type": "text", "text": "a"}]


def test_a_merged_stream_reads_as_the_whole_message() -> None:
    """A merged stream has the same content blocks as the plain answer."""
    stream = ChunkStream(model="m")
    events: list[ChatEvent] = [
        ReasoningDelta("r"),
        TextDelta("t"),
        ToolCallDelta(0, "c", "f", "{}"),
        TextDelta("u"),
        ChatFinish("tool_calls", tool_calls=(ToolCall("c", "f", {}),)),
    ]
    first, *rest = [chunk.message for event in events for chunk in stream.feed(event)]
    assert isinstance(first, AIMessageChunk)
    assert (first + rest).content_blocks == [
        {"type": "reasoning", "reasoning": "r"},
        {"type": "text", "text": "tu"},
        {"type": "tool_call", "name": "f", "args": {}, "id": "c"},
    ]
