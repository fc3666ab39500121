"""What is answered: frozen dataclasses, the same whatever shape the answer came in.

Nothing here does anything; `_response` and `_stream` make these. What a stream says is in `events`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from workersai.errors import WorkersAIError


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call whose arguments are a JSON object.

    Attributes:
        id: The model's own id; made from the request and the call's position when the model
            gave none, or one that a call before it already has.
        name: The tool's name.
        arguments: The parsed arguments.
    """

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InvalidToolCall:
    """A tool call that must not be run: its arguments are cut short or not a JSON object.

    Attributes:
        id: As in `ToolCall`.
        name: The tool's name, `""` if none came.
        arguments: The text as it came.
        error: Why it cannot be run.
    """

    id: str
    name: str
    arguments: str
    error: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call cost.

    Attributes:
        prompt_tokens: Tokens read, cached ones included.
        completion_tokens: Tokens written, reasoning included.
        total_tokens: The sum, as reported, or made from the two when it is missing.
        cached_tokens: Prompt tokens answered from the prefix cache; `None` if not reported.
        reasoning_tokens: Tokens spent on reasoning; `None` if not reported.
        neurons: Cloudflare's billing unit ($0.011 per 1,000); `None` if not reported.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    neurons: float | None = None

    def __add__(self, other: Usage) -> Usage:
        """Sum two reports, field by field; what neither reported stays `None`."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            neurons=_sum(self.neurons, other.neurons),
        )

    def to_dict(self) -> dict[str, Any]:
        """Write the usage as an OpenAI answer's dict; what was not reported is absent.

        An answer whose cost alone is known, from a header, has no token counts.
        """
        usage: dict[str, Any] = {}
        if self.total_tokens:
            usage["prompt_tokens"] = self.prompt_tokens
            usage["completion_tokens"] = self.completion_tokens
            usage["total_tokens"] = self.total_tokens
        if self.cached_tokens is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached_tokens}
        if self.reasoning_tokens is not None:
            usage["completion_tokens_details"] = {"reasoning_tokens": self.reasoning_tokens}
        if self.neurons is not None:
            usage["neurons"] = self.neurons
        return usage


N = TypeVar("N", int, float)


def _sum(one: N | None, other: N | None) -> N | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


@dataclass(frozen=True, slots=True)
class ChatChoice:
    """One of the answers to a request; there are several when `n` asks for them.

    Attributes:
        index: Its position.
        text: The answer's text, `""` if it has none. A JSON value that the server had already
            parsed is its JSON text again, each number written as it was sent.
        reasoning: The model's reasoning, `""` if it gave none.
        tool_calls: Calls to run, in order.
        invalid_tool_calls: Calls that cannot be run.
        finish_reason: As the model gave it (`stop`, `length`, `tool_calls`, ...); `None` on
            native answers, which carry none.
        refusal: The model's refusal, if it gave one.
        logprobs: A dict a token, as sent; `None` if not asked for.
    """

    index: int = 0
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    invalid_tool_calls: tuple[InvalidToolCall, ...] = ()
    finish_reason: str | None = None
    refusal: str | None = None
    logprobs: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A whole answer to a chat or a prompt; its properties read the first choice.

    Attributes:
        choices: At least one.
        usage: `None` if the server reported none.
        model: The model as the server names it; it may carry a suffix or an alias's target.
        id: The answer's id, `None` on native answers.
        request_id: Cloudflare's request id (`cf-ray`), if a header carried it.
        gateway: What an AI Gateway said of the call in its headers, by name without `cf-aig-`:
            `cache_status`, `log_id`, ...
        raw: The answer as parsed, without Cloudflare's envelope.
    """

    choices: tuple[ChatChoice, ...]
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    request_id: str | None = None
    system_fingerprint: str | None = None
    gateway: Mapping[str, str] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        """The first choice's reasoning."""
        return self.choices[0].reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The first choice's tool calls."""
        return self.choices[0].tool_calls

    @property
    def invalid_tool_calls(self) -> tuple[InvalidToolCall, ...]:
        """The first choice's tool calls that cannot be run."""
        return self.choices[0].invalid_tool_calls

    @property
    def finish_reason(self) -> str | None:
        """The first choice's finish reason."""
        return self.choices[0].finish_reason

    @property
    def refusal(self) -> str | None:
        """The first choice's refusal."""
        return self.choices[0].refusal

    @property
    def logprobs(self) -> list[dict[str, Any]] | None:
        """The first choice's log probabilities."""
        return self.choices[0].logprobs


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """Vectors in the order of the texts.

    Attributes:
        vectors: One list of floats a text, all of one length.
        usage: The sum over all requests, `None` if no answer reported any.
        model: The model that was asked.
        pooling: `mean` or `cls` as the server reports it; vectors of the two do not compare.
        request_ids: Cloudflare's id (`cf-ray`) of each request that was answered, where a header
            carried it.
    """

    vectors: list[list[float]]
    usage: Usage | None = None
    model: str | None = None
    pooling: str | None = None
    request_ids: tuple[str, ...] = ()

    @property
    def request_id(self) -> str | None:
        """The id of the first request."""
        return self.request_ids[0] if self.request_ids else None


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document's place in a ranking.

    Attributes:
        index: Its position in the list that was sent.
        score: Its relevance; higher is better, the scale is the model's own (bge-reranker-base:
            0 to 1). `None` for a document that has none: it is blank, or the server left it out.
    """

    index: int
    score: float | None


@dataclass(frozen=True, slots=True)
class RerankResult:
    """Documents by relevance, best first.

    Attributes:
        documents: Documents of one score keep the order in which they were passed; those without
            a score come last.
        usage: `None` if the server reported none.
        model: The model that was asked.
        request_id: Cloudflare's request id (`cf-ray`), if a header carried it.
    """

    documents: tuple[RankedDocument, ...]
    usage: Usage | None = None
    model: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the account's catalogue lists it.

    Attributes:
        name: The model id, `@cf/author/name`.
        task: For example `Text Generation`.
        description: The catalogue's sentence about it.
        properties: The catalogue's properties as sent: mostly strings, even for numbers and
            booleans (`"131072"`, `"true"`).
    """

    name: str
    task: str | None = None
    description: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch in the queue.

    It holds plain values only, so that it can be written down and its results fetched by another
    process: `BatchJob(**json.loads(json.dumps(dataclasses.asdict(batch))))` is the same batch. The
    first two values are enough; `references` adds the check that no answer is missing.

    Attributes:
        request_id: Cloudflare's id of the batch.
        model: The model that was asked.
        status: As the server last put it: `queued` or `running`.
        references: The `external_reference` of each request, in order, `None` where there is none;
            empty if the number of requests is not known.
        tool_names: For each request, the names that models have seen of its tools -> the tools'
            own, where they differ; empty if none does. Without it, calls keep the former.
    """

    request_id: str
    model: str
    status: str = "queued"
    references: tuple[str | None, ...] = ()
    tool_names: tuple[Mapping[str, str], ...] = field(default=(), hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "references", tuple(self.references))
        object.__setattr__(self, "tool_names", tuple(self.tool_names))


@dataclass(frozen=True, slots=True)
class BatchResponse:
    """What came of one request of a batch.

    Attributes:
        index: Its place among the requests, from 0.
        result: The answer, or the error that this request alone ended with.
        external_reference: The caller's own text for the request, if it had one.
    """

    index: int
    result: ChatResult | EmbeddingResult | WorkersAIError
    external_reference: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """A batch that is done.

    Attributes:
        request_id: Cloudflare's id of the batch.
        model: The model that was asked.
        responses: One a request, in the order of the requests, whatever order they came in.
        usage: What the whole batch cost, `None` if the server reported nothing.
    """

    request_id: str
    model: str
    responses: tuple[BatchResponse, ...]
    usage: Usage | None = None

    @property
    def results(self) -> tuple[ChatResult | EmbeddingResult | WorkersAIError, ...]:
        """The answers and errors alone."""
        return tuple(response.result for response in self.responses)
