"""The protocol of engines: they take a job and yield pieces of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

__all__ = [
    "CallPiece",
    "ChatJob",
    "Embedded",
    "Engine",
    "EngineFailed",
    "EngineRefused",
    "EngineUnavailable",
    "FinishPiece",
    "FinishReason",
    "JsonMode",
    "Piece",
    "ReasoningPiece",
    "SchemaNotMet",
    "StreamStopped",
    "TextPiece",
    "TokenLogprob",
    "ToolSpec",
    "WindowExceeded",
]

FinishReason = Literal["stop", "length", "tool_calls"]


class EngineUnavailable(Exception):  # noqa: N818 - something is missing; the code is not wrong
    """An engine cannot start here; the message names everything that is missing."""


class EngineFailed(Exception):  # noqa: N818 - it becomes an answer with a server error
    """The engine stopped before the end; the message says why."""


class EngineRefused(Exception):  # noqa: N818 - an answer, not a fault of this program
    """The engine answers with an error of Workers AI."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{status}/{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class StreamStopped(Exception):  # noqa: N818 - an answer that ends too soon, as some do
    """The rest of a stream never comes, and nothing says so."""


class WindowExceeded(Exception):  # noqa: N818 - an answer of the model, not an error of this program
    """The input is longer than the window of the model behind the engine."""

    def __init__(self, tokens: int, window: int) -> None:
        super().__init__(f"{tokens} tokens, of which {window} fit")
        self.tokens = tokens
        self.window = window


class SchemaNotMet(Exception):  # noqa: N818 - an answer of the model, not an error of this program
    """The engine found no JSON that the requested schema accepts."""


@dataclass(frozen=True)
class ToolSpec:
    """A callable tool: name, description, JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class JsonMode:
    """The answer must be JSON; with `schema`, JSON that fits the schema."""

    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ChatJob:
    """One answer to generate, for any endpoint and body shape."""

    messages: tuple[Mapping[str, Any], ...] = ()
    """OpenAI-shaped messages whose content is text; empty when `prompt` is set."""
    prompt: str | None = None
    raw: bool = False
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or `=name` for one tool by name."""
    parallel: bool = True
    json_mode: JsonMode | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    sampling: Mapping[str, float] = field(default_factory=dict)
    """Sampling parameters of the request: temperature, top_p, top_k, penalties."""
    reasoning: bool = False
    top_logprobs: int | None = None
    """The number of alternatives for each token; None for no log probabilities."""

    @property
    def named_tool(self) -> str | None:
        """The tool that must be called, if the request names one."""
        return self.tool_choice[1:] if self.tool_choice.startswith("=") else None


@dataclass(frozen=True)
class TokenLogprob:
    """A generated token, its log probability, and likely alternatives (token, logprob)."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class TextPiece:
    """A piece of the answer's text."""

    text: str
    tokens: int = 1
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class ReasoningPiece:
    """A piece of the model's reasoning."""

    text: str
    tokens: int = 1


@dataclass(frozen=True)
class CallPiece:
    """A whole tool call; `arguments` is compact JSON text of an object."""

    name: str
    arguments: str
    id: str = ""
    """The id that the engine assigned; if it is empty, the server makes one."""
    tokens: int = 1


@dataclass(frozen=True)
class FinishPiece:
    """The end of an answer and its length in tokens."""

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


Piece = TextPiece | ReasoningPiece | CallPiece | FinishPiece


@dataclass(frozen=True)
class Embedded:
    """One vector for each text, and the number of tokens read."""

    vectors: tuple[tuple[float, ...], ...]
    tokens: int


@runtime_checkable
class Engine(Protocol):
    """What the server needs from an engine."""

    @property
    def name(self) -> str:
        """The name that responses carry in `x-workersai-engine`."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether answers take time, so that they must not run on the event loop."""
        ...

    def prompt_tokens(self, job: ChatJob) -> int:
        """Count the tokens of the request's text; an estimate is enough."""
        ...

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        """Answer a job; the last piece is a `FinishPiece`.

        Raises:
            SchemaNotMet: The requested JSON schema cannot be met.
            WindowExceeded: The input does not fit the model behind the engine.
            EngineFailed: The engine stopped before the end.
        """
        ...

    def embed(self, texts: Sequence[str], dimensions: int) -> Embedded:
        """Return unit vectors of this length; their cosine measures the similarity of the texts."""
        ...

    def rerank(self, query: str, contexts: Sequence[str]) -> tuple[float, ...]:
        """Return a relevance between 0 and 1 for every context, in their order."""
        ...

    def close(self) -> None:
        """Free the engine's models and connections."""
        ...
