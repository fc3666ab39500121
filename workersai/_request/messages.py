"""Messages and formats in their common form -> the form one model's page wants."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workersai._checks import check_items
from workersai._models.profile import ModelProfile
from workersai.errors import ConfigurationError
from workersai.types import WireMessage

__all__ = ["to_wire_messages"]

# ---------------------------------------------------------------------------- messages

_CALLED = frozenset({"name", "arguments"})


def to_wire_messages(
    messages: Sequence[WireMessage], profile: ModelProfile
) -> list[dict[str, Any]]:
    """Fit a conversation to *profile*; the caller's messages stay as they are.

    Raises:
        ConfigurationError: If there is no message, or one holds what the model cannot take.
    """
    listed = check_items("messages", messages)
    if not listed:
        raise ConfigurationError(
            "messages is empty: a chat needs at least one", parameter="messages"
        )
    return [_to_wire_message(i, message, profile) for i, message in enumerate(listed)]


def _to_wire_message(position: int, message: WireMessage, profile: ModelProfile) -> dict[str, Any]:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise ConfigurationError(
            f"messages[{position}] is not a dict with a role: {type(message).__name__}",
            parameter="messages",
        )
    wire: dict[str, Any] = {k: v for k, v in message.items() if v is not None}
    wire["content"] = _to_wire_content(position, message.get("content"), profile)
    if wire["role"] == "developer" and not profile.schema_envelope:
        wire["role"] = "system"  # only the OpenAI-schema models list the role `developer`
    if not profile.reasoning:
        wire.pop("reasoning", None)
    given = wire.pop("tool_calls", ())
    if not isinstance(given, Sequence):
        raise _malformed(position, f"tool_calls that are {type(given).__name__}")
    calls = [_to_wire_call(position, call) for call in given]
    if calls:  # an empty list is refused by models with the OpenAI schema
        wire["tool_calls"] = calls
    return wire


def _malformed(position: int, what: str) -> ConfigurationError:
    return ConfigurationError(f"messages[{position}] holds {what}", parameter="messages")


def _to_wire_call(position: int, call: Any) -> dict[str, Any]:
    given = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(given, Mapping) or "id" not in call or not given.keys() >= _CALLED:
        raise _malformed(position, "a tool call without id, function.name or function.arguments")
    function = dict(given)
    if not isinstance(function["arguments"], str):
        function["arguments"] = _to_text(position, function["arguments"])
    return {"id": call["id"], "type": "function", "function": function}


def _to_text(position: int, arguments: Any) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        reason = str(error)
    raise _malformed(position, f"a tool call whose arguments have no JSON form ({reason})")


def _to_wire_content(position: int, content: Any, profile: ModelProfile) -> Any:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Sequence):
        raise _malformed(position, f"content that is {type(content).__name__}")
    parts = [_to_wire_part(position, part, profile) for part in content]
    if profile.text_only_content or not parts:
        # Some models answer 5006 to a list: `'array' not in 'string'`.
        return "\n".join(part["text"] for part in parts)
    return parts


def _to_wire_part(position: int, part: Any, profile: ModelProfile) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind is None or (kind == "text" and not isinstance(part.get("text"), str)):
        raise _malformed(position, "a part of content without a type or its text")
    if kind == "text":
        return {"type": "text", "text": part["text"]}
    takes = {"image_url": profile.vision, "input_audio": profile.audio}.get(str(kind))
    if takes is False or (profile.text_only_content and not takes):
        raise ConfigurationError(
            f"messages[{position}].content holds a part of type {kind!r}, "
            f"but {profile.name} takes text only: choose a model that takes it, or send text",
            parameter="messages",
        )
    if kind == "image_url" and profile.image_urls is False:
        _check_is_inline(position, part, profile)
    return dict(part)


def _check_is_inline(position: int, part: Mapping[str, Any], profile: ModelProfile) -> None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    if isinstance(url, str) and not url.startswith("data:"):
        raise ConfigurationError(
            f"messages[{position}].content holds an image by its address, but {profile.name} "
            "takes images as data URIs alone: download it and send its bytes",
            parameter="messages",
        )


# ----------------------------------------------------------------------------- formats
