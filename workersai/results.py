"""Results of calls as frozen dataclasses, the same for every shape of answer.

`_response` and `_stream` create them. The events of a stream are in `events`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from workersai.errors import WorkersAIError


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call whose arguments are a JSON object.

    Attributes:
        id: The model's own id. If the model sent none, or repeated an earlier one, an id made
            from the request and the call's position.
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
        name: The tool's name, `""` if the model sent none.
        arguments: The text as sent.
        error: Why it cannot be run.
    """

    id: str
    name: str
    arguments: str
    error: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and neurons that a call used.

    Attributes:
        prompt_tokens: Tokens read, cached ones included.
        completion_tokens: Tokens written, reasoning included.
        total_tokens: The sum as reported; computed from the other two if the report lacks it.
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
        """Add two reports field by field; a field that neither report has stays `None`."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            neurons=_sum(self.neurons, other.neurons),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the usage in the form of an OpenAI answer; fields that are `None` are left out.

        The token counts are left out if only the cost is known, from a header.
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
    """One of the answers to a request; the parameter `n` asks for several.

    Attributes:
        index: Its position.
        text: The answer's text, `""` if it has none. If the server sent parsed JSON, its JSON
            text, with each number written as it was sent.
        reasoning: The model's reasoning, `""` if there is none.
        tool_calls: Calls to run, in order.
        invalid_tool_calls: Calls that cannot be run.
        finish_reason: As sent by the model (`stop`, `length`, `tool_calls`, ...); `None` on
            native answers, which have no such field.
        refusal: The model's refusal, if there is one.
        logprobs: One dict for each token, as sent; `None` if not requested.
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
        model: The model as the server names it; it may have a suffix or be the target of an alias.
        id: The answer's id, `None` on native answers.
        system_fingerprint: As sent; `None` if there is none.
        request_id: Cloudflare's request id (`cf-ray`), if a header carried it.
        gateway: What an AI Gateway reported in its headers, by name without `cf-aig-`:
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
        vectors: One list of floats for each text, all of one length.
        usage: The sum over all requests, `None` if no answer reported any.
        model: The requested model.
        pooling: `mean` or `cls` as the server reports it; do not compare vectors of different
            pooling.
        request_ids: Cloudflare's id (`cf-ray`) of each answered request, where a header carried it.
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
class NotEmbedded:
    """Takes the place of a missing vector in `embed_iter(on_error="skip")`.

    Attributes:
        position: The index of the text, from 0.
        error: Why it has no vector.
    """

    position: int
    error: WorkersAIError


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document's rank.

    Attributes:
        index: Its position in the list that was sent.
        score: Its relevance; higher is better, and the scale depends on the model
            (bge-reranker-base: 0 to 1). `None` if the document is blank or the server left it out.
    """

    index: int
    score: float | None


@dataclass(frozen=True, slots=True)
class RerankResult:
    """Documents by relevance, best first.

    Attributes:
        documents: Documents of equal score keep the order in which they were passed; documents
            without a score come last.
        usage: `None` if the server reported none.
        model: The requested model.
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
        description: The catalogue's description of the model.
        properties: The catalogue's properties as sent: mostly strings, even for numbers and
            booleans (`"131072"`, `"true"`).
    """

    name: str
    task: str | None = None
    description: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The answer to one request of a batch: exactly one of `chat`, `embedding` and `error` is set.

    Attributes:
        index: The position of the request in the batch, from 0.
        chat: The answer to `messages` or to a `prompt`.
        embedding: The vectors of `texts`.
        error: Why this request alone has no answer.
        external_reference: The caller's own text for the request, if there is one.
    """

    index: int
    chat: ChatResult | None = None
    embedding: EmbeddingResult | None = None
    error: WorkersAIError | None = None
    external_reference: str | None = None


BatchStatus: TypeAlias = Literal["queued", "running", "done", "failed"]
"""`queued` and `running` are the server's words. A batch with results is `done`; one that failed as
a whole is `failed`."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch in the queue, and its results once it is done.

    Until then it contains plain values only, so that it can be stored and another process can fetch
    the results: `BatchJob(**json.loads(json.dumps(dataclasses.asdict(job))))` is the same batch.
    The first two values are enough; `references` adds the check that no answer is missing.

    Attributes:
        request_id: Cloudflare's id of the batch.
        model: The requested model.
        status: `queued`, `running`, `done` or `failed`, as the server last reported.
        references: The `external_reference` of each request, in order, `None` where there is none;
            empty if the number of requests is not known.
        tool_names: For each request, the tool names in the request -> the caller's names, where
            they differ; empty if none differ. Without it, calls keep the names in the request.
        results: One for each request of a batch that is done, in the order of the requests, however
            the server ordered them. A request that failed has its error there; the other requests
            have their answers. Empty until the batch is done.
        usage: The usage of the whole batch, `None` if the server reported none.
        error: Why the batch failed as a whole; `None` if it did not.
    """

    request_id: str
    model: str
    status: BatchStatus = "queued"
    references: tuple[str | None, ...] = ()
    tool_names: tuple[Mapping[str, str], ...] = field(default=(), hash=False)
    results: tuple[BatchResult, ...] = field(default=(), hash=False)
    usage: Usage | None = None
    error: WorkersAIError | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for name in ("references", "tool_names", "results"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def vectors(self) -> list[list[float] | WorkersAIError]:
        """The vector of each text of `submit_texts`, or the error of its request, in order."""
        found: list[list[float] | WorkersAIError] = []
        for result in self.results:
            if result.embedding is not None:
                found += result.embedding.vectors
            elif result.error is not None:
                count = (result.external_reference or "").partition(":")[2]
                found += [result.error] * (int(count) if count.isdecimal() else 1)
        return found

    @property
    def has_ended(self) -> bool:
        """Whether it is done or failed, so that nothing will change any more."""
        return self.status in ("done", "failed")
