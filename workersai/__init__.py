"""Cloudflare Workers AI: chat, completion, embeddings and reranking, without a framework.

The packages `langchain_workersai` and `llamaindex_workersai` connect it to LangChain and
LlamaIndex. Both are built on the names that this package exports.

Each name is imported from its module when it is first used: `import workersai` costs a millisecond.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workersai import _log
from workersai._version import __version__

if TYPE_CHECKING:
    from workersai._models import get_profile, known_profiles
    from workersai._models.profile import ModelParameter, ModelProfile
    from workersai.client import AsyncClient, Client
    from workersai.client.embedding.streams import AsyncEmbeddingStream, EmbeddingStream
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
        RateLimits,
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
    "RateLimits",
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
    "known_profiles",
    "without_think_tags",
]

_HOMES = {
    "APIConnectionError": "errors",
    "APIStatusError": "errors",
    "APITimeoutError": "errors",
    "AsyncChatStream": "client.streams",
    "AsyncClient": "client",
    "AsyncEmbeddingStream": "client.embedding.streams",
    "AuthenticationError": "errors",
    "BatchJob": "results",
    "BatchRequest": "types",
    "BatchResult": "results",
    "BatchStatus": "results",
    "CallOptions": "types",
    "ChatChoice": "results",
    "ChatEvent": "events",
    "ChatFinish": "events",
    "ChatParameters": "types",
    "ChatResult": "results",
    "ChatStream": "client.streams",
    "Client": "client",
    "ConfigurationError": "errors",
    "ContextWindowExceededError": "errors",
    "EmbeddingOptions": "types",
    "EmbeddingResult": "results",
    "EmbeddingStream": "client.embedding.streams",
    "EndpointName": "types",
    "InvalidRequestError": "errors",
    "InvalidToolCall": "results",
    "ModelInfo": "results",
    "ModelParameter": "_models.profile",
    "ModelProfile": "_models.profile",
    "NotEmbedded": "results",
    "NotFoundError": "errors",
    "OutOfCapacityError": "errors",
    "PermissionDeniedError": "errors",
    "QuotaExceededError": "errors",
    "RankedDocument": "results",
    "RateLimitError": "errors",
    "RateLimits": "types",
    "ReasoningDelta": "events",
    "RequestOptions": "types",
    "RerankResult": "results",
    "ResponseError": "errors",
    "RetryNotice": "events",
    "ServerError": "errors",
    "StreamInterruptedError": "errors",
    "TextDelta": "events",
    "ThinkSplitter": "thinking",
    "Timeout": "types",
    "ToolCall": "results",
    "ToolCallDelta": "events",
    "Usage": "results",
    "UsageUpdate": "events",
    "WorkersAIError": "errors",
    "collect": "client.streams",
    "get_profile": "_models",
    "known_profiles": "_models",
    "without_think_tags": "thinking",
}
"""The module of each name, below this package; as above, for type checkers."""

_SUBMODULES = frozenset(
    {"bulk", "client", "errors", "events", "integration", "local", "results", "thinking", "types"}
)


def __getattr__(name: str) -> Any:
    """Import a public name, or a public module, when it is first used."""
    if name in _SUBMODULES:
        return import_module(f"workersai.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"workersai.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__, *_SUBMODULES})


_log.switch_on()
