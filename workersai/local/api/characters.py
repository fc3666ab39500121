"""Variants of the server's behaviour where Cloudflare's is unknown.

The pages and reports leave questions open: whether a list of parts is accepted, whether a tool is
called beside a JSON schema, and so on. A character is one set of answers to them. It adapts a
request before the documented checks, or rejects it, and changes the shape of the answer. No
character is known to be Cloudflare's.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workersai import ConfigurationError, EndpointName
from workersai.local.api.errors import ApiFailure
from workersai.local.api.models import LocalModel

__all__ = ["CHARACTERS", "Character", "character_named"]

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Character:
    """One set of answers to open questions.

    Attributes:
        name: The value for `serve --character`.
        is_strict: Whether to enforce every rule of the published schemas, including those that
            Cloudflare's own TypeScript client breaks.
        takes_parts: Whether content may be a list of text parts whatever the page says.
        takes_null: Whether content may be null whatever the page says.
        takes_flat_tools: Whether the flat form of a tool is accepted.
        checks_roles: Whether system messages must come first and roles must alternate.
        schema_beats_tools: Whether an answer must fit the schema even if there are tools.
        refuses_schema_with_tools: Whether a request with both is rejected.
        ignores_tool_choice: Whether `tool_choice` has no effect.
        cuts_v1: Whether `/ai/v1` cuts an answer without a cap at 256 tokens.
        has_odd_shapes: Whether arguments come as objects, text contains the reasoning between
            tags, and streams end without `[DONE]`.
    """

    name: str
    is_strict: bool = False
    takes_parts: bool = False
    takes_null: bool = False
    takes_flat_tools: bool = False
    checks_roles: bool = False
    schema_beats_tools: bool = False
    refuses_schema_with_tools: bool = False
    ignores_tool_choice: bool = False
    cuts_v1: bool = True
    has_odd_shapes: bool = False

    def admit(self, model: LocalModel, body: Mapping[str, Any], endpoint: EndpointName) -> Body:
        """Rewrite a chat's body so that the documented checks accept it.

        Raises:
            ApiFailure: 400 with code 8001 if this character rejects it.
        """
        adapted = dict(body)
        self._check(adapted)
        if isinstance(adapted.get("messages"), list):
            adapted["messages"] = [self._message(message) for message in adapted["messages"]]
        if self.takes_flat_tools and isinstance(adapted.get("tools"), list):
            adapted["tools"] = [_nested(tool) for tool in adapted["tools"]]
        if self.schema_beats_tools and _has_schema(adapted):
            adapted.pop("tools", None)
            adapted.pop("tool_choice", None)
        if self.ignores_tool_choice:
            adapted.pop("tool_choice", None)
        if not self.cuts_v1 and endpoint == "openai":
            adapted.setdefault("max_tokens", model.profile.max_tokens_default or 8192)
        return adapted

    def shape(self, answer: Body) -> Body:
        """Write a whole answer in this character's shapes."""
        if not self.has_odd_shapes:
            return answer
        result = answer.get("result")
        inner = result if isinstance(result, dict) else answer
        for choice in inner.get("choices", ()):
            if isinstance(choice.get("message"), dict):
                choice["message"] = _odd_message(choice["message"])
        return answer

    def shape_events(self, events: Iterator[bytes]) -> Iterator[bytes]:
        """Write a stream in this character's shapes."""
        if not self.has_odd_shapes:
            return events
        return (event for event in events if b"[DONE]" not in event)

    def _check(self, body: Mapping[str, Any]) -> None:
        if self.refuses_schema_with_tools and body.get("tools") and _has_schema(body):
            raise _refusal("response_format and tools exclude each other")
        if not self.checks_roles:
            return
        roles = [_role(message) for message in body.get("messages") or ()]
        if "system" in roles[1:]:
            raise _refusal("System message must be at the beginning.")
        if any(one == two == "user" for one, two in itertools.pairwise(roles)):
            raise _refusal("Conversation roles must alternate user/assistant/user/assistant/...")

    def _message(self, message: Any) -> Any:
        content = message.get("content") if isinstance(message, Mapping) else ""
        if content is None and self.takes_null:
            return {**message, "content": ""}
        if isinstance(content, list) and self.takes_parts:
            texts = [part.get("text", "") for part in content if isinstance(part, Mapping)]
            return {**message, "content": "".join(map(str, texts))}
        return message


def _refusal(reason: str) -> ApiFailure:
    return ApiFailure(400, 8001, f"Invalid input: {reason}")


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None


def _has_schema(body: Mapping[str, Any]) -> bool:
    wanted = body.get("response_format")
    return isinstance(wanted, Mapping) and wanted.get("type") == "json_schema"


def _nested(tool: Any) -> Any:
    is_flat = isinstance(tool, Mapping) and "name" in tool and "function" not in tool
    return {"type": "function", "function": dict(tool)} if is_flat else tool


def _odd_message(message: Body) -> Body:
    odd = dict(message)
    if isinstance(odd.get("content"), str) and odd["content"]:
        odd["content"] = f"<think>Let me see.</think>{odd['content']}"
    for call in odd.get("tool_calls") or ():
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        del call["id"]
    return odd


_ALL = (
    Character(name="documented"),
    Character(name="strict", is_strict=True),
    Character(
        name="vllm",
        takes_parts=True,
        takes_null=True,
        checks_roles=True,
        schema_beats_tools=True,
        cuts_v1=False,
    ),
    Character(name="schema-or-tools", refuses_schema_with_tools=True, takes_flat_tools=True),
    Character(name="odd", ignores_tool_choice=True, has_odd_shapes=True),
)

CHARACTERS: Mapping[str, Character] = MappingProxyType({one.name: one for one in _ALL})
"""The characters by name; `documented` follows the pages and the reports of clients."""


def character_named(name: str) -> Character:
    """Return the character of this name.

    Raises:
        ConfigurationError: If there is none.
    """
    if name not in CHARACTERS:
        raise ConfigurationError(
            f"character must be one of {', '.join(CHARACTERS)}, not {name!r}",
            parameter="character",
        )
    return CHARACTERS[name]
