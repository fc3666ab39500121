"""Build the request that ranks documents by a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workersai._checks import check_count, check_texts, is_blank
from workersai._json import HALVES, dump_json, has_halves
from workersai._models import get_profile
from workersai._request.parameters import add_extra
from workersai._request.path import run_path
from workersai._request.task import check_task
from workersai._wire import Request
from workersai.errors import ConfigurationError

__all__ = ["Ranking", "ranking"]

_RANKED = frozenset({"model", "query", "contexts"})


@dataclass(frozen=True, slots=True)
class Ranking:
    """A requested ranking.

    Attributes:
        request: `None` if there is no document to rank.
        places: The positions of the sent documents in the caller's list.
        count: How many documents the caller passed.
        top_k: The greatest number of documents to return.
    """

    request: Request | None
    places: tuple[int, ...]
    count: int
    top_k: int | None


def ranking(
    query: str,
    documents: Sequence[str],
    model: str,
    *,
    top_k: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Ranking:
    """Build the request for a ranking. It is always native: `/ai/v1` documents no such route.

    Blank documents are left out, because the server would refuse the whole request.

    Raises:
        ConfigurationError: If the query is blank, if it or a document is not a string or cannot be
            encoded, or if the model is not a reranker.
    """
    profile = get_profile(model)
    check_task(profile, "rerank")
    if not isinstance(query, str) or is_blank(query):
        raise ConfigurationError("query must not be blank", parameter="query")
    listed = check_texts("documents", documents)
    for place, text in enumerate(listed):
        if has_halves(text):
            raise ConfigurationError(f"documents[{place}] {HALVES}", parameter="documents")
    sent = {place: text for place, text in enumerate(listed) if not is_blank(text)}
    options = {}
    if top_k is not None:
        options["top_k"] = min(check_count("top_k", top_k, 1), len(sent) or 1)
    body: dict[str, Any] = {"query": query, "contexts": [{"text": text} for text in sent.values()]}
    body.update(add_extra(options, extra, _RANKED, profile))
    content = dump_json(body, model=model)
    request = Request(run_path(model), content, model=model, count=len(sent))
    return Ranking(request if sent else None, tuple(sent), len(listed), top_k)
