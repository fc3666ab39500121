"""What is said on the way to an answer: a stream's chat events, and retries, as dataclasses.

The deltas, of which a stream has one a token, are not frozen: a frozen dataclass takes more than
twice as long to make. Nothing in this package changes one after it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workersai.errors import WorkersAIError
from workersai.results import InvalidToolCall, ToolCall, Usage


@dataclass(slots=True)
class TextDelta:
    """New text of the answer, never empty unless it brings `logprobs`."""

    text: str
    logprobs: list[dict[str, Any]] | None = None


@dataclass(slots=True)
class ReasoningDelta:
    """New text of the reasoning, never empty."""

    text: str


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call.

    The first delta of a call carries `id` and `name`, later ones neither. Joined in order, the
    `arguments` of one `index` are the call's JSON text, byte for byte as sent.

    Attributes:
        index: The call's position in this answer: 0, 1, 2, ...
        id: Unique in this answer.
        name: The tool's name.
        arguments: More of the JSON text; may be empty.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class UsageUpdate:
    """The call's whole usage; comes at most once, before `ChatFinish`."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class ChatFinish:
    """The end of a stream; always the last event.

    Attributes:
        finish_reason: As in `ChatChoice`.
        model: As in `ChatResult`.
        id: As in `ChatResult`.
        tool_calls: The calls the deltas made, parsed strictly.
        invalid_tool_calls: The calls that were cut or are not a JSON object; never run them.
        refusal: As in `ChatChoice`.
        request_id: As in `ChatResult`.
        system_fingerprint: As sent; `None` if it was not.
        gateway: As in `ChatResult`.
    """

    finish_reason: str | None = None
    model: str | None = None
    id: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    invalid_tool_calls: tuple[InvalidToolCall, ...] = ()
    refusal: str | None = None
    request_id: str | None = None
    system_fingerprint: str | None = None
    gateway: Mapping[str, str] = field(default_factory=dict)


ChatEvent: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta | UsageUpdate | ChatFinish
"""What `stream_chat` and `stream_complete` yield."""


@dataclass(frozen=True, slots=True)
class RetryNotice:
    """A retry that is about to be made; what `on_retry` of an operation gets.

    Attributes:
        attempt: 1 for the first retry.
        delay: Seconds until it is made.
        error: Why.
    """

    attempt: int
    delay: float
    error: WorkersAIError


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """Between two events of an adapter's stream: the model is asked again, and answers anew.

    The text and the reasoning so far stand. The indices of tool calls begin anew.

    Attributes:
        calls: The calls so far, none of which is run.
    """

    calls: tuple[InvalidToolCall, ...]


RoundEvent: TypeAlias = ChatEvent | AskedAgain
"""What a stream of several answers to one question yields."""
