"""Convert messages of this provider to LangChain's standard content blocks.

Blocks of a chunk have string indices with their own prefixes. LangChain merges blocks of equal
index, and numbers blocks without an index by position: with plain numbers, the text of an answer
and its first tool call would both become block 0, and the call would be lost.
"""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

from langchain_workersai._provider import PROVIDER


def translate_content(message: AIMessage) -> list[ContentBlock]:
    """Convert a whole message to reasoning, text, refusal and tool calls, in this order.

    Raises:
        NotImplementedError: For content that is already a list, which LangChain then converts.
    """
    if not isinstance(message.content, str):
        raise NotImplementedError
    blocks = _prose(message)
    blocks += [
        {"type": "tool_call", "name": call["name"], "args": call["args"], "id": call["id"]}
        for call in message.tool_calls
    ]
    return cast("list[ContentBlock]", blocks)


def translate_content_chunk(message: AIMessageChunk) -> list[ContentBlock]:
    """Convert a chunk to pieces of blocks, and a merged stream to a whole message.

    Raises:
        NotImplementedError: For content that is already a list, which LangChain then converts.
    """
    if message.chunk_position == "last" or not isinstance(message.content, str):
        return translate_content(message)
    blocks = _prose(message)
    for block in blocks:
        block["index"] = _INDEX[block["type"]]
    blocks += [
        {
            "type": "tool_call_chunk",
            "name": piece["name"],
            "args": piece["args"],
            "id": piece["id"],
            "index": f"lc_tc_{piece['index']}",
        }
        for piece in message.tool_call_chunks
    ]
    return cast("list[ContentBlock]", blocks)


_INDEX = {"reasoning": "lc_rs_0", "text": "lc_txt_0", "refusal": "lc_rf_0"}
"""One block each; pieces belong to the same block even if other blocks come in between."""


def _prose(message: AIMessage) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reasoning := message.additional_kwargs.get("reasoning_content"):
        blocks.append({"type": "reasoning", "reasoning": reasoning})
    if message.content:
        blocks.append({"type": "text", "text": message.content})
    if (refusal := message.additional_kwargs.get("refusal")) is not None:
        blocks.append({"type": "refusal", "refusal": refusal})
    return blocks


register_translator(PROVIDER, translate_content, translate_content_chunk)
