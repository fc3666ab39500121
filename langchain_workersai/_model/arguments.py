"""Keyword types of the constructors, for type checkers and editors.

A test checks that they have the names of the classes' fields and aliases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter

from workersai.integration import (
    ConnectionSettings,
    EmbeddingSettings,
    GenerationSettings,
    RerankSettings,
)


class Settings(ConnectionSettings, total=False):
    """The keywords of every class."""

    model_name: str
    model_kwargs: Mapping[str, Any]
    extra: Mapping[str, Any]


class EmbeddingsSettings(Settings, EmbeddingSettings, total=False):
    """The keywords of `WorkersAIEmbeddings`."""

    batch_size: int | None
    chunk_size: int | None
    show_progress: bool


class RankingSettings(Settings, RerankSettings, total=False):
    """The keywords of `WorkersAIRerank`."""


class TextSettings(Settings, GenerationSettings, total=False):
    """The keywords of both text models, with LangChain's own for all models."""

    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    think_tags: bool | None


class ChatSettings(TextSettings, total=False):
    """The keywords of `ChatWorkersAI`."""

    repair_history: bool
    tool_call_retries: int
    streaming: bool | None
    stream_usage: bool
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]
    output_version: str | None
    profile: ModelProfile | None


class CompletionSettings(TextSettings, total=False):
    """The keywords of `WorkersAILLM`."""

    max_concurrency: int
