"""One call with its retries and its deadline, as a generator that both clients drive.

The generator yields attempts ("wait, then try until"). The driver sends it the result or throws
the error into it. The generator decides everything; the drivers only sleep and send.
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
from workersai.client.rate_limits import Turn
from workersai.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    WorkersAIError,
    bare,
)
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
"""Cloudflare's code for a generation that it stopped, observed after 60 to 709 s."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Wait *delay* seconds, then send, and finish before *deadline* on the clock.

    Attributes:
        number: 0 for the first attempt.
        key: The idempotency key, equal for all attempts of one call.
        timeout: The call's time limits.
    """

    number: int
    delay: float
    deadline: float
    key: str
    timeout: Timeout

    @property
    def headers(self) -> dict[str, str]:
        """Headers by which a server, or a reader of its logs, recognises a retry."""
        return {"idempotency-key": self.key, "x-retry-count": str(self.number)}


class RetryBudget:
    """Limits the retries of one client, so that they do not prolong an outage.

    A retry costs credit, a success returns some: single failures are retried as often as
    `max_retries` allows, while a server that is down gets little more than one request per call. No
    lock is needed: an update that is lost between threads changes the budget by one retry.
    """

    def __init__(self) -> None:
        self._left = _BUDGET

    def take(self, error: WorkersAIError) -> int:
        """Pay for a retry after *error*; return its price, 0 if the credit is too low."""
        is_throttled = isinstance(error, APIStatusError) and error.status_code == 429
        cost = _COST_WHEN_THROTTLED if is_throttled else _COST
        if cost > self._left:
            return 0
        self._left -= cost
        return cost

    def give_back(self, cost: int) -> None:
        """Return credit after a successful call whose last retry cost *cost* (0 for no retry)."""
        self._left = min(self._left + (cost or 1), _BUDGET)


def exchange(
    retries: int,
    timeout: Timeout,
    *,
    is_repeatable: bool = True,
    budget: RetryBudget | None = None,
    on_retry: Callable[[RetryNotice], None] | None = None,
    turn: Turn | None = None,
    name: str = "a call",
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> Generator[Attempt, T, T]:
    """Make one call.

    Args:
        retries: The greatest number of retries.
        timeout: Its `total` limits all attempts and waits together.
        is_repeatable: Whether the request may be sent again after the server may have processed it
            and billed the account.
        budget: Pays for the retries; the client's, or one for this call alone.
        on_retry: Called before each retry.
        turn: The call's place among the others of an account with limits. With it, a refusal for
            too many requests or for lack of capacity is waited out until the deadline, and does
            not count as a retry.
        name: The call's name in the log: method and path, without the account.
        clock: Monotonic seconds.
        jitter: Random numbers from 0 to 1.

    Returns:
        The result of the successful attempt.

    Raises:
        WorkersAIError: The error of the last attempt.
    """
    deadline = clock() + timeout.total
    budget = budget or RetryBudget()
    delay, cost, key, patience = 0.0, 0, uuid.uuid4().hex, 0
    for number in itertools.count():
        delay = _place(turn, delay, deadline, clock)
        begin = clock() + delay
        try:
            result = yield Attempt(number, delay, deadline, key, timeout)
        except WorkersAIError as error:
            failure = error
            facts = (name, number + 1, clock() - begin, type(error).__name__)
            _log.debug("%s: attempt %d failed after %.3f s: %s", *facts)
        else:
            _log.debug("%s: attempt %d answered after %.3f s", name, number + 1, clock() - begin)
            budget.give_back(cost)
            if turn is not None:
                turn.answered(result)
            return result
        if not is_repeatable and _may_be_paid(failure, clock() - begin):
            failure.is_retryable = False
        is_waited_out = turn is not None and turn.failed(failure)
        patience += is_waited_out
        is_left = is_waited_out or number - patience < retries
        wait = retry_delay(failure, number, jitter()) if is_left else None
        if wait is None:
            raise bare(failure)
        has_time = clock() + wait < deadline
        if not has_time or not (is_waited_out or (cost := budget.take(failure))):
            _log.info("%s: no retry %d: no time or no retry budget is left", name, number + 1)
            raise bare(failure)
        delay = wait
        _log.info("%s: retry %d in %.3f s, after %s", name, number + 1, delay, failure.reason)
        if on_retry is not None:
            on_retry(RetryNotice(number + 1, delay, failure))
    raise AssertionError  # unreachable: the loop returns or raises


def _place(turn: Turn | None, delay: float, deadline: float, clock: Callable[[], float]) -> float:
    """Return the seconds until the call's next place.

    Raises:
        APITimeoutError: If it comes after the deadline; nothing was sent.
    """
    if turn is None:
        return delay
    found = turn.reserve(delay, deadline)
    if found is None:
        left = deadline - clock()
        raise APITimeoutError(
            f"the limits leave no place for this call in the {left:.1f} s before its timeout; "
            "pass a longer timeout or fewer calls at once",
            phase="total",
        )
    return found


def _may_be_paid(error: WorkersAIError, seconds: float) -> bool:
    """Return whether an answer may have been generated and billed although it did not arrive.

    For a failed connection the HTTP engine decides. A 429 means that nothing was generated, however
    late it arrives.

    Args:
        error: The failure.
        seconds: How long the attempt took.
    """
    if isinstance(error, APIStatusError) and (
        error.status_code == 429 or error.code == _TOOK_TOO_LONG
    ):
        return error.code == _TOOK_TOO_LONG
    return seconds > WORKED_SECONDS and not isinstance(error, APIConnectionError)


def succeed(flow: Generator[Attempt, T, T], result: T) -> T:
    """Send an exchange the result of its attempt; return the exchange's result."""
    with contextlib.suppress(StopIteration):
        flow.send(result)
    return result


def retry_delay(error: WorkersAIError, number: int, share: float) -> float | None:
    """Return the seconds to wait before the next attempt, `None` for no retry.

    Args:
        error: The failure.
        number: How many attempts were made before this one.
        share: A random number from 0 to 1 (full jitter).
    """
    if not error.is_retryable:
        return None
    if isinstance(error, APIStatusError) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= _MAX_RETRY_AFTER else None
    return float(share * min(_MAX_DELAY, _FIRST_DELAY * 2.0**number))
