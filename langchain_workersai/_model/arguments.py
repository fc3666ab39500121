"""What the constructors take by keyword, for type checkers and editors.

The classes' fields are the truth; a test holds these equal to them. Aliases are here too,
because a type checker does not see them in the fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import SecretStr
from typing_extensions import TypedDict

from workersai import Endpoint, Timeout


class ConnectionSettings(TypedDict, total=False):
    """Of every class."""

    model_name: str
    account_id: str | None
    api_token: str | SecretStr | None
    api_key: str | SecretStr | None
    base_url: str | None
    endpoint: Endpoint
    timeout: float | Timeout | None
    request_timeout: float | Timeout | None
    max_retries: int
    gateway: str | dict[str, Any] | None
    session_affinity: str | None
    reject_if_busy: bool
    default_headers: dict[str, str] | None
    allow_insecure_http: bool
    http_client: Any
    http_async_client: Any


class EmbeddingSettings(ConnectionSettings, total=False):
    """Of `WorkersAIEmbeddings`."""

    batch_size: int | None
    chunk_size: int | None
    dimensions: int | None
    pooling: Literal["mean", "cls"] | None
    instruction: str | None
    truncate: bool | None
    blank_text: str | None
    max_concurrency: int
    show_progress: bool
    model_kwargs: dict[str, Any]


class RerankSettings(ConnectionSettings, total=False):
    """Of `WorkersAIRerank`."""

    top_n: int | None
    model_kwargs: dict[str, Any]


class TextSettings(ConnectionSettings, total=False):
    """Of both text models: the request's parameters, and what LangChain has for any model."""

    temperature: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    top_p: float | None
    top_k: int | None
    seed: int | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | list[str] | None
    stop_sequences: str | list[str] | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: dict[str, float] | None
    reasoning_effort: str | None
    chat_template_kwargs: dict[str, Any] | None
    response_format: dict[str, Any] | None
    lora: str | None
    raw: bool | None
    parallel_tool_calls: bool | None
    user: str | None
    model_kwargs: dict[str, Any]
    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None


class ChatSettings(TextSettings, total=False):
    """Of `ChatWorkersAI`."""

    repair_history: bool
    think_tags: bool
    streaming: bool | None
    stream_usage: bool
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: ModelProfile | None


class CompletionSettings(TextSettings, total=False):
    """Of `WorkersAILLM`."""

    max_concurrency: int
