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
from dataclasses import dataclass
from typing import Any

from workersai.local.api.answers import wrapped
from workersai.local.api.errors import ApiFailure, envelope_of
from workersai.local.api.identity import new_hex
from workersai.local.api.models import LocalModel

__all__ = ["BatchPlay", "BatchQueue", "Run"]

Run = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A function that answers one request, as `POST /ai/run/{model}` does."""

_MOST_BATCHES = 32
_MOST_BYTES = 10_000_000
"""Bytes. Cloudflare's documented limit of a batch."""

_CAP = 256
"""The token cap of a request without one, by the schema of a batch's requests."""


@dataclass(frozen=True, slots=True)
class BatchPlay:
    """What the queue plays, since how Cloudflare's behaves in these cases is not documented.

    Attributes:
        queued: How many polls of a batch answer `queued`.
        running: How many polls after these answer `running`.
        fails_every: Each request with this number, and its multiples, fails with code 3040;
            `None` for none.
        expires: How many of the batches, from the first one on, are gone (404, code 5504) when
            their results are asked for.
    """

    queued: int = 1
    running: int = 1
    fails_every: int | None = None
    expires: int = 0


class _Batch:
    """One batch: its requests, and the answers so far."""

    def __init__(self, model: LocalModel, requests: Sequence[Mapping[str, Any]]) -> None:
        self.model = model
        self.requests = requests
        self.responses: list[dict[str, Any]] = []
        self.polls = 0
        self.lock = threading.Lock()
        self.number = 0

    @property
    def is_done(self) -> bool:
        return len(self.responses) == len(self.requests)


class BatchQueue:
    """Batches by their ids; the oldest one is dropped when there are too many.

    Args:
        seconds: How long one poll may work on a batch; `None` for no limit.
        play: What the queue plays.
    """

    def __init__(self, seconds: float | None = None, play: BatchPlay | None = None) -> None:
        self._seconds = seconds
        self._play = play or BatchPlay()
        self._count = 0
        self._batches: OrderedDict[str, _Batch] = OrderedDict()

    def submit(self, model: LocalModel, body: Mapping[str, Any]) -> dict[str, Any]:
        """Store a checked batch and answer with its id.

        Raises:
            ApiFailure: 413 with code 3006 above 10 MB.
        """
        if len(json.dumps(body, ensure_ascii=False).encode()) > _MOST_BYTES:
            raise ApiFailure(413, 3006, "Request is too large")
        request_id = str(uuid.UUID(new_hex()))
        batch = self._batches[request_id] = _Batch(model, body["requests"])
        batch.number = self._count = self._count + 1
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
        play = self._play
        if batch.polls <= play.queued:
            return _status("queued", request_id, model)
        if batch.number <= play.expires and batch.polls > play.queued + play.running:
            del self._batches[request_id]
            raise ApiFailure(404, 5504, "Request not found in queue")
        if batch.polls <= play.queued + play.running or not self._work_on(batch, run):
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
                request = batch.requests[place]
                is_refused = self._play.fails_every and (place + 1) % self._play.fails_every == 0
                answer = _no_capacity if is_refused else run
                batch.responses.append(_response(place, request, answer))
                if self._seconds is not None and time.monotonic() - begun > self._seconds:
                    break
            return batch.is_done
        finally:
            batch.lock.release()


def _no_capacity(_: Mapping[str, Any]) -> Mapping[str, Any]:
    raise ApiFailure(429, 3040, "Capacity temporarily exceeded, please try again.")


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
