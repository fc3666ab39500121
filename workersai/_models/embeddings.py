"""Embedding models and the reranker of Workers AI, as data with sources.

`page <commit>` is the model's file in Cloudflare's documentation repository at that commit;
prices are from the pricing page of 2026-09.
"""

from __future__ import annotations

from workersai._models.parameters import POOLING, table
from workersai._models.profile import ModelParameter, ModelProfile

__all__ = ["EMBEDDING_MODELS"]

_PRICING = "page: pricing"

_BGE = tuple(
    ModelProfile(
        f"@cf/baai/{name}-en-v1.5",
        task="embeddings",
        input_price=price,
        inputs=("text", "requests"),
        parameters=POOLING,
        batch=True,
        dimensions=dimensions,
        max_input_tokens=512,
        max_batch=100,
        sources=("page: 100 texts a request, 512 tokens a text", page),
    )
    for name, dimensions, price, page in (
        ("bge-small", 384, 0.020, "page 0f82325"),
        ("bge-base", 768, 0.067, "catalogue: 2026-05-18, async_queue"),
        ("bge-large", 1024, 0.204, "catalogue: 2026-05-18, async_queue"),
        ("omni-bge-base", 768, None, "page bc81a02: no price"),
    )
)

EMBEDDING_MODELS: tuple[ModelProfile, ...] = (
    *_BGE,
    ModelProfile(
        "@cf/baai/bge-m3",
        task="embeddings",
        input_price=0.012,
        inputs=("text", "query", "requests"),
        parameters=table(truncate_inputs=ModelParameter("boolean", default=False)),
        dimensions=1024,
        max_input_tokens=8192,
        max_request_tokens=60_000,
        cuts_input=False,
        max_batch=100,
        sources=(
            "page: 100 texts a request",
            "page 17331b8",
            "observed: cls pooling",
            "observed: refuses texts x longest above 60,000 tokens, and a text above 8,192",
            _PRICING,
        ),
    ),
    ModelProfile(
        "@cf/qwen/qwen3-embedding-0.6b",
        task="embeddings",
        input_price=0.012,
        inputs=("queries", "documents", "text"),
        parameters=table(instruction=ModelParameter("string")),
        dimensions=1024,
        max_input_tokens=8192,
        max_request_tokens=16_000,
        max_batch=32,
        query_field="queries",
        sources=(
            "page: 32 texts a request; queries and documents apart",
            "page 8cd2f79",
            "observed: a request of about 31,000 tokens is refused; half of that is our caution",
            _PRICING,
        ),
    ),
    ModelProfile(
        "@cf/google/embeddinggemma-300m",
        task="embeddings",
        inputs=("text",),
        dimensions=768,
        max_input_tokens=2048,
        cuts_input=True,
        sources=(
            "page: no limit on the number of texts",
            "page 03a4107: no price",
            "observed: embeds the first 2,048 tokens of a longer text, without an error",
        ),
    ),
    ModelProfile(
        "@cf/pfnet/plamo-embedding-1b",
        task="embeddings",
        input_price=0.019,
        inputs=("text",),
        sources=("page 05b5f46: no limit, and no length of the vectors", _PRICING),
    ),
    ModelProfile(
        "@cf/baai/bge-reranker-base",
        task="rerank",
        input_price=0.003,
        inputs=("query",),
        parameters=table(top_k=ModelParameter("integer", 1)),
        sources=("page: query, contexts and top_k", "page 5e6027c", _PRICING),
    ),
)
