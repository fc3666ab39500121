"""The models of the local Workers AI: what each one accepts, costs and answers like, as data.

Prices, context windows and caps are those of the models' public pages and of Cloudflare's pricing
page (those of gemma-4 and bge-m3 follow from answers that public clients saw); a model without a
price reports no neurons. How a model shapes its answer (`wire`, `json_answer`, `reasoning`) is what
clients of the live service report for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workersai.local.api.facts import LocalModel

__all__ = ["MODELS"]


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
        tools=False,
    ),
    _chat(
        "@cf/meta/llama-3.1-8b-instruct",
        "Retired instruction model.",
        7_968,
        price_in=0.282,
        price_out=0.827,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        tools=False,
        deprecated="2026-05-30",
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
        tools=False,
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
        tools=False,
    ),
    _chat(
        "@cf/meta/llama-4-scout-17b-16e-instruct",
        "Mixture-of-experts instruction model with tool calling.",
        131_000,
        price_in=0.27,
        price_out=0.85,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        queue="catalogue",
    ),
    _chat(
        "@cf/mistralai/mistral-small-3.1-24b-instruct",
        "Instruction model with a long context.",
        128_000,
        price_in=0.351,
        price_out=0.555,
        wire="classic",
        max_tokens=256,
        json_answer="object",
    ),
    _chat(
        "@cf/qwen/qwen2.5-coder-32b-instruct",
        "Instruction model for code.",
        32_768,
        price_in=0.66,
        price_out=1.00,
        wire="classic",
        max_tokens=256,
        json_answer="object",
        schema="chat-plain",
        tools=False,
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
        price_in=0.35,
        price_out=0.75,
        reasoning=True,
        queue="catalogue",
        max_tokens=256,
    ),
    _chat(
        "@cf/openai/gpt-oss-20b",
        "Smaller open-weight reasoning model.",
        128_000,
        price_in=0.20,
        price_out=0.30,
        reasoning=True,
        max_tokens=256,
    ),
    _chat(
        "@cf/qwen/qwen3-30b-a3b-fp8",
        "Mixture-of-experts reasoning model.",
        32_768,
        price_in=0.051,
        price_out=0.335,
        reasoning=True,
        queue="catalogue",
        max_tokens=2000,
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
        tools=False,
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
        price_in=0.012,
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
        price_in=0.003,
        schema="reranker",
    ),
)

MODELS: Mapping[str, LocalModel] = MappingProxyType({model.name: model for model in _ALL})
"""Every model the local server answers for, by id."""
