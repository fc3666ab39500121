"""The queue of asynchronous batches, in memory.

The first poll answers `queued`, the second `running`, and later polls do the work: there is no
background work, so that the same polls always get the same answers. How long Cloudflare keeps
results, and how it reports a failed request, is not documented. This server keeps the latest
batches, and reports a failed request at its position in the form of the error envelope.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workersai.local.api.answers import wrapped
from workersai.local.api.errors import ApiFailure, envelope_of
from workersai.local.api.identity import new_hex
from workersai.local.api.models import LocalModel

__all__ = ["BatchQueue", "Run"]

Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A function that answers one request, as `POST /ai/run/{model}` does."""

_MOST_BATCHES = 32
_MOST_BYTES = 10_000_000
"""Bytes. Cloudflare's documented limit of a batch."""

_CAP = 256
"""The token cap of a request without one, by the schema of a batch's requests."""


class _Batch:
    """One batch: its requests, and the answers so far."""

    def __init__(self, model: LocalModel, requests: Sequence[Mapping[str, Any]]) -> None:
        self.model = model
        self.requests = requests
        self.responses: list[dict[str, Any]] = []
        self.polls = 0
        self.lock = threading.Lock()

    @property
    def is_done(self) -> bool:
        return len(self.responses) == len(self.requests)


class BatchQueue:
    """Batches by their ids; the oldest one is dropped when there are too many.

    Args:
        seconds: How long one poll may work on a batch; `None` for no limit.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._batches: OrderedDict[str, _Batch] = OrderedDict()

    def submit(self, model: LocalModel, body: Mapping[str, Any]) -> dict[str, Any]:
        """Store a checked batch and answer with its id.

        Raises:
            ApiFailure: 413 with code 3006 above 10 MB.
        """
        if len(json.dumps(body, ensure_ascii=False).encode()) > _MOST_BYTES:
            raise ApiFailure(413, 3006, "Request is too large")
        request_id = str(uuid.UUID(new_hex()))
        self._batches[request_id] = _Batch(model, body["requests"])
        self._batches.move_to_end(request_id)
        while len(self._batches) > _MOST_BATCHES:
            self._batches.popitem(last=False)
        return _status("queued", request_id, model)

    def poll(self, model: LocalModel, request_id: Any, run: Run) -> dict[str, Any]:
        """Answer a poll of a batch with its state or its results.

        Raises:
            ApiFailure: 404 with code 5504 for an unknown batch.
        """
        batch = self._batches.get(request_id) if isinstance(request_id, str) else None
        if batch is None or batch.model != model:
            raise ApiFailure(404, 5504, "Request not found in queue")
        batch.polls += 1
        if batch.polls == 1:
            return _status("queued", request_id, model)
        if batch.polls == 2 or not self._work_on(batch, run):
            return _status("running", request_id, model)
        return wrapped({"responses": batch.responses, "usage": _usage(batch.responses)})

    def _work_on(self, batch: _Batch, run: Run) -> bool:
        """Work on a batch, unless another poll does; return whether it is done."""
        if not batch.lock.acquire(blocking=False):
            return False
        try:
            begun = time.monotonic()
            while not batch.is_done:
                place = len(batch.responses)
                batch.responses.append(_response(place, batch.requests[place], run))
                if self._seconds is not None and time.monotonic() - begun > self._seconds:
                    break
            return batch.is_done
        finally:
            batch.lock.release()


def _status(status: str, request_id: str, model: LocalModel) -> dict[str, Any]:
    return wrapped({"status": status, "request_id": request_id, "model": model.name})


def _response(place: int, request: Mapping[str, Any], run: Run) -> dict[str, Any]:
    reference = request.get("external_reference")
    body = {k: v for k, v in request.items() if k not in {"external_reference", "stream"}}
    if "text" not in body and "contexts" not in body:
        body.setdefault("max_tokens", _CAP)
    try:
        result, failed = run(body)["result"], {}
    except ApiFailure as failure:
        result, failed = None, {"errors": envelope_of(failure)["errors"]}
    return {
        "id": place,
        "result": result,
        "success": not failed,
        "external_reference": reference,
        **failed,
    }


def _usage(responses: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    reports = [(response["result"] or {}).get("usage") or {} for response in responses]
    return {name: sum(report.get(name, 0) for report in reports) for name in names}
