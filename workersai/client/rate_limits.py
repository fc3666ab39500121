"""Delay requests so that they stay below an account's rate limits.

The delays come from the GCRA (generic cell rate algorithm) of pyrate-limiter, which spaces requests
evenly. After a refusal a limiter pauses for a moment and continues at a lower rate; answers raise
the rate again. A process that shares the account with others, or whose limit is lower than the one
that was passed, therefore slows down and does not fail.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workersai.errors import ConfigurationError, OutOfCapacityError, RateLimitError, WorkersAIError
from workersai.results import Usage
from workersai.types import RateLimits

if TYPE_CHECKING:
    from pyrate_limiter import Rate

__all__ = ["RateLimiter", "Turn", "is_throttled", "shared_limiter"]

_MINUTE = 60_000
_BURST = 60
"""A 60th of a minute's limit may be sent at once; the steady rate is lower by as much."""

_MARGIN = 0.95
"""The part of a limit that is used, because a minute of the server may begin at any moment."""

_SLOWEST = 1 / 32
_SLOW_DOWN = 0.7
_SPEED_UP = 0.03 / 60
"""The part of the full rate that each second of answers adds."""

_ONE_REFUSAL = 20.0
"""Seconds in which all refusals count as one: a full minute refuses requests until it ends."""

_FIRST_HOLD = 2.0
_LONGEST_HOLD = 30.0


class RateLimiter:
    """The limits of one account for one model in this process.

    Args:
        limits: The limits and this process's share of them.
        clock: Monotonic seconds.
        jitter: Random numbers from 0 to 1.

    Raises:
        ConfigurationError: If the package pyrate-limiter is not installed.
    """

    def __init__(
        self,
        limits: RateLimits,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._state: dict[str, tuple[float, ...]] = {}
        self._debt = 0
        self._refused_at = float("-inf")
        self._changed_at = clock()
        self._held_until = float("-inf")
        self._hold = _FIRST_HOLD
        self.factor = 1.0
        # Without it, workers that were started together would always send at the same time.
        self._phase = jitter() if limits.share < 1 else 0.0
        self._library  # noqa: B018 - a missing package is found here, not in the first call

    @cached_property
    def _library(self) -> Any:
        try:
            import pyrate_limiter  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise ConfigurationError(
                "limits need the package pyrate_limiter: pip install 'workersai[limits]'",
                parameter="limits",
            ) from None
        return pyrate_limiter

    def turn(self, tokens: int) -> Turn:
        """Return the turn of one call, whose request has about *tokens* tokens."""
        return Turn(self, max(1, tokens))

    def reserve(self, tokens: int, after: float, latest: float) -> float | None:
        """Reserve the next free time.

        Args:
            tokens: How many tokens the request has.
            after: The least number of seconds to wait.
            latest: The latest useful time, on the clock.

        Returns:
            Seconds to wait; `None` if the next time is later than *latest*, which is not reserved.
        """
        with self._lock:
            now = self._clock()
            after = max(after, self._held_until - now)
            begin = place = int((now + after) * 1000)
            tokens += self._debt
            states: dict[str, tuple[float, ...]] = {}
            for name, limit, weight in self._weights(tokens):
                place, states[name] = self._next(name, self._rate(limit, weight), place, weight)
            if now + after + (place - begin) / 1000 > latest:
                return None
            self._state.update(states)
            self._debt = 0
            return after + (place - begin) / 1000

    def _weights(self, tokens: int) -> list[tuple[str, float, int]]:
        limits = self._limits
        per_minute = (
            ("requests", limits.requests_per_minute, 1),
            ("tokens", limits.tokens_per_minute, tokens),
        )
        return [
            (name, limit * limits.share, weight)
            for name, limit, weight in per_minute
            if limit is not None
        ]

    def _rate(self, limit: float, weight: int) -> Rate:
        """Return a rate that stays below the limit in any minute, its burst included."""
        burst = max(weight, int(limit / _BURST))
        steady = max(limit - (burst - weight), limit / 2) * _MARGIN * self.factor
        rate: Rate = self._library.Rate(1000, max(1, int(1000 * _MINUTE / steady)), burst)
        return rate

    def _next(
        self, name: str, rate: Rate, place: int, weight: int
    ) -> tuple[int, tuple[float, ...]]:
        """Find the first time from *place* on that a rate allows, and the state after it."""
        gcra = self._library.GCRA()
        state = self._state.get(name) or gcra.initial([rate])
        if name not in self._state:
            place += int(self._phase * rate.interval * weight / 1000)
        after, decision = gcra.step([rate], state, place, weight)
        while not decision.allowed:
            place += max(1, decision.retry_after_ms)
            after, decision = gcra.step([rate], state, place, weight)
        return place, after

    def answered(self, tokens: int, usage: Usage | None) -> None:
        """Register an answer: count its tokens beyond the estimate, and raise the rate."""
        with self._lock:
            now = self._clock()
            self._hold = _FIRST_HOLD
            self.factor = min(1.0, self.factor + _SPEED_UP * (now - self._changed_at))
            self._changed_at = now
            if usage is not None and self._limits.tokens_per_minute is not None:
                self._debt += max(0, usage.total_tokens - tokens)

    def refused(self) -> None:
        """Register a refusal: pause for a moment, then send at a lower rate."""
        with self._lock:
            now = self._clock()
            if now >= self._held_until:
                self._held_until = now + self._hold
                self._hold = min(_LONGEST_HOLD, 2 * self._hold)
            if now - self._refused_at >= _ONE_REFUSAL:
                self._refused_at = self._changed_at = now
                self.factor = max(_SLOWEST, self.factor * _SLOW_DOWN)


class Turn:
    """What one call reserves and reports at a limiter.

    Args:
        limiter: The limiter.
        tokens: About how many tokens the request has.
    """

    def __init__(self, limiter: RateLimiter, tokens: int) -> None:
        self._limiter = limiter
        self._tokens = tokens

    def reserve(self, after: float, latest: float) -> float | None:
        """As `RateLimiter.reserve`."""
        return self._limiter.reserve(self._tokens, after, latest)

    def answered(self, result: object) -> None:
        """Register the result of the call."""
        usage = getattr(result, "usage", None)
        self._limiter.answered(self._tokens, usage if isinstance(usage, Usage) else None)

    def failed(self, error: WorkersAIError) -> bool:
        """Register a failure; return whether it was a refusal that a lower rate may avoid."""
        if not is_throttled(error):
            return False
        self._limiter.refused()
        return True


def is_throttled(error: WorkersAIError) -> bool:
    """Return whether an error means "later": too many requests, or no capacity."""
    return isinstance(error, (RateLimitError, OutOfCapacityError)) and error.is_retryable


_shared: dict[tuple[str, str | None, RateLimits], RateLimiter] = {}


def shared_limiter(root: str, model: str | None, limits: RateLimits) -> RateLimiter:
    """Return the limiter that all clients of this process share for one account and model."""
    key = (root, model, limits)
    limiter = _shared.get(key)
    return _shared.setdefault(key, RateLimiter(limits)) if limiter is None else limiter
