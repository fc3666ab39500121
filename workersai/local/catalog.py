"""The models of the local Workers AI: what each one accepts, costs and answers like, as data.

Prices and context windows are those of the models' public pages and of Cloudflare's pricing page
(those of gemma-4 and bge-m3 follow from captured answers); a model without a price reports no
neurons. How a model shapes its answer (`wire`, `json_answer`, `reasoning`) is what clients of the
live service report for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["MODELS", "LocalModel", "Task", "neurons"]

Task = Literal["Text Generation", "Text Embeddings", "Text Classification"]
Wire = Literal["openai", "classic"]
JsonAnswer = Literal["content", "object", "none"]

Queue = Literal["catalogue", "page"]
"""`catalogue`: the model is listed with `async_queue`; `page`: its schema describes a batch."""

USD_PER_NEURON = 0.011 / 1000
"""Cloudflare's price of one neuron, the unit Workers AI bills in."""


@dataclass(frozen=True, kw_only=True)
class LocalModel:
    """One model id and everything the server must know to stand in for it."""

    name: str
    task: Task
    about: str
    context: int
    """Context window in tokens; input plus the largest answer must fit."""
    price_in: float | None = None
    """USD for a million input tokens; None where no public source at hand states it."""
    price_out: float | None = None
    schema: str = "chat"
    """Stem of the JSON schema (`schemas/<stem>.input.json`) that requests must meet."""
    wire: Wire = "openai"
    """`openai`: a chat completion inside `result`; `classic`: `{response, tool_calls, usage}`."""
    json_answer: JsonAnswer = "content"
    """Where a JSON-schema answer stands: text content, a parsed `response` object, or nowhere."""
    reasoning: bool = False
    tools: bool = True
    max_tokens: int | None = None
    """The answer's documented length in tokens when the request names none."""
    text_completion: bool = False
    """Whether the `prompt` variant answers with a `text_completion` object."""
    hybrid: bool = False
    """Whether `/ai/v1` stream chunks carry the text a second time, as `response`."""
    queue: Queue | None = None
    """Whether it takes asynchronous batches, and who says so; None answers 8007."""
    dimensions: int = 0
    pooling: str | None = None
    deprecated: str | None = None
    """The day after which the model answers 410 with code 5028."""


def _chat(name: str, about: str, context: int, **facts: object) -> LocalModel:
    return LocalModel(name=name, task="Text Generation", about=about, context=context, **facts)  # type: ignore[arg-type]  # a table's keywords


def _embedding(name: str, about: str, context: int, **facts: object) -> LocalModel:
    return LocalModel(name=name, task="Text Embeddings", about=about, context=context, **facts)  # type: ignore[arg-type]  # a table's keywords


_ALL = (
    _chat(
        "@cf/ibm-granite/granite-4.0-h-micro",
        "Instruction model for agents and retrieval with tool calling.",
        131_000,
        price_in=0.017,
        price_out=0.11,
        schema="granite-4.0-h-micro",
        text_completion=True,
        max_tokens=2000,
        queue="page",
    ),
    _chat(
        "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
        "Instruction model for the languages of South-East Asia.",
        128_000,
        price_in=0.35,
        price_out=0.56,
        schema="gemma-sea-lion-v4-27b-it",
        json_answer="object",
        tools=False,
        text_completion=True,
        max_tokens=2000,
        queue="page",
    ),
    _chat(
        "@cf/zai-org/glm-4.7-flash",
        "Multilingual reasoning model with tool calling.",
        131_072,
        price_in=0.06,
        price_out=0.40,
        schema="glm-4.7-flash",
        reasoning=True,
    ),
    _chat(
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        "Large instruction model with tool calling.",
        24_000,
        price_in=0.293,
        price_out=2.253,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        hybrid=True,
        queue="catalogue",
    ),
    _chat(
        "@cf/meta/llama-3.1-8b-instruct-fp8",
        "Small instruction model, quantized to 8 bits.",
        32_000,
        price_in=0.152,
        price_out=0.287,
        wire="classic",
        max_tokens=256,
        json_answer="none",
    ),
    _chat(
        "@cf/meta/llama-3.1-8b-instruct",
        "Small instruction model.",
        7_968,
        price_in=0.282,
        price_out=0.827,
        wire="classic",
        max_tokens=256,
        json_answer="object",
    ),
    _chat(
        "@cf/meta/llama-3.2-3b-instruct",
        "Small instruction model.",
        80_000,
        price_in=0.051,
        price_out=0.335,
        wire="classic",
        max_tokens=256,
        json_answer="object",
    ),
    _chat(
        "@cf/meta/llama-3.2-1b-instruct",
        "Very small instruction model.",
        60_000,
        price_in=0.027,
        price_out=0.201,
        wire="classic",
        max_tokens=256,
        json_answer="none",
    ),
    _chat(
        "@cf/meta/llama-4-scout-17b-16e-instruct",
        "Mixture-of-experts instruction model with tool calling.",
        131_000,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        queue="catalogue",
    ),
    _chat(
        "@cf/mistralai/mistral-small-3.1-24b-instruct",
        "Instruction model with a long context.",
        128_000,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        tools=False,
    ),
    _chat(
        "@cf/qwen/qwen2.5-coder-32b-instruct",
        "Instruction model for code.",
        32_768,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        schema="chat-plain",
    ),
    _chat(
        "@cf/google/gemma-4-26b-a4b-it",
        "Instruction model with tool calling.",
        131_072,
        price_in=0.10,
        price_out=0.30,
        queue="catalogue",
    ),
    _chat(
        "@cf/openai/gpt-oss-120b",
        "Open-weight reasoning model.",
        128_000,
        reasoning=True,
        queue="catalogue",
    ),
    _chat(
        "@cf/openai/gpt-oss-20b",
        "Smaller open-weight reasoning model.",
        128_000,
        reasoning=True,
    ),
    _chat(
        "@cf/qwen/qwen3-30b-a3b-fp8",
        "Mixture-of-experts reasoning model.",
        32_768,
        reasoning=True,
        queue="catalogue",
    ),
    _chat(
        "@cf/meta/llama-3-8b-instruct",
        "Retired instruction model.",
        7_968,
        price_in=0.282,
        price_out=0.827,
        wire="classic",
        max_tokens=256,
        deprecated="2026-05-30",
    ),
    _embedding(
        "@cf/baai/bge-small-en-v1.5",
        "English embeddings, 384 numbers each.",
        512,
        price_in=0.020,
        schema="bge",
        dimensions=384,
        pooling="mean",
        queue="catalogue",
    ),
    _embedding(
        "@cf/baai/bge-base-en-v1.5",
        "English embeddings, 768 numbers each.",
        512,
        price_in=0.067,
        schema="bge",
        dimensions=768,
        pooling="mean",
        queue="catalogue",
    ),
    _embedding(
        "@cf/baai/bge-large-en-v1.5",
        "English embeddings, 1024 numbers each.",
        512,
        price_in=0.204,
        schema="bge",
        dimensions=1024,
        pooling="mean",
        queue="catalogue",
    ),
    _embedding(
        "@cf/baai/bge-m3",
        "Multilingual embeddings and relevance scores.",
        60_000,
        price_in=0.012,
        schema="bge-m3",
        dimensions=1024,
        pooling="cls",
        queue="page",
    ),
    _embedding(
        "@cf/qwen/qwen3-embedding-0.6b",
        "Embeddings with instructions for queries.",
        8_192,
        schema="qwen3-embedding",
        dimensions=1024,
    ),
    _embedding(
        "@cf/google/embeddinggemma-300m",
        "Small multilingual embeddings.",
        2_048,
        schema="embeddinggemma",
        dimensions=768,
    ),
    LocalModel(
        name="@cf/baai/bge-reranker-base",
        task="Text Classification",
        about="Scores how well each context answers a query.",
        context=512,
        schema="reranker",
    ),
)

MODELS: Mapping[str, LocalModel] = MappingProxyType({model.name: model for model in _ALL})
"""Every model the local server answers for, by id."""


def neurons(model: LocalModel, tokens_in: int, tokens_out: int = 0) -> float | None:
    """What a call costs in neurons, by the prices of the model's page; None without a price."""
    if model.price_in is None:
        return None
    usd = (tokens_in * model.price_in + tokens_out * (model.price_out or 0.0)) / 1_000_000
    return round(usd / USD_PER_NEURON, 6)
