"""Fit a conversation to one model's schema.

A user's content that the model does not accept raises an error. Content of a tool or a model is
changed to fit, because it is sent again in every later request, so that an error would end the
conversation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workersai._checks import check_items
from workersai._json import PlainList
from workersai._jsonable import clean_text, object_text
from workersai._models.content import Parts, produced_text, refusal_of, split_result
from workersai._models.profile import ModelProfile
from workersai.errors import ConfigurationError

__all__ = ["to_wire_messages"]

_CALLED = frozenset({"name", "arguments"})
_RESULTS = frozenset({"tool", "function"})
_INSTRUCTIONS = frozenset({"system", "developer"})
_AS_IT_IS = ("user", "system")
_PRODUCED = ("assistant", "tool")


def to_wire_messages(
    messages: Sequence[Mapping[str, Any]], profile: ModelProfile
) -> list[dict[str, Any]]:
    """Fit a conversation to *profile*; the caller's messages are not modified.

    - Parts that are all text are joined: some models answer 5006 to a list.
    - Models accept images, audio and files only in a user's message. Those of a tool's result or
      of an instruction are sent in an extra user's message after it.
    - In a tool's result, parts that the model does not accept are described in text, and values
      that are not parts are written as JSON.
    - In content of tools and assistants, half a surrogate pair is replaced, and so is text that a
      server would take for an image.
    - The arguments of a tool call are always the JSON text of an object.

    Raises:
        ConfigurationError: If there is no message, or one has content that the model does not
            accept.
    """
    listed = check_items("messages", messages)
    if not listed:
        raise ConfigurationError(
            "messages is empty: a chat needs at least one", parameter="messages"
        )
    texts = [_text_message(message, profile) for message in listed]
    if None not in texts:
        return PlainList(texts)
    wire: list[dict[str, Any]] = []
    attached: Parts = []
    for position, (message, text) in enumerate(zip(listed, texts, strict=True)):
        made, media = (text, []) if text else _to_wire_message(position, message, profile)
        if attached and made["role"] not in _RESULTS | _INSTRUCTIONS:
            wire.append({"role": "user", "content": attached})
            attached = []
        wire.append(made)
        attached += media
    return [*wire, {"role": "user", "content": attached}] if attached else wire


def _text_message(message: Any, profile: ModelProfile) -> dict[str, Any] | None:
    """Return a message of text that needs no change; `None` for all other messages.

    This is an optimisation: a history has hundreds of such messages, and `_to_wire_message` would
    return the same. A message with calls is a copy, because its calls may be renamed.
    """
    if message.__class__ is not dict:
        return None
    role, content, size = message.get("role"), message.get("content"), len(message)
    if content.__class__ is not str:
        return None
    if role in _AS_IT_IS:
        return message if size == 2 else None
    if role not in _PRODUCED or produced_text(content, profile) is not content:
        return None
    if role == "tool":
        has_id = size == 3 and message.get("tool_call_id").__class__ is str
        return message if has_id else None
    if size == 2:
        return message
    return _with_text_calls(message) if size == 3 else None


def _with_text_calls(message: dict[str, Any]) -> dict[str, Any] | None:
    calls = message.get("tool_calls")
    if calls.__class__ is not list or not calls:
        return None
    made = [_text_call(call) for call in calls]
    if None in made:
        return None
    return {"role": "assistant", "content": message["content"], "tool_calls": made}


def _text_call(call: Any) -> dict[str, Any] | None:
    if call.__class__ is not dict or len(call) != 3 or call.get("type") != "function":
        return None
    call_id, function = call.get("id"), call.get("function")
    if call_id.__class__ is not str or function.__class__ is not dict or len(function) != 2:
        return None
    name, arguments = function.get("name"), function.get("arguments")
    if name.__class__ is not str or not isinstance(arguments, str):
        return None
    called = {"name": name, "arguments": object_text(arguments)}
    return {"id": call_id, "type": "function", "function": called}


def _to_wire_message(
    position: int, message: Mapping[str, Any], profile: ModelProfile
) -> tuple[dict[str, Any], Parts]:
    """Return one wire message, and the parts for a user's message after it."""
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise ConfigurationError(
            f"messages[{position}] is not a dict with a role: {type(message).__name__}",
            parameter="messages",
        )
    wire: dict[str, Any] = {k: v for k, v in message.items() if v is not None}
    wire["content"], media = _to_wire_content(position, message, profile)
    if wire["role"] == "developer" and not profile.schema_envelope:
        wire["role"] = "system"  # only the OpenAI-schema models list the role `developer`
    reasoning = wire.pop("reasoning", None)
    if profile.reasoning and isinstance(reasoning, str):
        wire["reasoning"] = clean_text(reasoning)
    calls_field = wire.pop("tool_calls", ())
    if not isinstance(calls_field, Sequence):
        raise _malformed(position, f"tool_calls that are {type(calls_field).__name__}")
    calls = [_to_wire_call(position, call) for call in calls_field]
    if calls:  # an empty list is refused by models with the OpenAI schema
        wire["tool_calls"] = calls
    return wire, media


def _malformed(position: int, what: str) -> ConfigurationError:
    return ConfigurationError(f"messages[{position}] has {what}", parameter="messages")


def _to_wire_call(position: int, call: Any) -> dict[str, Any]:
    called = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(called, Mapping) or "id" not in call or not called.keys() >= _CALLED:
        raise _malformed(position, "a tool call without id, function.name or function.arguments")
    arguments = called["arguments"]
    if not isinstance(arguments, str):
        arguments = _to_text(position, arguments)
    function = {**called, "arguments": object_text(arguments)}
    return {"id": call["id"], "type": "function", "function": function}


def _to_text(position: int, arguments: Any) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise _malformed(position, f"a tool call whose arguments cannot be written as JSON ({reason})")


# ------------------------------------------------------------------------------- content


def _to_wire_content(
    position: int, message: Mapping[str, Any], profile: ModelProfile
) -> tuple[str | Parts, Parts]:
    role, content = message["role"], message.get("content")
    if role in _RESULTS:
        text, media = split_result(content, profile)
        return text, _attachment(message, media)
    if content is None or isinstance(content, str):
        joined: str | Parts = content or ""
    elif isinstance(content, Sequence):
        joined = _join([_to_wire_part(position, part, profile) for part in content])
    else:
        raise _malformed(position, f"content that is {type(content).__name__}")
    if isinstance(joined, str):
        return (produced_text(joined, profile) if role == "assistant" else joined), []
    if role not in _INSTRUCTIONS:
        return joined, []
    media = [part for part in joined if part["type"] != "text"]
    texts = [part for part in joined if part["type"] == "text"]
    return _join(texts), _attachment(message, media)


def _join(parts: Parts) -> str | Parts:
    if any(part["type"] != "text" for part in parts):
        return parts
    return "\n".join(part["text"] for part in parts)


def _attachment(message: Mapping[str, Any], media: Parts) -> Parts:
    if not media:
        return []
    call_id = message.get("tool_call_id")
    source = f"tool call {call_id}" if call_id else f"the {message['role']} message above"
    return [{"type": "text", "text": f"Attached to {source}:"}, *media]


def _to_wire_part(position: int, part: Any, profile: ModelProfile) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind is None or (kind == "text" and not isinstance(part.get("text"), str)):
        raise _malformed(position, "a part of content without a type or its text")
    if kind == "text":
        return {"type": "text", "text": part["text"]}
    if refusal := refusal_of(part, profile):
        raise ConfigurationError(
            f"messages[{position}].content has a part of type {kind!r}, but {refusal.reason}: "
            f"{refusal.advice}",
            parameter="messages",
        )
    return dict(part)
