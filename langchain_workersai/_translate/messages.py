"""Convert LangChain messages to wire messages.

The functions here are pure: they do not modify what the caller passed. The core applies the rules
of a single model's schema (plain-string content, no images, no reasoning).
"""

from __future__ import annotations

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
from langchain_core.prompt_values import ChatPromptValue, PromptValue

from langchain_workersai._translate.content import (
    blocks_of,
    to_wire_answer,
    to_wire_content,
    to_wire_result,
    with_image_types,
)
from langchain_workersai._translate.metadata import INVALID_CALLS
from workersai import ConfigurationError
from workersai.integration import WireMessage, WireToolCall, read_object

CHAT_ROLES = MappingProxyType(
    {
        "system": "system",
        "developer": "developer",
        "user": "user",
        "human": "user",
        "assistant": "assistant",
        "ai": "assistant",
        "model": "assistant",
        "chatbot": "assistant",
        "tool": "tool",
        "function": "tool",
    }
)
"""Roles that a `ChatMessage` may have -> wire roles."""

UNNAMED = "unknown"
"""The name for a call without one, because the wire requires a name."""


def with_arguments_read(messages: Any) -> Any:
    """Convert arguments in OpenAI dicts to objects, because LangChain reads them strictly.

    Args:
        messages: The input of a chat model. Only a list with such dicts is copied.
    """
    if not isinstance(messages, (list, tuple)) or not any(isinstance(m, dict) for m in messages):
        return messages
    return [_with_arguments_read(m) if isinstance(m, dict) else m for m in messages]


def _with_arguments_read(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_with_object(call) for call in calls]}


def _with_object(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return call
    arguments = read_object(function.get("arguments"))
    return {"id": None, **call, "function": {**function, "arguments": arguments}}


def with_images_typed(prompt: PromptValue) -> PromptValue:
    """Add missing types of images in a conversation; see `with_image_types`."""
    if not isinstance(prompt, ChatPromptValue) or all(
        message.content.__class__ is str for message in prompt.messages
    ):
        return prompt
    messages = [_with_images_typed(message) for message in prompt.messages]
    return prompt.model_copy(update={"messages": messages})


def _with_images_typed(message: BaseMessage) -> BaseMessage:
    typed = with_image_types(message.content)
    return message if typed is message.content else message.model_copy(update={"content": typed})


def to_wire_messages(messages: Sequence[BaseMessage]) -> list[WireMessage]:
    """Convert a conversation.

    Args:
        messages: LangChain's messages, oldest first.

    Returns:
        One wire message for each.

    Raises:
        ConfigurationError: For a message, or a content block of a user or a system, that cannot be
            sent to Workers AI. Content of a tool or a model never raises it.
    """
    wire = [to_wire_message(message) for message in messages]
    for position, written in enumerate(wire):
        if (
            written["role"] == "tool"
            and isinstance(messages[position], FunctionMessage)
            and position
        ):
            before = messages[position - 1]
            wire[position - 1] = to_wire_message(before, has_function_result=True)
    return wire


def to_wire_message(message: BaseMessage, *, has_function_result: bool = False) -> WireMessage:
    """Convert one message; see `to_wire_messages`.

    Args:
        message: The message.
        has_function_result: Whether a `FunctionMessage` follows. It answers the call in
            `additional_kwargs`, where OpenAI's older functions put it.
    """
    translate = _TRANSLATORS.get(message.__class__)
    if translate is not None:
        return translate(message)
    if isinstance(message, AIMessage):
        return _assistant(message, has_function_result=has_function_result)
    for kind, translate in _TRANSLATORS.items():
        if isinstance(message, kind):
            return translate(message)
    raise ConfigurationError(
        f"messages: {type(message).__name__} cannot be sent to Workers AI", parameter="messages"
    )


# ------------------------------------------------------------------------- one role each


def _system(message: SystemMessage) -> WireMessage:
    developer = message.additional_kwargs.get("__openai_role__") == "developer"
    return _with_name(
        {"role": "developer" if developer else "system", **_content(message)}, message
    )


def _human(message: HumanMessage) -> WireMessage:
    return _with_name({"role": "user", "content": to_wire_content(message.content)}, message)


def _tool(message: ToolMessage) -> WireMessage:
    # The wire has no field for LangChain's `status`: a failed tool says so in its content.
    return _result(message, message.tool_call_id)


def _function(message: FunctionMessage) -> WireMessage:
    return _result(message, None)


def _chat(message: ChatMessage) -> WireMessage:
    role = CHAT_ROLES.get(message.role)
    if role is None:
        raise ConfigurationError(
            f"messages: ChatMessage has role {message.role!r}; pass one of {', '.join(CHAT_ROLES)}",
            parameter="messages",
        )
    if role == "tool":
        return _result(message, message.additional_kwargs.get("tool_call_id"))
    if role == "assistant":
        return _with_name(
            {"role": "assistant", "content": to_wire_answer(message.content)}, message
        )
    return _with_name({"role": role, **_content(message)}, message)


_TRANSLATORS: Mapping[type[BaseMessage], Callable[[Any], WireMessage]] = MappingProxyType(
    {
        HumanMessage: _human,
        SystemMessage: _system,
        ToolMessage: _tool,
        FunctionMessage: _function,
        ChatMessage: _chat,
    }
)


def _content(message: BaseMessage) -> dict[str, Any]:
    return {"content": to_wire_content(message.content)}


def _result(message: BaseMessage, call_id: Any) -> WireMessage:
    content = to_wire_result(message.content)
    wire = {"role": "tool", "content": content, "tool_call_id": str(call_id or "")}
    return _with_name(wire, message)


def _with_name(wire: dict[str, Any], message: BaseMessage) -> WireMessage:
    if name := message.name:
        wire["name"] = name
    return wire  # type: ignore[return-value]  # each role's keys are written above


# --------------------------------------------------------------------- the assistant's turn


def _assistant(message: AIMessage, *, has_function_result: bool) -> WireMessage:
    content = to_wire_answer(message.content) or _refusal(message)
    wire: dict[str, Any] = {"role": "assistant", "content": content}
    calls = _tool_calls(message)
    if not calls and has_function_result:
        calls = _function_calls(message)
    if calls:
        wire["tool_calls"] = calls
    if reasoning := _reasoning(message):
        wire["reasoning"] = reasoning
    return _with_name(wire, message)


def _tool_calls(message: AIMessage) -> list[WireToolCall]:
    """Return valid and invalid calls: a tool message may answer either.

    The message's own lists are used, not its content blocks, which may still show calls that a
    middleware has removed from the message.
    """
    if not (message.tool_calls or message.invalid_tool_calls):
        return []
    valid = [
        _tool_call(call.get("id"), call.get("name"), call.get("args"))
        for call in message.tool_calls
    ]
    as_sent = _arguments_as_sent(message)
    invalid = [
        _tool_call(call.get("id"), call.get("name"), as_sent.get(call.get("id"), call.get("args")))
        for call in message.invalid_tool_calls
    ]
    return valid + invalid


def _arguments_as_sent(message: AIMessage) -> dict[Any, Any]:
    """Read the invalid calls that a stream's last chunk keeps; see `ChunkStream`."""
    if not message.invalid_tool_calls:
        return {}
    kept = message.additional_kwargs.get(INVALID_CALLS)
    calls = kept if isinstance(kept, list) else []
    named = (
        call for call in calls if isinstance(call, Mapping) and isinstance(call.get("id"), str)
    )
    return {call["id"]: call.get("args") for call in named}


def _function_calls(message: AIMessage) -> list[WireToolCall]:
    call = message.additional_kwargs.get("function_call")
    if not isinstance(call, Mapping):
        return []
    return [_tool_call(None, call.get("name"), call.get("arguments"))]


def _tool_call(call_id: Any, name: Any, arguments: Any) -> WireToolCall:
    # `to_history` converts any arguments to an object.
    return {
        "id": str(call_id or ""),
        "type": "function",
        "function": {"name": str(name or UNNAMED), "arguments": arguments},
    }


def _refusal(message: AIMessage) -> str:
    """Return why a model refused to answer, from the field that it filled instead of the text."""
    kept = message.additional_kwargs.get("refusal")
    found = [kept, *(b.get("refusal") for b in blocks_of(message.content) if isinstance(b, dict))]
    return next((text for text in found if isinstance(text, str)), "")


def _reasoning(message: AIMessage) -> str:
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str):
        return kept
    if isinstance(message.content, str):
        return ""
    thoughts = [
        block.get("reasoning")
        for block in blocks_of(message.content)
        if isinstance(block, dict) and block.get("type") == "reasoning"
    ]
    return "".join(thought for thought in thoughts if isinstance(thought, str))
