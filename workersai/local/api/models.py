"""The models of the local Workers AI: facts from profiles, and the shapes of their answers.

Prices, windows, caps, abilities, queue and end come from `workersai.get_profile`. The shapes of
answers were reported by clients of the live service and are only here. Models whose answers nobody
reported have the shape of similar ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from workersai import ModelProfile, Usage, get_profile, known_profiles

__all__ = ["MODELS", "LocalModel", "Task", "neurons"]

Task = Literal["Text Generation", "Text Embeddings", "Text Classification"]
Wire = Literal["openai", "classic"]

Queue = Literal["catalogue", "page"]
"""`catalogue`: the model is listed with `async_queue`; `page`: its schema describes a batch."""

_TASKS: Mapping[str, Task] = {
    "text-generation": "Text Generation",
    "embeddings": "Text Embeddings",
    "rerank": "Text Classification",
}
_ANY_DIMENSIONS = 768
_USD_PER_NEURON = 0.011 / 1000
"""Cloudflare's price of one neuron, the unit Workers AI bills in."""


@dataclass(frozen=True, kw_only=True)
class LocalModel:
    """One model: its profile, and the shapes of its requests and answers.

    Attributes:
        profile: The facts about it.
        about: The catalogue's description.
        schema: The stem of the JSON schema for requests (`schemas/<stem>.input.json`).
        wire: `openai`: a chat completion inside `result`; `classic`:
            `{response, tool_calls, usage}`.
        parses_json: Whether a JSON-schema answer comes as a parsed `response` object.
        text_completion: Whether the `prompt` variant answers with a `text_completion` object.
        hybrid: Whether `/ai/v1` stream chunks carry the text a second time, as `response`.
        pooling: The pooling that an embedding's answer names; `None` if it names none.
    """

    profile: ModelProfile
    about: str
    schema: str = "chat"
    wire: Wire = "openai"
    parses_json: bool = False
    text_completion: bool = False
    hybrid: bool = False
    pooling: str | None = None

    @property
    def name(self) -> str:
        """The model's id."""
        return self.profile.name

    @property
    def task(self) -> Task:
        """The task, as the catalogue names it."""
        return _TASKS[self.profile.task]

    @property
    def dimensions(self) -> int:
        """The length of its vectors; 768 if no source has it."""
        return self.profile.dimensions or _ANY_DIMENSIONS

    @property
    def queue(self) -> Queue | None:
        """Whether it accepts batches, and by which source; `None` answers 8007."""
        if self.profile.batch:
            return "catalogue"
        return "page" if "requests" in self.profile.inputs else None


def neurons(model: LocalModel, tokens_in: int, tokens_out: int = 0) -> float | None:
    """Return the cost of a call in neurons, by the model's prices; `None` without a price."""
    usd = model.profile.cost(Usage(tokens_in, tokens_out))
    return None if usd is None else round(usd / _USD_PER_NEURON, 6)


def _openai(name: str, about: str, schema: str = "chat", **shape: bool) -> LocalModel:
    return LocalModel(profile=get_profile(name), about=about, schema=schema, **shape)  # type: ignore[arg-type]  # a table's keywords


def _classic(name: str, about: str, schema: str = "chat", **shape: bool) -> LocalModel:
    return LocalModel(
        profile=get_profile(name),
        about=about,
        schema=schema,
        wire="classic",
        **shape,  # type: ignore[arg-type]  # a table's keywords
    )


def _vectors(name: str, about: str, schema: str, pooling: str | None = None) -> LocalModel:
    return LocalModel(profile=get_profile(name), about=about, schema=schema, pooling=pooling)


_ALL = (
    _openai(
        "@cf/ibm-granite/granite-4.0-h-micro",
        "Instruction model for agents and retrieval with tool calling.",
        "granite-4.0-h-micro",
        text_completion=True,
    ),
    _openai(
        "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
        "Instruction model for the languages of South-East Asia.",
        "gemma-sea-lion-v4-27b-it",
        parses_json=True,
        text_completion=True,
    ),
    _openai(
        "@cf/zai-org/glm-4.7-flash",
        "Multilingual reasoning model with tool calling.",
        "glm-4.7-flash",
    ),
    _classic(
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "Large instruction model with tool calling.",
        parses_json=True,
        hybrid=True,
    ),
    _classic("@cf/meta/llama-3.1-8b-instruct-fp8", "Small instruction model, quantized to 8 bits."),
    _classic("@cf/meta/llama-3.1-8b-instruct", "Retired instruction model."),
    _classic("@cf/meta/llama-3.2-3b-instruct", "Small instruction model.", parses_json=True),
    _classic("@cf/meta/llama-3.2-1b-instruct", "Very small instruction model."),
    _classic(
        "@cf/meta/llama-4-scout-17b-16e-instruct",
        "Mixture-of-experts instruction model with tool calling.",
        parses_json=True,
    ),
    _classic(
        "@cf/mistralai/mistral-small-3.1-24b-instruct",
        "Instruction model with a long context.",
        parses_json=True,
    ),
    _classic(
        "@cf/qwen/qwen2.5-coder-32b-instruct",
        "Instruction model for code.",
        "chat-plain",
        parses_json=True,
    ),
    _openai("@cf/google/gemma-4-26b-a4b-it", "Reasoning model with tool calling."),
    _openai("@cf/openai/gpt-oss-120b", "Open-weight reasoning model."),
    _openai("@cf/openai/gpt-oss-20b", "Smaller open-weight reasoning model."),
    _openai("@cf/qwen/qwen3-30b-a3b-fp8", "Mixture-of-experts reasoning model."),
    _classic("@cf/meta/llama-3-8b-instruct", "Retired instruction model."),
    _vectors("@cf/baai/bge-small-en-v1.5", "English embeddings, 384 numbers each.", "bge", "mean"),
    _vectors("@cf/baai/bge-base-en-v1.5", "English embeddings, 768 numbers each.", "bge", "mean"),
    _vectors("@cf/baai/bge-large-en-v1.5", "English embeddings, 1024 numbers each.", "bge", "mean"),
    _vectors("@cf/baai/bge-m3", "Multilingual embeddings and relevance scores.", "bge-m3", "cls"),
    _vectors(
        "@cf/qwen/qwen3-embedding-0.6b",
        "Embeddings with instructions for queries.",
        "qwen3-embedding",
    ),
    _vectors("@cf/google/embeddinggemma-300m", "Small multilingual embeddings.", "embeddinggemma"),
    _vectors(
        "@cf/baai/bge-reranker-base",
        "Scores how well each context answers a query.",
        "reranker",
    ),
)


def _like_others(profile: ModelProfile) -> LocalModel:
    """Describe a model whose answers were not reported by the shapes of its kind."""
    about = "Its answers have the shape of similar models."
    if profile.task == "embeddings":
        return LocalModel(profile=profile, about=about, schema="bge")
    if profile.task == "rerank":
        return LocalModel(profile=profile, about=about, schema="reranker")
    openai = "max_completion_tokens" in profile.parameters
    return LocalModel(profile=profile, about=about, wire="openai" if openai else "classic")


_REPORTED = {model.name: model for model in _ALL}

MODELS: Mapping[str, LocalModel] = MappingProxyType(
    _REPORTED
    | {one.name: _like_others(one) for one in known_profiles() if one.name not in _REPORTED}
)
"""All models of the local server, by id."""
