"""Messages: LlamaIndex chat messages -> wire messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    MessageRole,
    ThinkingBlock,
    ToolCallBlock,
)

from workersai import WireFunctionCall, WireMessage, WireToolCall

_Role = Literal["system", "user", "assistant", "tool"]
_ROLES: dict[MessageRole, _Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}

Parts = Callable[[ContentBlock], list[dict[str, Any]]]
WireName = Callable[[str], str]


def to_wire_messages(
    messages: Sequence[ChatMessage], *, to_parts: Parts, wire_name: WireName
) -> list[WireMessage]:
    """Write a conversation; reads messages that other providers' classes made as well.

    Images, audio and files are only understood in user messages: those of any other message,
    such as a tool's result, follow it in a user message of their own.

    Args:
        messages: Stay as they are.
        to_parts: Writes one content block.
        wire_name: Writes a tool's name.

    Raises:
        ConfigurationError: A block that no Workers AI model takes.
    """
    wire: list[WireMessage] = []
    attached: list[dict[str, Any]] = []
    for position, message in enumerate(messages):
        role = _ROLES[message.role]
        if attached and role != "tool":
            wire.append({"role": "user", "content": attached})
            attached = []
        parts = [part for block in message.blocks for part in to_parts(block)]
        if role != "user":
            parts, media = _without_media(parts)
            attached += _attachment(message, media)
        wire.append(_message(role, message, parts))
        if role == "assistant":
            _add_assistant(wire[-1], message, position, wire_name)
    return [*wire, {"role": "user", "content": attached}] if attached else wire


def _message(role: _Role, message: ChatMessage, parts: list[dict[str, Any]]) -> WireMessage:
    wire: WireMessage = {"role": role, "content": _content(parts)}
    if role == "tool":
        wire["tool_call_id"] = str(message.additional_kwargs.get("tool_call_id") or "")
    if name := message.additional_kwargs.get("name"):
        wire["name"] = str(name)
    return wire


def _add_assistant(
    wire: WireMessage, message: ChatMessage, position: int, wire_name: WireName
) -> None:
    if calls := list(_tool_calls(message, position, wire_name)):
        wire["tool_calls"] = calls
    if reasoning := _reasoning(message):
        wire["reasoning"] = reasoning


def _content(parts: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Join text as `ChatMessage.content` does; anything else stays a list of parts."""
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _without_media(
    parts: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    text = [part for part in parts if part["type"] == "text"]
    return text, [part for part in parts if part["type"] != "text"]


def _attachment(message: ChatMessage, media: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not media:
        return []
    call_id = message.additional_kwargs.get("tool_call_id")
    source = f"tool call {call_id}" if call_id else f"the {message.role.value} message above"
    return [{"type": "text", "text": f"Attached to {source}:"}, *media]


def _reasoning(message: ChatMessage) -> str:
    return "".join(
        block.content or "" for block in message.blocks if isinstance(block, ThinkingBlock)
    )


def _tool_calls(message: ChatMessage, position: int, wire_name: WireName) -> Iterator[WireToolCall]:
    """Write the calls of the blocks, then those that only the older convention holds."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    known = {block.tool_call_id for block in blocks}
    for place, block in enumerate(blocks):
        call_id = block.tool_call_id or f"call_{position}_{place}"
        yield _tool_call(call_id, wire_name(block.tool_name), block.tool_kwargs)
    for place, entry in enumerate(message.additional_kwargs.get("tool_calls") or ()):
        entry_id, function = _get(entry, "id"), _get(entry, "function")
        if function is None or entry_id in known or (blocks and not entry_id):
            continue
        name, arguments = _get(function, "name"), _get(function, "arguments")
        yield _tool_call(entry_id or f"call_{position}_{place}", wire_name(name), arguments)


def _tool_call(call_id: str, name: str, arguments: Any) -> WireToolCall:
    function: WireFunctionCall = {"name": name, "arguments": _arguments(arguments)}
    return {"id": call_id, "type": "function", "function": function}


def _get(entry: Any, key: str) -> Any:
    """Read a dict or an SDK's object: both are found in histories."""
    return entry.get(key) if isinstance(entry, Mapping) else getattr(entry, key, None)


def _arguments(arguments: Any) -> str:
    """Write arguments as the JSON object that chat templates expect to parse."""
    if isinstance(arguments, Mapping):
        return json.dumps(arguments, ensure_ascii=False, default=str)
    if not arguments:
        return "{}"
    try:
        is_object = isinstance(json.loads(arguments), dict)
    except ValueError:
        is_object = False
    return arguments if is_object else json.dumps({"input": arguments}, ensure_ascii=False)
