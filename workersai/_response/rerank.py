"""A reply -> documents by relevance."""

from __future__ import annotations

from workersai._response.reply import Reply
from workersai._response.usage import is_number, parse_usage
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.results import RankedDocument, RerankResult

__all__ = ["parse_rerank"]


def parse_rerank(reply: Reply, request: Request) -> RerankResult:
    """Read the ranking of the request's documents, best first.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If it ranks a document that was not sent, or one twice.
    """
    answer, _ = reply.unwrap(request)
    rows = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ResponseError(f"{request.model} answered without a ranking under 'response'")
    seen: set[int] = set()
    documents: list[RankedDocument] = []
    for row in rows:
        index, score = (row.get("id"), row.get("score")) if isinstance(row, dict) else (None, None)
        if type(index) is not int or not 0 <= index < request.count or index in seen:
            raise ResponseError(
                f"{request.model} ranked what is none of the {request.count} documents, or twice"
            )
        if not is_number(score):
            raise ResponseError(f"{request.model} gave document {index} a score that is no number")
        seen.add(index)
        documents.append(RankedDocument(index, float(score)))
    documents.sort(key=lambda document: (-document.score, document.index))
    return RerankResult(tuple(documents), parse_usage(answer.get("usage")), request.model)
