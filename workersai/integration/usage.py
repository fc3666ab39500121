"""Usage of embeddings and rankings as plain values, for a framework's events."""

from __future__ import annotations

from typing import Any

from workersai.integration.costs import call_cost
from workersai.results import EmbeddingResult, RerankResult

__all__ = ["usage_facts"]


def usage_facts(result: EmbeddingResult | RerankResult) -> dict[str, Any]:
    """Return the model, the usage as an OpenAI answer's dict, USD, and Cloudflare's request ids.

    `usage` is `None` if the server reported none; it has tokens if the server counted them, and
    `neurons` if the server reported them. `cost_usd` is `None` if unknown.
    """
    if isinstance(result, EmbeddingResult):
        request_ids = list(result.request_ids)
    else:
        request_ids = [] if result.request_id is None else [result.request_id]
    return {
        "model": result.model,
        "usage": None if result.usage is None else result.usage.to_dict(),
        "cost_usd": call_cost(result.usage, result.model or ""),
        "request_ids": request_ids,
    }
