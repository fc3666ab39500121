"""A query and documents -> the request for their ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workersai._checks import check_texts
from workersai._json import dump_json
from workersai._models import get_profile
from workersai._request.parameters import add_extra
from workersai._request.path import run_path
from workersai._wire import Request

__all__ = ["rerank_request"]

_RANKED = frozenset({"model", "query", "contexts"})


def rerank_request(
    query: str,
    documents: Sequence[str],
    model: str,
    *,
    top_k: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Request:
    """Ask for documents by relevance; always native, `/ai/v1` documents no such route.

    Raises:
        ConfigurationError: If the query or a document is empty or no string.
    """
    profile = get_profile(model)
    check_texts("query", [query])
    listed = check_texts("documents", documents)
    options = {} if top_k is None else {"top_k": top_k}
    body: dict[str, Any] = {"query": query, "contexts": [{"text": text} for text in listed]}
    body.update(add_extra(options, extra, _RANKED, profile))
    content = dump_json(body, model=model)
    return Request(run_path(model), content, model=model, count=len(listed))
