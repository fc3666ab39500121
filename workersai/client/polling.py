"""Wait for a batch, as a generator that both clients drive.

The generator yields polls ("wait, then ask"). The driver sends it the answer or throws the error
into it. It ends by raising; the driver drops it when the results are there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import NoReturn

from workersai._checks import check_seconds
from workersai.errors import APIStatusError, APITimeoutError, WorkersAIError
from workersai.results import BatchJob
from workersai.types import Timeout

__all__ = ["Poll", "waiting"]

_LONGEST_DELAY = 30.0
_UNSEEN_SECONDS = 60.0
_NOT_FOUND = 5504


@dataclass(frozen=True, slots=True)
class Poll:
    """Wait *delay* seconds, then fetch the state of *batch* within *timeout*."""

    batch: BatchJob
    delay: float
    timeout: Timeout


def waiting(
    batch: BatchJob,
    limits: Timeout,
    *,
    timeout: float | None = None,
    interval: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[Poll, BatchJob, NoReturn]:
    """Poll until the results are there.

    The first poll is made at once, the second after *interval*; delays double up to 30 s and get
    shorter again before the end. Polling twice does no harm, so the wait continues after a
    transient error. It also continues after "not found" during the first minute: public clients
    observed this answer for a batch that had just been submitted.

    Args:
        batch: The batch.
        limits: The client's time limits; each poll also ends with the wait.
        timeout: Seconds for the whole wait; the client's total timeout if `None`.
        interval: The first delay in seconds.
        clock: Monotonic seconds.

    Raises:
        APITimeoutError: When the time is over; it has the batch.
        WorkersAIError: When a poll failed permanently.
    """
    seconds = limits.total if timeout is None else timeout
    check_seconds("timeout", seconds)
    check_seconds("interval", interval)
    start, delay, is_seen, failure = clock(), 0.0, False, None
    left, shortest = seconds, min(interval, seconds / 10)
    while True:
        total = min(limits.total, max(left - delay, shortest))
        try:
            batch = yield Poll(batch, delay, replace(limits, total=total))
        except WorkersAIError as error:
            if not error.is_retryable and (is_seen or not _is_unseen(error, clock() - start)):
                raise
            failure = error
        else:
            is_seen, failure = True, None
        left = start + seconds - clock()
        if left <= shortest:
            raise _too_late(batch, seconds, failure)
        delay = min(max(interval, 2 * delay), max(interval, _LONGEST_DELAY), left / 2)


def _is_unseen(error: WorkersAIError, waited: float) -> bool:
    is_not_found = isinstance(error, APIStatusError) and error.code == _NOT_FOUND
    return is_not_found and waited < _UNSEEN_SECONDS


def _too_late(batch: BatchJob, seconds: float, failure: WorkersAIError | None) -> APITimeoutError:
    why = f"the last poll failed: {failure}" if failure else f"its status is {batch.status!r}"
    return APITimeoutError(
        f"Batch {batch.request_id} of {batch.model} was not done within {seconds:g} s, {why}; it "
        "stays in the queue: pass the error's .batch, or this id, to wait again",
        phase="total",
        batch=batch,
    )
