"""Cloudflare Workers AI for LlamaIndex."""

from __future__ import annotations

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise ImportError(
        "llamaindex_workersai needs llama-index-core: pip install 'workersai[llamaindex]'"
    ) from error

from llamaindex_workersai import _register
from llamaindex_workersai._errors import StructuredOutputError, ToolCallError
from llamaindex_workersai._model.retries import WorkersAIRetryEvent
from llamaindex_workersai._model.usage import (
    WorkersAICostHandler,
    WorkersAIUsageEvent,
    count_workersai_costs,
)
from llamaindex_workersai.embeddings import WorkersAIEmbedding
from llamaindex_workersai.llm import WorkersAI
from llamaindex_workersai.rerank import WorkersAIRerank
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    ContextWindowExceededError,
    InvalidRequestError,
    NotFoundError,
    OutOfCapacityError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    ServerError,
    StreamInterruptedError,
    Timeout,
    WorkersAIError,
    __version__,
)
from workersai.integration import CostTotals

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "ConfigurationError",
    "ContextWindowExceededError",
    "CostTotals",
    "InvalidRequestError",
    "NotFoundError",
    "OutOfCapacityError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RateLimitError",
    "ResponseError",
    "ServerError",
    "StreamInterruptedError",
    "StructuredOutputError",
    "Timeout",
    "ToolCallError",
    "WorkersAI",
    "WorkersAICostHandler",
    "WorkersAIEmbedding",
    "WorkersAIError",
    "WorkersAIRerank",
    "WorkersAIRetryEvent",
    "WorkersAIUsageEvent",
    "__version__",
    "count_workersai_costs",
]

_register.register()
