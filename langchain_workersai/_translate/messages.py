"""LangChain messages -> the wire's messages.

Everything here is pure: what the caller passed is read, never changed. What a model's own
schema wants on top (plain-string content, no images, no reasoning) is the core's business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_workersai._translate.content import Part, to_wire_content, to_wire_part
from workersai import ConfigurationError, WireMessage, WireToolCall

CHAT_ROLES = MappingProxyType(
    {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
)
"""Roles that a `ChatMessage` may name."""

NOT_REPLAYED = frozenset(
    {
        "function_call",
        "input_json_delta",
        "invalid_tool_call",
        "non_standard",
        "reasoning",
        "reasoning_content",
        "redacted_thinking",
        "refusal",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "thinking",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
    }
)
"""Blocks of an assistant's turn that are not its text: calls travel as `tool_calls`, reasoning
as `reasoning`, and another provider's inner workings mean nothing to Workers AI."""

ARGUMENTS = MappingProxyType({"tool_call": "args", "tool_use": "input"})
"""Blocks that hold a tool call -> where its arguments are: LangChain's block and Anthropic's."""


def to_wire_messages(messages: Sequence[BaseMessage]) -> list[WireMessage]:
    """Write a conversation as the wire has it.

    Args:
        messages: LangChain's messages, oldest first.

    Returns:
        One wire message for each.

    Raises:
        ConfigurationError: For a message or a content block that Workers AI has no form for.
    """
    return [to_wire_message(message) for message in messages]


def to_wire_message(message: BaseMessage) -> WireMessage:
    """Write one message as the wire has it; see `to_wire_messages`."""
    for kind, translate in _TRANSLATORS.items():
        if isinstance(message, kind):
            return translate(message)
    raise ConfigurationError(
        f"messages: {type(message).__name__} has no form on Workers AI", parameter="messages"
    )


# ------------------------------------------------------------------------- one role each


def _system(message: SystemMessage) -> WireMessage:
    developer = message.additional_kwargs.get("__openai_role__") == "developer"
    role = "developer" if developer else "system"
    return _named({"role": role, "content": to_wire_content(message)}, message)  # type: ignore[typeddict-item]  # one of two literals


def _human(message: HumanMessage) -> WireMessage:
    return _named({"role": "user", "content": to_wire_content(message)}, message)


def _assistant(message: AIMessage) -> WireMessage:
    wire: WireMessage = {"role": "assistant", "content": _assistant_content(message)}
    if calls := _tool_calls(message):
        wire["tool_calls"] = calls
    if reasoning := _reasoning(message):
        wire["reasoning"] = reasoning
    return _named(wire, message)


def _tool(message: ToolMessage) -> WireMessage:
    # LangChain's `status` has no place on the wire: a failed tool says so in its content.
    wire: WireMessage = {
        "role": "tool",
        "content": to_wire_content(message),
        "tool_call_id": message.tool_call_id,
    }
    return _named(wire, message)


def _function(message: FunctionMessage) -> WireMessage:
    return _named({"role": "function", "content": to_wire_content(message)}, message)


def _chat(message: ChatMessage) -> WireMessage:
    role = CHAT_ROLES.get(message.role)
    if role is None:
        raise ConfigurationError(
            f"messages: ChatMessage has role {message.role!r}; Workers AI knows "
            f"{', '.join(CHAT_ROLES)}",
            parameter="messages",
        )
    return _named({"role": role, "content": to_wire_content(message)}, message)  # type: ignore[typeddict-item]  # values of CHAT_ROLES


_TRANSLATORS: Mapping[type[BaseMessage], Callable[[Any], WireMessage]] = MappingProxyType(
    {
        AIMessage: _assistant,
        HumanMessage: _human,
        SystemMessage: _system,
        ToolMessage: _tool,
        FunctionMessage: _function,
        ChatMessage: _chat,
    }
)


def _named(wire: WireMessage, message: BaseMessage) -> WireMessage:
    if message.name:
        wire["name"] = message.name
    return wire


# --------------------------------------------------------------------- the assistant's turn


def _assistant_content(message: AIMessage) -> str | list[Part]:
    if isinstance(message.content, str):
        return message.content
    parts = [
        to_wire_part(block)
        for block in message.content
        if isinstance(block, str) or block.get("type") not in NOT_REPLAYED
    ]
    parts = [part for part in parts if part.get("text") != ""]
    if not parts:
        return ""
    if len(parts) == 1 and parts[0]["type"] == "text":
        text: str = parts[0]["text"]
        return text
    return parts


def _tool_calls(message: AIMessage) -> list[WireToolCall]:
    """Valid and invalid calls both: a tool message that answers one must find it."""
    valid = [(call["id"], call["name"], _arguments(call["args"])) for call in message.tool_calls]
    invalid = [(call["id"], call["name"], call["args"]) for call in message.invalid_tool_calls]
    # A message that was written by hand, or read from another API, may have blocks alone.
    return [_tool_call(*call) for call in valid + invalid or _calls_in_blocks(message)]


def _calls_in_blocks(message: AIMessage) -> list[tuple[str | None, str | None, str | None]]:
    blocks = [block for block in message.content if isinstance(block, dict)]
    return [
        (block.get("id"), block.get("name"), _arguments(block.get(ARGUMENTS[block["type"]]) or {}))
        for block in blocks
        if block.get("type") in ARGUMENTS
    ]


def _arguments(arguments: dict[str, Any]) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except TypeError as wrong:
        raise ConfigurationError(
            f"messages: a tool call's arguments cannot be written as JSON: {wrong}",
            parameter="messages",
        ) from None


def _tool_call(call_id: str | None, name: str | None, arguments: str | None) -> WireToolCall:
    return {
        "id": call_id or "",
        "type": "function",
        "function": {"name": name or "", "arguments": arguments or ""},
    }


def _reasoning(message: AIMessage) -> str:
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str):
        return kept
    if isinstance(message.content, str):
        return ""
    return "".join(
        block.get("reasoning") or ""
        for block in message.content
        if isinstance(block, dict) and block.get("type") == "reasoning"
    )
