"""Convert LlamaIndex chat messages to wire messages."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    ToolCallBlock,
)

from llamaindex_workersai._translate.content import (
    AnswerBlocks,
    only_text,
    to_wire_answer,
    to_wire_content,
    to_wire_result,
)
from workersai import ConfigurationError
from workersai.integration import WireFunctionCall, WireMessage, WireToolCall

_Role = Literal["system", "developer", "user", "assistant", "tool"]
_ROLES: dict[MessageRole, _Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "developer",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def to_wire_messages(messages: Sequence[ChatMessage]) -> list[WireMessage]:
    """Convert a conversation; messages that other providers' classes made are understood too.

    Args:
        messages: The messages; they are not modified.

    Raises:
        ConfigurationError: For an entry that is not a `ChatMessage`, or a block of a user or a
            system that no Workers AI model accepts. Content of a tool or a model never raises it.
    """
    return [_to_wire_message(message) for message in _check(messages)]


def checks_messages(method: MethodT) -> MethodT:
    """Decorate a chat method: raise `ConfigurationError` for anything but a list of messages.

    LlamaIndex's own decorators read the messages first, and raise pydantic's errors.
    """
    call: Any = method
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(self: Any, messages: Any, **kwargs: Any) -> Any:
            return await call(self, _check(messages), **kwargs)

        return cast("MethodT", awaited)

    @functools.wraps(method)
    def called(self: Any, messages: Any, **kwargs: Any) -> Any:
        return call(self, _check(messages), **kwargs)

    return cast("MethodT", called)


def _check(messages: Any) -> Sequence[ChatMessage]:
    if isinstance(messages, (str, bytes, ChatMessage)) or not isinstance(messages, Sequence):
        raise _no_messages(messages)
    for message in messages:
        if not isinstance(message, ChatMessage):
            raise _no_messages(message)
    return messages


def _no_messages(found: Any) -> ConfigurationError:
    return ConfigurationError(
        "messages must be a list of ChatMessage, such as [ChatMessage(role='user', content='Hi')], "
        f"and not hold {type(found).__name__}",
        parameter="messages",
    )


def _to_wire_message(message: ChatMessage) -> WireMessage:
    role, text = _ROLES[message.role], only_text(message)
    if text is not None and role != "tool" and not message.additional_kwargs:
        return {"role": role, "content": text}
    if role == "assistant":
        return _with_name(_assistant(message), message)
    if role != "tool":
        return _with_name({"role": role, "content": to_wire_content(message)}, message)
    call_id = str(message.additional_kwargs.get("tool_call_id") or "")
    wire: WireMessage = {
        "role": "tool",
        "content": to_wire_result(message),
        "tool_call_id": call_id,
    }
    return _with_name(wire, message)


def _with_name(wire: WireMessage, message: ChatMessage) -> WireMessage:
    if name := message.additional_kwargs.get("name"):
        wire["name"] = str(name)
    return wire


def _assistant(message: ChatMessage) -> WireMessage:
    blocks = AnswerBlocks.of(message)
    content = to_wire_answer(blocks.text) or _refusal(message)
    wire: WireMessage = {"role": "assistant", "content": content}
    if calls := [_tool_call(*call) for call in _calls(message, blocks.calls)]:
        wire["tool_calls"] = calls
    if reasoning := "".join([block.content or "" for block in blocks.thought]):
        wire["reasoning"] = reasoning
    return wire


def _refusal(message: ChatMessage) -> str:
    """Return why a model refused to answer, from the field that it filled instead of the text."""
    kept = message.additional_kwargs.get("refusal")
    return kept if isinstance(kept, str) else ""


# ---------------------------------------------------------------------------- tool calls

_UNNAMED = "unknown"
"""The name for a call without one, because the wire requires a name."""

_IDS = ("id", "tool_call_id", "tool_id", "tool_use_id", "toolUseId")
_NAMES = ("name", "tool_name")
_ARGUMENTS = ("arguments", "input", "args", "parameters", "tool_kwargs")


class FoundCall(NamedTuple):
    """A call of a message, from any of its places; its id is `""` if it has none."""

    id: str
    name: str
    arguments: Any


def _calls(message: ChatMessage, blocks: Sequence[ToolCallBlock]) -> Iterator[FoundCall]:
    """Return the calls of the blocks, those that only an older convention has, and invalid ones."""
    for block in blocks:
        yield FoundCall(str(block.tool_call_id or ""), block.tool_name, block.tool_kwargs)
    if not message.additional_kwargs:
        return
    known = {block.tool_call_id for block in blocks}
    for found in older_calls(message):
        if found.id not in known and (found.id or not blocks):
            yield found
    for found in older_calls(message, "invalid_tool_calls"):
        if found.id not in known:
            yield found


def older_calls(message: ChatMessage, key: str = "tool_calls") -> list[FoundCall]:
    """Return the calls in a message's `additional_kwargs`.

    OpenAI's, Anthropic's, Google's, Bedrock's and Cohere's classes put them there before there
    were blocks for them: each in its own form, as dicts or as an SDK's objects.
    """
    entries = message.additional_kwargs.get(key)
    listed = entries if isinstance(entries, (list, tuple)) else ()
    return [found for entry in listed if (found := _older_call(entry)) is not None]


def _older_call(entry: Any) -> FoundCall | None:
    # Only OpenAI's form has `function` around name and arguments.
    function = _first(entry, ("function",))
    inner = entry if function is None else function
    name, arguments = _first(inner, _NAMES), _first(inner, _ARGUMENTS)
    if name is None and arguments is None:
        return None
    return FoundCall(str(_first(entry, _IDS) or ""), str(name or _UNNAMED), arguments)


def _first(entry: Any, keys: Sequence[str]) -> Any:
    if isinstance(entry, Mapping):
        values = (entry.get(key) for key in keys)
    else:
        values = (getattr(entry, key, None) for key in keys)
    return next((value for value in values if value is not None), None)


def _tool_call(call_id: str, name: str, arguments: Any) -> WireToolCall:
    # `to_history` converts any arguments to an object.
    function: WireFunctionCall = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}
