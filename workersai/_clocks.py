"""Clocks: how long the bytes of one attempt may still take."""

from __future__ import annotations

import math
import time
from typing import Literal, TypeAlias

from workersai._wire import WORKED_SECONDS
from workersai.errors import APIConnectionError, APITimeoutError
from workersai.types import Timeout

__all__ = ["Clocks"]

Phase: TypeAlias = Literal["connect", "first_byte", "idle", "total"]

_DRAIN_SECONDS = 0.1
_ERROR_BODY_SECONDS = 5.0
_RACE_SECONDS = 5.0
_SHORTEST = 0.001
_LONGEST = 2_000_000.0
"""Seconds, 23 days of them, that a socket can wait for at once."""
_HAPPENED = {
    "connect": "No connection could be made within {:g} s",
    "first_byte": "No answer began within {:g} s",
    "idle": "No event of the stream came within {:g} s",
    "total": "The call was not done within its total of {:g} s, retries included",
}
_PAID = "; the request is not repeated, because the answer may have been made and paid for"


class Clocks:
    """The clocks of one attempt.

    The idle clock starts when the next bytes are waited for, so the time that a consumer takes
    over its events does not count.

    Args:
        timeout: The call's.
        deadline: When the whole call ends, in monotonic seconds.
        begins_late: Whether the answer begins only when all of it is made. Then there is no
            first-byte clock.
        is_repeatable: Whether the request may be sent again after a clock ran out.
    """

    __slots__ = (
        "_deadline", "_is_repeatable", "_limit", "_phase", "_start", "_timeout", "is_fresh",
        "is_stale",
    )  # fmt: skip

    def __init__(
        self,
        timeout: Timeout,
        deadline: float,
        *,
        begins_late: bool = False,
        is_repeatable: bool = True,
    ) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._is_repeatable = is_repeatable
        self._start = time.monotonic()
        self._limit = deadline
        self._phase: Phase = "total"
        if not begins_late:
            self._set_limit(timeout.first_byte, "first_byte", self._start)
        self.is_fresh = False
        """Set when the answer begins and when an event comes: the idle clock starts anew."""
        self.is_stale = False
        """Set when the request went over a connection used before and nothing has come back."""

    def _set_limit(self, seconds: float, phase: Phase, now: float) -> None:
        self._limit, self._phase = now + seconds, phase
        if self._limit >= self._deadline:
            self._limit, self._phase = self._deadline, "total"

    def connect(self) -> float:
        """Return the seconds that a connection may take."""
        return min(
            self._timeout.connect, max(self._deadline - time.monotonic(), _SHORTEST), _LONGEST
        )

    def begin_body(self, *, is_error: bool) -> None:
        """The head has come: a whole answer now has what is left of the total, an error less.

        Its status says most of it, and a retry may be worth more than the rest.
        """
        seconds = min(_ERROR_BODY_SECONDS, self._timeout.first_byte) if is_error else math.inf
        self._set_limit(seconds, "first_byte", time.monotonic())

    def wait(self) -> float:
        """Return the seconds that the next bytes may take.

        Raises:
            APITimeoutError: If there are none left. A server that never pauses leaves no silence
                in which a socket's own clock could run out.
        """
        now = time.monotonic()
        if self.is_fresh:
            self.is_fresh = False
            self._set_limit(self._timeout.idle, "idle", now)
        if now >= self._limit:
            raise self.expired()
        return min(max(self._limit - now, _SHORTEST), _LONGEST)

    def drain(self) -> float:
        """Nothing more is worth waiting for; return the seconds that the end may take."""
        self.is_fresh = False
        self._limit = time.monotonic() + _DRAIN_SECONDS
        return _DRAIN_SECONDS

    def check(self) -> None:
        """Raise if the bytes that have just come took too long."""
        if time.monotonic() > self._limit:
            raise self.expired()

    def met_a_closing_connection(self, error: APIConnectionError) -> bool:
        """Say whether the server closed an idle connection just as the request went out.

        That shows at once. A connection that breaks later broke while the server was working.
        """
        is_race = self.is_stale and not isinstance(error, APITimeoutError)
        return is_race and time.monotonic() - self._start < _RACE_SECONDS

    def may_repeat(self, *, is_connecting: bool) -> bool:
        """Say whether the request can be sent again after its connection failed just now."""
        is_worked_on = time.monotonic() - self._start > WORKED_SECONDS
        return self._is_repeatable or is_connecting or not is_worked_on

    def expired(self, *, is_connecting: bool = False) -> APITimeoutError:
        """Return the error for the clock that ran out."""
        phase = self._phase
        if time.monotonic() >= self._deadline:
            phase = "total"
        elif is_connecting:
            phase = "connect"
        seconds = getattr(self._timeout, phase)
        is_repeatable = self._is_repeatable or is_connecting  # then nothing was sent yet
        error = APITimeoutError(
            f"{_HAPPENED[phase].format(seconds)}{'' if is_repeatable else _PAID}. To wait longer, "
            f"pass a timeout with a larger {phase!r}, such as "
            f"Timeout({phase}={2 * seconds:g})",
            phase=phase,
        )
        error.is_retryable = is_repeatable
        return error
