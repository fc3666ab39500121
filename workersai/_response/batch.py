"""Read answers of the batch queue: a queued batch, or the results in the order of the requests.

The documented forms are `{"status", "request_id", "model"}` and `{"responses": [{"id", "result",
"success", "external_reference"}], "usage"}`. Public clients also read `results` in place of
`responses`, and list entries without the inner `result`. No page says how a failed request is
reported, so every form of Cloudflare's error envelope is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workersai._json import ExactDocument
from workersai._response.chat import AnswerPlace, read_chat
from workersai._response.embeddings import read_embeddings
from workersai._response.errors import error_from_body, is_error_body
from workersai._response.reply import Reply
from workersai._response.tool_calls import NO_NAMES
from workersai._response.usage import parse_usage
from workersai._secrets import redact
from workersai._wire import Request
from workersai.errors import APIStatusError, ResponseError, WorkersAIError
from workersai.results import BatchJob, BatchResult, BatchStatus

__all__ = ["parse_polled", "parse_submitted"]

_NOT_DONE: Mapping[str, BatchStatus] = {
    "queued": "queued",
    "pending": "queued",
    "running": "running",
    "processing": "running",
    "in_progress": "running",
}
"""`queued` and `running` are documented; public clients also wait for the others."""

_FAILED = frozenset({"error", "failed"})
_LISTS = ("responses", "results")


def parse_submitted(
    reply: Reply,
    request: Request,
    references: Sequence[str | None],
    tool_names: Sequence[Mapping[str, str]] = (),
) -> BatchJob:
    """Read the answer to a submission.

    Raises:
        APIStatusError: If the server refused the batch.
        ResponseError: If the answer has no id; whether the server accepted the batch is unknown.
    """
    answer, _ = reply.unwrap(request)
    found = answer if isinstance(answer, dict) else {}
    _raise_if_failed(found, reply, request)
    request_id = found.get("request_id")
    if not isinstance(request_id, str) or not request_id:
        raise ResponseError(f"{request.model} accepted a batch without a request_id")
    status = _NOT_DONE.get(_status(found), "queued")
    return BatchJob(request_id, request.model or "", status, tuple(references), tuple(tool_names))


def parse_polled(reply: Reply, request: Request, batch: BatchJob) -> BatchJob:
    """Read the state or the results of a batch.

    Raises:
        APIStatusError: If the server answered with an error.
        ResponseError: If the answer has neither a known status nor results, or the order of the
            results is uncertain.
    """
    answer, path = reply.unwrap(request, may_be_error=True)
    found = answer if isinstance(answer, dict) else {}
    name = next((name for name in _LISTS if isinstance(found.get(name), list)), None)
    if name is not None:
        reader = _ResponseReader(reply, request, ExactDocument(reply.body), (*path, name))
        results = reader.read(found[name], batch)
        return replace(batch, status="done", results=results, usage=parse_usage(found.get("usage")))
    if _status(found) in _FAILED:
        return replace(batch, status="failed", error=_failure(found, reply, request))
    _raise_if_failed(found, reply, request)
    if (status := _NOT_DONE.get(_status(found))) is None:
        shown_status = redact(ascii(found.get("status")), reply.secrets)[:80]
        raise ResponseError(
            f"batch {batch.request_id} of {batch.model}: neither responses nor a known status, "
            f"but {shown_status}"
        )
    return replace(batch, status=status)


def _status(found: dict[str, Any]) -> str:
    status = found.get("status")
    return status if isinstance(status, str) else ""


def _raise_if_failed(found: dict[str, Any], reply: Reply, request: Request) -> None:
    if _status(found) in _FAILED or is_error_body(found):
        raise _failure(found, reply, request)


def _failure(found: dict[str, Any], reply: Reply, request: Request) -> APIStatusError:
    return error_from_body(found, headers=reply.headers, model=request.model, secrets=reply.secrets)


@dataclass(frozen=True, slots=True)
class _ResponseReader:
    """Reads the list of responses; an unreadable response becomes an error at its position."""

    reply: Reply
    request: Request
    document: ExactDocument
    path: tuple[str | int, ...]

    def read(self, rows: list[Any], batch: BatchJob) -> tuple[BatchResult, ...]:
        places = _places(rows, batch)
        names = dict(enumerate(batch.tool_names))
        found = [
            self._result(at, row, names.get(place, NO_NAMES))
            for at, (row, place) in enumerate(zip(rows, places, strict=True))
        ]
        count = max(len(batch.references), max(places, default=-1) + 1)
        by_place = dict(zip(places, found, strict=True))
        known = dict(enumerate(batch.references))
        return tuple(
            _result_for(by_place.get(index), index, known.get(index), batch)
            for index in range(count)
        )

    def _result(self, at: int, row: Any, names: Mapping[str, str]) -> BatchResult:
        reference = row.get("external_reference") if isinstance(row, dict) else None
        try:
            result = self._answer(at, row, names)
        except WorkersAIError as error:
            result = BatchResult(at, error=error)
        if not isinstance(reference, str):
            return result
        return replace(result, external_reference=reference)

    def _answer(self, at: int, row: Any, names: Mapping[str, str]) -> BatchResult:
        path: tuple[str | int, ...] = (*self.path, at)
        if isinstance(row, dict):
            self._raise_if_refused(row)
            if "result" in row:
                row, path = row["result"], (*path, "result")
        if row in (None, {}, [], ""):
            raise ResponseError(f"{self.request.model} answered with success and an empty result")
        if isinstance(row, dict) and isinstance(row.get("data"), list):
            return BatchResult(at, embedding=read_embeddings(row, self.request.model))

        def seed() -> str:
            return f"{self.request.call_seed()}_{at}_"

        request = replace(self.request, tools=names)
        place = AnswerPlace(self.reply, self.document, path)
        return BatchResult(at, chat=read_chat(row, place, request, seed))

    def _raise_if_refused(self, row: dict[str, Any]) -> None:
        if not is_error_body(row) and not row.get("errors"):
            return
        failure, inner = row, row.get("result")
        if not any(row.get(name) for name in ("error", "errors", "message")) and inner:
            failure = inner if isinstance(inner, dict) else {"message": inner}
        raise error_from_body(failure, model=self.request.model, secrets=self.reply.secrets)


def _result_for(
    found: BatchResult | None, index: int, reference: str | None, batch: BatchJob
) -> BatchResult:
    if found is not None:
        return replace(found, index=index, external_reference=found.external_reference or reference)
    about = f"batch {batch.request_id} of {batch.model}"
    missing = ResponseError(f"{about}: no answer to request {index}")
    return BatchResult(index, error=missing, external_reference=reference)


def _places(rows: list[Any], batch: BatchJob) -> list[int]:
    """Find the position of each row's request.

    The position is the row's `id`, which is the index of the request; else the row's reference;
    rows with neither are in order. If the number of requests is unknown, ids are indices only if
    they fill at least as many positions as they skip.

    Raises:
        ResponseError: If the positions are not an order.
    """
    keyed = [row if isinstance(row, dict) else {} for row in rows]
    count = len(batch.references)
    by_id = [_index(row.get("id"), count or 2 * len(rows)) for row in keyed]
    if _is_order(by_id):
        return by_id
    known = {name: index for index, name in enumerate(batch.references) if name is not None}
    by_reference = [_lookup(known, row.get("external_reference")) for row in keyed]
    if _is_order(by_reference):
        return by_reference
    has_keys = any(type(row.get("id")) is int for row in keyed)
    if not has_keys and count in (0, len(rows)):
        return list(range(len(rows)))
    raise ResponseError(
        f"batch {batch.request_id} of {batch.model}: the ids of the {len(rows)} responses are not "
        "an order"
    )


def _index(value: Any, limit: int) -> int:
    """Return an id that is an index, -1 for any other id."""
    return value if type(value) is int and value < limit else -1


def _lookup(known: dict[str, int], reference: Any) -> int:
    return known.get(reference, -1) if isinstance(reference, str) else -1


def _is_order(places: list[int]) -> bool:
    return all(place >= 0 for place in places) and len(set(places)) == len(places)
