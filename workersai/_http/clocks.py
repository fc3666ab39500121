"""Clocks: how long the bytes of one attempt may still take."""

from __future__ import annotations

import time
from typing import Literal

from workersai.errors import APITimeoutError
from workersai.types import Timeout

__all__ = ["Clocks"]

_DRAIN_SECONDS = 0.1
_ERROR_BODY_SECONDS = 5.0
_SHORTEST = 0.001
_WAITED_FOR = {
    "connect": "No connection could be made",
    "first_byte": "No answer began",
    "idle": "No event of the stream came",
}


class Clocks:
    """The clocks of one attempt.

    The idle clock starts when the next bytes are waited for, so the time that a consumer takes
    over its events does not count.
    """

    __slots__ = ("_deadline", "_limit", "_phase", "_timeout", "is_fresh", "is_stale")

    def __init__(self, timeout: Timeout, deadline: float) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._limit = min(time.monotonic() + timeout.first_byte, deadline)
        self._phase: Literal["first_byte", "idle"] = "first_byte"
        self.is_fresh = False
        """Set when the answer begins and when an event comes: the idle clock starts anew."""
        self.is_stale = False
        """Set when the request went over a connection used before and nothing has come back."""

    def connect(self) -> float:
        """Return the seconds that a connection may take."""
        return min(self._timeout.connect, max(self._deadline - time.monotonic(), _SHORTEST))

    def begin_body(self, *, is_error: bool) -> None:
        """The head has come: a whole answer now has what is left of the total, an error less.

        Its status says most of it, and a retry may be worth more than the rest.
        """
        self._limit = self._deadline
        if is_error:
            seconds = min(_ERROR_BODY_SECONDS, self._timeout.first_byte)
            self._limit = min(time.monotonic() + seconds, self._deadline)

    def wait(self) -> float:
        """Return the seconds that the next bytes may take.

        Raises:
            APITimeoutError: If there are none left. A server that never pauses leaves no silence
                in which a socket's own clock could run out.
        """
        now = time.monotonic()
        if self.is_fresh:
            self.is_fresh = False
            self._phase = "idle"
            self._limit = min(now + self._timeout.idle, self._deadline)
        if now >= self._limit:
            raise self.expired()
        return max(self._limit - now, _SHORTEST)

    def drain(self) -> float:
        """Nothing more is worth waiting for; return the seconds that the end may take."""
        self.is_fresh = False
        self._limit = time.monotonic() + _DRAIN_SECONDS
        return _DRAIN_SECONDS

    def check(self) -> None:
        """Raise if the bytes that have just come took too long."""
        if time.monotonic() > self._limit:
            raise self.expired()

    def expired(self, *, is_connecting: bool = False) -> APITimeoutError:
        """Return the error for the clock that ran out."""
        if time.monotonic() >= self._deadline:
            return APITimeoutError(
                f"The call was not done within its total of {self._timeout.total:g} s",
                phase="total",
            )
        phase: Literal["connect", "first_byte", "idle"]
        phase = "connect" if is_connecting else self._phase
        seconds = getattr(self._timeout, phase)
        return APITimeoutError(
            f"{_WAITED_FOR[phase]} within {seconds:g} s (timeout {phase!r})", phase=phase
        )
