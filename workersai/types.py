"""Types of arguments: messages, parameters, options, timeouts.

`_request` reads them. The types of results are in `results`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from typing_extensions import Required, TypedDict

from workersai._checks import check_seconds
from workersai.errors import ConfigurationError

EndpointName: TypeAlias = Literal["run", "openai"]
"""`run`: the native `/ai/run/{model}`; `openai`: the OpenAI-compatible `/ai/v1/...`."""


class WireFunctionCall(TypedDict):
    """A function's name and its arguments as JSON text.

    Text that is not a JSON object is sent as an object with the single key `input`.
    """

    name: str
    arguments: str


class WireToolCall(TypedDict):
    """A tool call inside an assistant message."""

    id: str
    type: Literal["function"]
    function: WireFunctionCall


class WireMessage(TypedDict, total=False):
    """One message of a conversation, in the OpenAI form that all Workers AI chat models read.

    The LangChain and LlamaIndex classes write this form. Rules of a single model's schema
    (plain-string content, no reasoning) are applied when the request is built. The content of a
    tool's result may be any value; a value without a JSON form is written as text.
    """

    role: Required[Literal["system", "developer", "user", "assistant", "tool", "function"]]
    content: Required[str | list[dict[str, Any]]]
    name: str
    tool_calls: list[WireToolCall]
    tool_call_id: str
    reasoning: str


class SendingOptions(TypedDict, total=False):
    """`RequestOptions` without `timeout`, for calls whose own `timeout` has another meaning.

    Attributes:
        max_retries: How often this call may be repeated after a failure that may pass.
        headers: HTTP headers, sent in addition to the client's `default_headers`.
        session_affinity: Any id; requests with the same one can share a prompt cache.
        gateway: The id of an AI Gateway, or its options by name: `id`, `authorization`, `backoff`,
            `byok_alias`, `cache_key`, `cache_ttl`, `collect_log`, `custom_cost`, `event_id`,
            `max_attempts`, `metadata`, `request_timeout`, `retry_delay`, `skip_cache`. They are
            sent in addition to the client's `gateway`.
    """

    max_retries: int
    headers: Mapping[str, str] | None
    session_affinity: str | None
    gateway: str | Mapping[str, Any] | None


class RequestOptions(SendingOptions, total=False):
    """Keywords of every call; they replace the client's settings for this call.

    Attributes:
        timeout: Seconds for the whole call, a `Timeout`, or `None` for no limit.
    """

    timeout: float | Timeout | None


class GenerationOptions(TypedDict, total=False):
    """The text-generation parameters whose names no framework has for something else.

    Their ranges are on each model's page, and for known models in `get_profile(model).parameters`.

    Attributes:
        temperature: Randomness; higher values vary the answers more.
        max_tokens: The most tokens to write, reasoning included. If omitted, the model's default
            applies; where the route would cut the answer below it, the page's default is sent.
        top_p: Sample from the likeliest tokens whose probabilities add up to this.
        top_k: Sample from this many of the likeliest tokens.
        seed: For repeatable answers.
        repetition_penalty: Against repeated tokens, multiplying.
        frequency_penalty: Against tokens by how often they occurred.
        presence_penalty: Against tokens that occurred at all.
        stop: Texts that end the answer.
        n: How many answers to generate; `ChatResult.choices` has all of them.
        logprobs: Whether to return the log probability of each token.
        top_logprobs: How many alternatives to return for each token, with `logprobs`.
        logit_bias: Token ids -> the value to add to their scores.
        reasoning_effort: How much a reasoning model thinks, such as `low`, `medium` or `high`.
        chat_template_kwargs: Arguments of the model's chat template, such as `enable_thinking`.
        lora: The name or id of a LoRA adapter.
        raw: Send a prompt without the model's chat template.
        parallel_tool_calls: Whether one answer may call several tools.
        user: An id of the end user.
        functions: `tools` in an older form; sent as they are. A call in the answer is read as any.
        function_call: `tool_choice` in the older form: `none`, `auto` or `{"name": ...}`.
        modalities: The kinds of output; answers are read as text.
        audio: The form of spoken output.
        prediction: A text that much of the answer is expected to repeat.
        service_tier: How the request is processed.
        store: Whether the server stores the answer.
        stream_options: Options of a stream; sent with streams only.
        web_search_options: Options of a search that the server makes.
    """

    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    top_k: int | None
    seed: int | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | Sequence[str] | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | None
    reasoning_effort: str | None
    chat_template_kwargs: Mapping[str, Any] | None
    lora: str | None
    raw: bool | None
    parallel_tool_calls: bool | None
    user: str | None
    functions: Sequence[Mapping[str, Any]] | None
    function_call: str | Mapping[str, Any] | None
    modalities: Sequence[str] | None
    audio: Mapping[str, Any] | None
    prediction: Mapping[str, Any] | None
    service_tier: str | None
    store: bool | None
    stream_options: Mapping[str, Any] | None
    web_search_options: Mapping[str, Any] | None


class ChatParameters(GenerationOptions, total=False):
    """Text-generation parameters. `None` means "not sent"; ranges depend on the model's page.

    Attributes:
        metadata: Names and values to keep beside the request.
    """

    metadata: Mapping[str, Any] | None


class CallOptions(ChatParameters, RequestOptions, total=False):
    """Keywords of every call that generates text.

    Attributes:
        model: The model to ask; the client's if omitted.
        response_format: `{"type": "json_object"}`, or `{"type": "json_schema", "json_schema": ...}`
            with the schema itself or OpenAI's form around it.
        extra: Any other fields of the request, sent unchecked.
    """

    model: str | None
    response_format: Mapping[str, Any] | None
    extra: Mapping[str, Any] | None


class BatchRequest(ChatParameters, total=False):
    """One request of a batch: exactly one of `messages`, `prompt` and `texts`, and its options.

    Attributes:
        messages: A conversation, as for `Client.chat`.
        prompt: A prompt, as for `Client.complete`.
        texts: Texts to embed, as for `Client.embed`.
        external_reference: Any text of the caller's own, unique within the batch; it comes back
            with the answer (page: Batch API, REST).
        tools: As for `Client.chat`.
        tool_choice: As for `Client.chat`.
        response_format: As in `CallOptions`.
        extra: Any other fields of this request, sent unchecked.
        input_type: `document` for texts to search in, `query` for a text that searches; models
            whose page asks for it get another field or an instruction.
        instruction: The task that queries are embedded for; the page's default if omitted.
        pooling: `mean` or `cls`, for models that offer both; do not compare their vectors.
        dimensions: Length of the vectors, for models that can shorten them.
        truncate: Whether the model cuts texts that are too long instead of refusing them, if it
            can.
        blank_text: The text to embed in place of a blank document, for which models have no
            vector.
    """

    messages: Sequence[Mapping[str, Any]]
    prompt: str
    texts: Sequence[str]
    external_reference: str | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | bool | Mapping[str, Any] | None
    response_format: Mapping[str, Any] | None
    extra: Mapping[str, Any] | None
    input_type: Literal["document", "query"]
    instruction: str | None
    pooling: str | None
    dimensions: int | None
    truncate: bool | None
    blank_text: str | None


class EmbeddingOptions(RequestOptions, total=False):
    """Keywords of a call for embeddings.

    Attributes:
        input_type: `document` for texts to search in, `query` for a text that searches; models
            whose page asks for it get another field or an instruction.
        instruction: The task that queries are embedded for; the page's default if omitted.
        pooling: `mean` or `cls`, for models that offer both; do not compare their vectors.
        dimensions: Length of the vectors, for models that can shorten them.
        truncate: Whether the model cuts texts that are too long instead of refusing them, if it
            can.
        blank_text: The text to embed in place of a blank document, for which models have no
            vector.
        batch_size: The most texts of one request; the model's limit if omitted.
        extra: Any other fields of the requests, sent unchecked.
    """

    input_type: Literal["document", "query"]
    instruction: str | None
    pooling: str | None
    dimensions: int | None
    truncate: bool | None
    blank_text: str | None
    batch_size: int | None
    extra: Mapping[str, Any] | None


class _AnyHTTPClient(Protocol):
    """The common interface of the clients of httpx and httpx2, sync and async."""

    @property
    def is_closed(self) -> bool: ...
    @property
    def headers(self) -> Any: ...
    @property
    def cookies(self) -> Any: ...
    @property
    def auth(self) -> Any: ...
    def build_request(
        self,
        method: str,
        url: str,
        *,
        headers: Any = ...,
        content: Any = ...,
        params: Any = ...,
        extensions: Any = ...,
    ) -> Any:
        """Build the request for `send`, with the client's own headers, cookies and so on."""


class HTTPClient(_AnyHTTPClient, Protocol):
    """An `httpx.Client` or an `httpx2.Client`, for type checkers; neither library is needed."""

    def send(
        self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: bool = ...
    ) -> Any:
        """Send a request, and return its response."""

    def close(self) -> None:
        """Close the connections."""


class AsyncHTTPClient(_AnyHTTPClient, Protocol):
    """An `AsyncClient` of httpx or httpx2, for type checkers."""

    async def send(
        self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: bool = ...
    ) -> Any:
        """Send a request, and return its response."""

    async def aclose(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """An account's limits for one model, and this process's share of them.

    A client that has them spaces its requests, so that no minute has more than its share, and all
    clients of a process with the same limits, account and model share one rate. A refusal by the
    server (429: codes 3021, 2003 and 3040) lowers the rate to 0.7 of it; answers raise it again.
    Cloudflare publishes 300 requests a minute for text generation, 3,000 for embeddings and 2,000
    for rerankers, for most models (page: Limits); limits of tokens are those of a contract or of an
    AI Gateway. Needs the extra `limits`.

    Attributes:
        requests_per_minute: Requests of the whole account.
        tokens_per_minute: Tokens of the whole account. A request counts a quarter of its bytes
            before it is sent; what the answer reports beyond that is counted with the next one.
        share: The part of both that is this process's: `1/8` for each of eight workers.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        limits = (self.requests_per_minute, self.tokens_per_minute)
        if limits == (None, None):
            raise ConfigurationError(
                "RateLimits needs requests_per_minute or tokens_per_minute", parameter="limits"
            )
        for value in (*(limit for limit in limits if limit is not None), self.share):
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not 0 < value < math.inf:
                raise ConfigurationError(
                    f"a limit must be a number above 0, not {value!r}", parameter="limits"
                )
        if self.share > 1:
            raise ConfigurationError(
                f"share={self.share!r} must be above 0 and at most 1", parameter="limits"
            )

    @classmethod
    def of(cls, limits: Any) -> RateLimits | None:
        """Read a limits argument.

        Args:
            limits: A `RateLimits`, a mapping of its fields, or `None` for none.

        Raises:
            ConfigurationError: If it is none of them.
        """
        if limits is None or isinstance(limits, cls):
            return limits
        if isinstance(limits, Mapping) and limits.keys() <= set(cls.__dataclass_fields__):
            return cls(**limits)
        raise ConfigurationError(
            f"limits must be a workersai.RateLimits, not {type(limits).__name__}",
            parameter="limits",
        )


NO_LIMIT = 1e9
"""Seconds (thirty years) that are used for "no limit"."""


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long to wait, in seconds, for each part of a call.

    A generation that exceeds a clock other than `connect` is not retried, because the answer may
    have been generated and paid for; other calls are retried.

    Attributes:
        connect: For a connection, including the wait for a free one.
        first_byte: For the answer to begin: of a stream, of embeddings, of a rerank. It does not
            apply to a chat or a completion that is not streamed. Its first byte comes after its
            last token, which took minutes in observed calls, so only `total` limits it.
        idle: Between two events of a stream; pings do not count.
        total: For everything together, with retries and the waits between them.

    `timeout=None` sets no limit on any of them.
    """

    connect: float = 5.0
    first_byte: float = 120.0
    idle: float = 60.0
    total: float = 600.0

    def __post_init__(self) -> None:
        for name in ("connect", "first_byte", "idle", "total"):
            check_seconds(f"timeout {name}", getattr(self, name), parameter="timeout")

    @classmethod
    def of(cls, timeout: float | Timeout | None) -> Timeout:
        """Read a timeout argument.

        Args:
            timeout: A number of seconds sets `total`, `first_byte` and `idle`, so that no part
                of the answer is given up earlier. `None` is no limit.

        Raises:
            ConfigurationError: If it is neither a number of seconds nor a `Timeout`.
        """
        value: Any = timeout  # a user may pass anything
        if value is None:
            return cls(*(NO_LIMIT,) * 4)
        if isinstance(value, Timeout):
            return value
        if not isinstance(value, (int, float)):
            kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
            raise ConfigurationError(
                f"timeout must be a number of seconds or a workersai.Timeout, not {kind}",
                parameter="timeout",
            )
        return cls(first_byte=value, idle=value, total=check_seconds("timeout", value))
