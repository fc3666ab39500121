"""Cloudflare Workers AI for LangChain."""

from __future__ import annotations

try:
    import langchain_core as _langchain_core
except ImportError as error:
    raise ImportError(
        "langchain_workersai needs langchain-core: pip install 'workersai[langchain]'"
    ) from error

from langchain_workersai._errors import (
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
)
from langchain_workersai._model.costs import (
    WorkersAICostCallbackHandler,
    get_workersai_callback,
)
from langchain_workersai._model.structuring import StructuredAnswer
from langchain_workersai._register import register
from langchain_workersai.chat_models import ChatWorkersAI
from langchain_workersai.embeddings import WorkersAIEmbeddings
from langchain_workersai.llms import WorkersAILLM
from langchain_workersai.rerank import WorkersAIRerank
from workersai import Timeout, WorkersAIError, __version__
from workersai.integration import CostTotals

del _langchain_core

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "ChatWorkersAI",
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
    "StructuredAnswer",
    "Timeout",
    "WorkersAICostCallbackHandler",
    "WorkersAIEmbeddings",
    "WorkersAIError",
    "WorkersAILLM",
    "WorkersAIRerank",
    "__version__",
    "get_workersai_callback",
    "register",
]
