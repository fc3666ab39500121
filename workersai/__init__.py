"""Cloudflare Workers AI: chat, completion, embeddings and reranking, without a framework.

The packages `langchain_workersai` and `llamaindex_workersai` connect it to LangChain and
LlamaIndex. Both are built on the names that this package exports.
"""

from __future__ import annotations

from workersai import _log
from workersai._models import get_profile
from workersai._models.profile import ModelParameter, ModelProfile
from workersai._version import __version__
from workersai.client import AsyncClient, Client
from workersai.client.embedding_streams import AsyncEmbeddingStream, EmbeddingStream
from workersai.client.streams import AsyncChatStream, ChatStream, collect
from workersai.errors import (
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
    WorkersAIError,
)
from workersai.events import (
    ChatEvent,
    ChatFinish,
    ReasoningDelta,
    RetryNotice,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
)
from workersai.results import (
    BatchJob,
    BatchResult,
    BatchStatus,
    ChatChoice,
    ChatResult,
    EmbeddingResult,
    InvalidToolCall,
    ModelInfo,
    NotEmbedded,
    RankedDocument,
    RerankResult,
    ToolCall,
    Usage,
)
from workersai.thinking import ThinkSplitter, without_think_tags
from workersai.types import (
    BatchRequest,
    CallOptions,
    ChatParameters,
    EmbeddingOptions,
    EndpointName,
    RequestOptions,
    Timeout,
)

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncChatStream",
    "AsyncClient",
    "AsyncEmbeddingStream",
    "AuthenticationError",
    "BatchJob",
    "BatchRequest",
    "BatchResult",
    "BatchStatus",
    "CallOptions",
    "ChatChoice",
    "ChatEvent",
    "ChatFinish",
    "ChatParameters",
    "ChatResult",
    "ChatStream",
    "Client",
    "ConfigurationError",
    "ContextWindowExceededError",
    "EmbeddingOptions",
    "EmbeddingResult",
    "EmbeddingStream",
    "EndpointName",
    "InvalidRequestError",
    "InvalidToolCall",
    "ModelInfo",
    "ModelParameter",
    "ModelProfile",
    "NotEmbedded",
    "NotFoundError",
    "OutOfCapacityError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "RankedDocument",
    "RateLimitError",
    "ReasoningDelta",
    "RequestOptions",
    "RerankResult",
    "ResponseError",
    "RetryNotice",
    "ServerError",
    "StreamInterruptedError",
    "TextDelta",
    "ThinkSplitter",
    "Timeout",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "UsageUpdate",
    "WorkersAIError",
    "__version__",
    "collect",
    "get_profile",
    "without_think_tags",
]

_log.switch_on()
