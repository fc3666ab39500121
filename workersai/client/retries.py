"""One call with its retries and its deadline, as a generator both clients drive.

The generator yields attempts ("wait, then try until"), and is sent the result or thrown the
error. It decides everything; the drivers only sleep and send.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from workersai._wire import WORKED_SECONDS
from workersai.errors import APIConnectionError, APIStatusError, WorkersAIError, bare
from workersai.events import RetryNotice
from workersai.types import Timeout

__all__ = ["Attempt", "RetryBudget", "RetryNotice", "exchange", "retry_delay", "succeed"]

T = TypeVar("T")

_log = logging.getLogger("workersai")
_FIRST_DELAY = 0.5
_MAX_DELAY = 8.0
_MAX_RETRY_AFTER = 60.0
_BUDGET = 500
_COST = 14
_COST_WHEN_THROTTLED = 5
_TOOK_TOO_LONG = 3046
"""Cloudflare's code for a generation that it stopped, seen after 60 to 709 s."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Wait *delay* seconds, then try, and be done before *deadline* on the clock.

    Attributes:
        number: 0 for the first.
        key: The same for all attempts of a call, and no other call's.
        timeout: The call's.
    """

    number: int
    delay: float
    deadline: float
    key: str
    timeout: Timeout

    @property
    def headers(self) -> dict[str, str]:
        """What tells a server, or who reads its logs, a retry from another call."""
        return {"idempotency-key": self.key, "x-retry-count": str(self.number)}


class RetryBudget:
    """What the calls of one client may spend on retries, so that they do not feed an outage.

    A retry is paid for, a success pays back: single failures are tried again as often as asked,
    while a server that is down sees little more than one request a call. Threads need no lock
    here: an update that is lost makes the budget a retry larger or smaller.
    """

    def __init__(self) -> None:
        self._left = _BUDGET

    def take(self, error: WorkersAIError) -> int:
        """Pay for a retry after *error*; return its price, 0 if there is not enough."""
        is_throttled = isinstance(error, APIStatusError) and error.status_code == 429
        cost = _COST_WHEN_THROTTLED if is_throttled else _COST
        if cost > self._left:
            return 0
        self._left -= cost
        return cost

    def give_back(self, cost: int) -> None:
        """A call succeeded; its last retry cost *cost*, 0 if it needed none."""
        self._left = min(self._left + (cost or 1), _BUDGET)


def exchange(
    retries: int,
    timeout: Timeout,
    *,
    is_repeatable: bool = True,
    budget: RetryBudget | None = None,
    on_retry: Callable[[RetryNotice], None] | None = None,
    name: str = "a call",
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> Generator[Attempt, T, T]:
    """Make one call.

    Args:
        retries: How often to try again at the most.
        timeout: Its `total` bounds all attempts and waits together.
        is_repeatable: Whether the request may be sent again although the server may have worked
            on it, and been paid for that.
        budget: Pays for the retries; the client's, or one for this call alone.
        on_retry: Called before each retry.
        name: What the log calls it: method and path, without the account.
        clock: Monotonic seconds.
        jitter: Random numbers from 0 to 1.

    Returns:
        What the attempt that succeeded was answered.

    Raises:
        WorkersAIError: Of the last attempt.
    """
    deadline = clock() + timeout.total
    budget = budget or RetryBudget()
    delay, cost, key = 0.0, 0, uuid.uuid4().hex
    for number in itertools.count():
        begin = clock() + delay
        try:
            result = yield Attempt(number, delay, deadline, key, timeout)
        except WorkersAIError as error:
            failure = error
            _log.debug(
                "%s: attempt %d failed after %.3f s: %s",
                name,
                number + 1,
                clock() - begin,
                type(error).__name__,
            )
        else:
            _log.debug("%s: attempt %d answered after %.3f s", name, number + 1, clock() - begin)
            budget.give_back(cost)
            return result
        if not is_repeatable and _may_be_paid(failure, clock() - begin):
            failure.is_retryable = False
        wait = retry_delay(failure, number, jitter()) if number < retries else None
        if wait is None or clock() + wait >= deadline or not (cost := budget.take(failure)):
            raise bare(failure)
        delay = wait
        _log.info("%s: retry %d in %.3f s, after %s", name, number + 1, delay, failure)
        if on_retry is not None:
            on_retry(RetryNotice(number + 1, delay, failure))
    raise AssertionError  # the loop has no other end


def _may_be_paid(error: WorkersAIError, seconds: float) -> bool:
    """Say whether an answer may have been made, and billed, although it did not arrive.

    The HTTP engine decides that for a connection that failed. A 429 says that nothing was made,
    however late it comes.

    Args:
        error: What went wrong.
        seconds: How long the attempt took.
    """
    if isinstance(error, APIStatusError) and (
        error.status_code == 429 or error.code == _TOOK_TOO_LONG
    ):
        return error.code == _TOOK_TOO_LONG
    return seconds > WORKED_SECONDS and not isinstance(error, APIConnectionError)


def succeed(flow: Generator[Attempt, T, T], result: T) -> T:
    """Tell an exchange what its attempt was answered, and return that."""
    with contextlib.suppress(StopIteration):
        flow.send(result)
    return result


def retry_delay(error: WorkersAIError, number: int, share: float) -> float | None:
    """Return the seconds to wait before the next attempt, `None` for "do not try again".

    Args:
        error: What went wrong.
        number: How many attempts were made before this one.
        share: A random number from 0 to 1: full jitter.
    """
    if not error.is_retryable:
        return None
    if isinstance(error, APIStatusError) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= _MAX_RETRY_AFTER else None
    return float(share * min(_MAX_DELAY, _FIRST_DELAY * 2.0**number))
