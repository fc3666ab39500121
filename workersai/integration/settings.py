"""Keyword types of the constructors of an adapter's classes, for type checkers and editors.

In a constructor with `**settings`, type checkers see neither fields nor aliases. A test checks that
these types have the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import SecretStr
from typing_extensions import TypedDict

from workersai.types import (
    AsyncHTTPClient,
    EndpointName,
    GenerationOptions,
    HTTPClient,
    RateLimits,
    Timeout,
)

__all__ = [
    "ConnectionSettings",
    "EmbeddingSettings",
    "GenerationSettings",
    "RerankSettings",
]


class ConnectionSettings(TypedDict, total=False):
    """The keywords of every class: `ConnectionFields` and the aliases."""

    account_id: str | None
    api_token: str | SecretStr | None
    api_key: str | SecretStr | None
    base_url: str | None
    api_base: str | None
    allow_insecure_http: bool
    endpoint: EndpointName
    timeout: float | Timeout | None
    request_timeout: float | Timeout | None
    max_retries: int
    gateway: str | Mapping[str, Any] | None
    session_affinity: str | None
    limits: RateLimits | None
    reject_if_busy: bool
    default_headers: Mapping[str, str] | None
    binding: Any
    http_client: HTTPClient | None
    http_async_client: AsyncHTTPClient | None
    async_http_client: AsyncHTTPClient | None


class GenerationSettings(GenerationOptions, total=False):
    """The keywords of classes that generate text: `GenerationFields` and the aliases."""

    max_completion_tokens: int | None
    stop_sequences: str | list[str] | None
    request_metadata: Mapping[str, Any] | None
    response_format: Mapping[str, Any] | None


class EmbeddingSettings(TypedDict, total=False):
    """The keywords of classes of embeddings: `EmbeddingFields` and the aliases."""

    query_instruction: str | None
    instruction: str | None
    text_instruction: str | None
    pooling: Literal["mean", "cls"] | None
    dimensions: int | None
    truncate: bool | None
    blank_text: str | None
    max_concurrency: int


class RerankSettings(TypedDict, total=False):
    """The keywords of rerankers: `RerankFields`."""

    top_n: int | None
