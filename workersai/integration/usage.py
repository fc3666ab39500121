"""What a call cost, as plain values for a framework's events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workersai.integration.costs import call_cost
from workersai.results import EmbeddingResult, RerankResult, Usage

__all__ = ["call_facts", "usage_facts"]


def usage_facts(result: EmbeddingResult | RerankResult) -> dict[str, Any]:
    """Return what a call for vectors or a ranking cost; see `call_facts`."""
    if isinstance(result, EmbeddingResult):
        request_ids = result.request_ids
    else:
        request_ids = () if result.request_id is None else (result.request_id,)
    cost = call_cost(result.usage, result.model or "")
    return call_facts(result.model, result.usage, cost, request_ids)


def call_facts(
    model: str | None, usage: Usage | None, cost_usd: float | None, request_ids: Iterable[str]
) -> dict[str, Any]:
    """Return the model, the usage as an OpenAI answer's dict, USD, and Cloudflare's request ids.

    `usage` is `None` if the server reported none; tokens are in it where it counted them, `neurons`
    where it named them. `cost_usd` is `None` if it is not known.
    """
    return {
        "model": model,
        "usage": None if usage is None else usage.to_dict(),
        "cost_usd": cost_usd,
        "request_ids": list(request_ids),
    }
