"""Read documents ranked by relevance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workersai._response.headers import read_headers, read_neurons
from workersai._response.reply import Reply
from workersai._response.usage import is_number, parse_usage, with_neurons
from workersai._wire import Request
from workersai.errors import ResponseError
from workersai.results import RankedDocument, RerankResult

__all__ = ["parse_rerank", "place_ranking"]


def parse_rerank(reply: Reply, request: Request) -> RerankResult:
    """Read the ranking of the request's documents, best first.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the answer ranks a document that was not sent, or one document twice.
    """
    answer, _ = reply.unwrap(request)
    rows = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ResponseError(f"{request.model} answered without a ranking under 'response'")
    seen: set[int] = set()
    scores: list[tuple[float, int]] = []
    for row in rows:
        index, score = (row.get("id"), row.get("score")) if isinstance(row, dict) else (None, None)
        if type(index) is not int or not 0 <= index < request.count or index in seen:
            raise ResponseError(
                f"{request.model} ranked a document that is not among the {request.count} "
                "that were sent, or one twice"
            )
        if not is_number(score):
            raise ResponseError(
                f"{request.model} sent a score for document {index} that is not a number"
            )
        seen.add(index)
        scores.append((-float(score), index))
    documents = tuple(RankedDocument(index, -score) for score, index in sorted(scores))
    usage = with_neurons(parse_usage(answer.get("usage")), read_neurons(reply.headers))
    request_id = read_headers(reply.headers, reply.secrets)["request_id"]
    return RerankResult(documents, usage, request.model, request_id)


def place_ranking(
    result: RerankResult, places: Sequence[int], count: int, top_k: int | None
) -> RerankResult:
    """Replace the positions in a ranking by those in the caller's list.

    Documents without a score, blank or left out by the server, come last, in their order.

    Args:
        result: The ranking of the sent documents.
        places: The position of each sent document in the caller's list.
        count: How many documents that list has.
        top_k: How many to keep; `None` keeps all.
    """
    ranked = [replace(found, index=places[found.index]) for found in result.documents]
    seen = {found.index for found in ranked}
    rest = [RankedDocument(place, None) for place in range(count) if place not in seen]
    return replace(result, documents=(*ranked, *rest)[:top_k])
