"""Keyword types of the constructors, for type checkers and editors.

A test checks that they have the names of the classes' fields and aliases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import BaseOutputParser, PydanticProgramMode

from llamaindex_workersai._model.structured import Method
from workersai.integration import (
    ConnectionSettings,
    EmbeddingSettings,
    GenerationSettings,
    RerankSettings,
)


class Settings(ConnectionSettings, total=False):
    """The keywords of every class."""

    model_name: str
    additional_kwargs: Mapping[str, Any]
    extra: Mapping[str, Any]
    callback_manager: CallbackManager | None


class ChatSettings(Settings, GenerationSettings, total=False):
    """The keywords of `WorkersAI`."""

    stream_usage: bool
    context_window: int | None
    num_output: int | None
    is_chat_model: bool
    is_function_calling_model: bool | None
    repair_history: bool
    reasoning_as_text: bool
    think_tags: bool | None
    tool_call_retries: int
    structured_output_method: Method | None
    structured_output_retries: int
    system_prompt: str | None
    messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None
    completion_to_prompt: Callable[[str], str] | None
    output_parser: BaseOutputParser | None
    pydantic_program_mode: PydanticProgramMode
    query_wrapper_prompt: BasePromptTemplate | None
    rate_limiter: Any


class EmbeddingsSettings(Settings, EmbeddingSettings, total=False):
    """The keywords of `WorkersAIEmbedding`."""

    embed_batch_size: int
    num_workers: int | None
    embeddings_cache: Any
    rate_limiter: Any


class RankingSettings(Settings, RerankSettings, total=False):
    """The keywords of `WorkersAIRerank`."""

    normalize_scores: bool
    keep_retrieval_score: bool
