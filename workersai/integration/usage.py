"""What a call for vectors or a ranking cost, as plain values for a framework's events."""

from __future__ import annotations

from typing import Any

from workersai.results import EmbeddingResult, RerankResult

__all__ = ["usage_facts"]


def usage_facts(result: EmbeddingResult | RerankResult) -> dict[str, Any]:
    """Return the model, the usage as an OpenAI answer's dict, and Cloudflare's request ids.

    `usage` is `None` if the server reported none; tokens are in it where it counted them, `neurons`
    where it named them.
    """
    if isinstance(result, EmbeddingResult):
        request_ids = list(result.request_ids)
    else:
        request_ids = [] if result.request_id is None else [result.request_id]
    usage = None if result.usage is None else result.usage.to_dict()
    return {"model": result.model, "usage": usage, "request_ids": request_ids}
