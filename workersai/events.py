"""Events of a stream, and retry notices, as dataclasses.

The deltas are not frozen, because a stream has one for each token and a frozen dataclass takes
more than twice as long to create. Treat them as read-only; this package never changes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workersai.errors import WorkersAIError
from workersai.results import InvalidToolCall, ToolCall, Usage


@dataclass(slots=True)
class TextDelta:
    """New text of the answer.

    Attributes:
        text: The next piece; empty only if there are `logprobs`.
        logprobs: A dict for each of its tokens, as sent; `None` if not requested.
    """

    text: str
    logprobs: list[dict[str, Any]] | None = None


@dataclass(slots=True)
class ReasoningDelta:
    """New text of the reasoning.

    Attributes:
        text: The next piece; never empty.
    """

    text: str


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call.

    The first delta of a call carries `id` and `name`, later deltas neither. The `arguments` of all
    deltas with one `index`, joined in order, are the call's JSON text exactly as sent.

    Attributes:
        index: The call's position in this answer: 0, 1, 2, ...
        id: Unique in this answer.
        name: The tool's name.
        arguments: The next piece of the JSON text; may be empty.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class UsageUpdate:
    """What the whole call used; comes at most once, before `ChatFinish`.

    Attributes:
        usage: The tokens, and the neurons if they are reported.
    """

    usage: Usage


@dataclass(frozen=True, slots=True)
class ChatFinish:
    """The end of a stream; always the last event.

    Attributes:
        finish_reason: As in `ChatChoice`.
        model: As in `ChatResult`.
        id: As in `ChatResult`.
        tool_calls: The calls that the deltas add up to, parsed strictly.
        invalid_tool_calls: Calls that were cut or are not a JSON object; do not run them.
        refusal: As in `ChatChoice`.
        request_id: As in `ChatResult`.
        system_fingerprint: As sent; `None` if the server sent none.
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
    """A retry that is about to be made; the argument of an `on_retry` callback.

    Attributes:
        attempt: 1 for the first retry.
        delay: Seconds until the retry.
        error: The failure that causes it.
    """

    attempt: int
    delay: float
    error: WorkersAIError


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """Between two events of an adapter's stream: the model was asked again and begins anew.

    Text and reasoning before this event remain valid. Tool-call indices start at 0 again.

    Attributes:
        calls: The tool calls so far; none of them may be run.
    """

    calls: tuple[InvalidToolCall, ...]


RoundEvent: TypeAlias = ChatEvent | AskedAgain
"""What a stream of one or several rounds yields."""
