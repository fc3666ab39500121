"""Messages of this provider -> LangChain's standard content blocks.

Blocks of a chunk carry a string index of a namespace of their own. LangChain merges blocks of
equal index, and numbers those without one by position: with plain numbers, the text of an
answer and its first tool call both become block 0, and the call is lost.
"""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

from langchain_workersai._provider import PROVIDER


def translate_content(message: AIMessage) -> list[ContentBlock]:
    """Read a whole message as reasoning, text, refusal and tool calls, in this order.

    Raises:
        NotImplementedError: For content that is already a list, which LangChain then reads.
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
    """Read a chunk as pieces of blocks, and a merged stream as a whole message.

    Raises:
        NotImplementedError: For content that is already a list, which LangChain then reads.
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
"""One block each: what comes in pieces between the others still belongs together."""


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
