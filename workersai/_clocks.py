"""Clocks: the time that is left for the bytes of one attempt."""

from __future__ import annotations

import logging
import math
import time
from typing import Literal, TypeAlias

from workersai._wire import WORKED_SECONDS
from workersai.errors import APIConnectionError, APITimeoutError
from workersai.types import Timeout

__all__ = ["Clocks"]

_log = logging.getLogger("workersai")

Phase: TypeAlias = Literal["connect", "first_byte", "idle", "total"]

_DRAIN_SECONDS = 0.1
_ERROR_BODY_SECONDS = 5.0
_RACE_SECONDS = 5.0
_SHORTEST = 0.001
_LONGEST = 2_000_000.0
"""Seconds (23 days). A socket cannot wait longer at once."""
_HAPPENED = {
    "connect": "No connection could be made within {:g} s",
    "first_byte": "No answer began within {:g} s",
    "idle": "No event of the stream came within {:g} s",
    "total": "The call was not done within its total of {:g} s, retries included",
}
_PAID = "; the request is not repeated, because the answer may have been generated and paid for"


class Clocks:
    """The clocks of one attempt.

    The idle clock starts when the next bytes are requested, so that the time a consumer spends on
    its events does not count.

    Args:
        timeout: The call's time limits.
        deadline: The end of the whole call, in monotonic seconds.
        begins_late: Whether the answer begins only after it was generated. Then there is no
            first-byte clock.
        is_repeatable: Whether the request may be sent again after a clock ran out.
        name: The call's name in the log: method and path, without the account.
    """

    __slots__ = (
        "_deadline", "_is_repeatable", "_limit", "_name", "_phase", "_start", "_timeout",
        "is_fresh", "is_stale",
    )  # fmt: skip

    def __init__(
        self,
        timeout: Timeout,
        deadline: float,
        *,
        begins_late: bool = False,
        is_repeatable: bool = True,
        name: str = "",
    ) -> None:
        self._name = name
        self._timeout = timeout
        self._deadline = deadline
        self._is_repeatable = is_repeatable
        self._start = time.monotonic()
        self._limit = deadline
        self._phase: Phase = "total"
        if not begins_late:
            self._set_limit(timeout.first_byte, "first_byte", self._start)
        self.is_fresh = False
        """Set when the answer begins and at each event: the idle clock starts again."""
        self.is_stale = False
        """Set when the request was sent over a used connection and no answer has arrived yet."""

    def _set_limit(self, seconds: float, phase: Phase, now: float) -> None:
        self._limit, self._phase = now + seconds, phase
        if self._limit >= self._deadline:
            self._limit, self._phase = self._deadline, "total"

    def log(self, event: str) -> None:
        """Log, for DEBUG, how long after the start of the attempt an event happened."""
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s: %s after %.3f s", self._name, event, time.monotonic() - self._start)

    def connect(self) -> float:
        """Return the seconds that a connection may take."""
        return min(
            self._timeout.connect, max(self._deadline - time.monotonic(), _SHORTEST), _LONGEST
        )

    def begin_body(self, *, is_error: bool) -> None:
        """Set the clocks for the body: the rest of the total for an answer, less for an error.

        The status of an error is usually sufficient, and the time is better spent on a retry.
        """
        seconds = min(_ERROR_BODY_SECONDS, self._timeout.first_byte) if is_error else math.inf
        self._set_limit(seconds, "first_byte", time.monotonic())
        self.log("the answer began")

    def wait(self) -> float:
        """Return the seconds that the next bytes may take.

        Raises:
            APITimeoutError: If no time is left. This is needed for servers that never pause, where
                a socket's own timeout does not expire.
        """
        now = time.monotonic()
        if self.is_fresh:
            self.is_fresh = False
            self._set_limit(self._timeout.idle, "idle", now)
        if now >= self._limit:
            raise self.expired()
        return min(max(self._limit - now, _SHORTEST), _LONGEST)

    def drain(self) -> float:
        """Limit the wait for the rest of an unneeded answer; return its seconds."""
        self.is_fresh = False
        self._limit = time.monotonic() + _DRAIN_SECONDS
        return _DRAIN_SECONDS

    def check(self) -> None:
        """Raise an error if the bytes that have just arrived took too long."""
        if time.monotonic() > self._limit:
            raise self.expired()

    def met_a_closing_connection(self, error: APIConnectionError) -> bool:
        """Return whether the server closed an idle connection just as the request was sent.

        Then the error comes at once. A connection that breaks later broke while the server was
        working on the request.
        The log says so, at INFO: the request is sent again on a new connection.
        """
        is_race = self.is_stale and not isinstance(error, APITimeoutError)
        if not is_race or time.monotonic() - self._start >= _RACE_SECONDS:
            return False
        _log.info("%s: the idle connection was stale; a new one is used", self._name)
        return True

    def may_repeat(self, *, is_connecting: bool) -> bool:
        """Return whether the request can be sent again after its connection has just failed."""
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
        is_repeatable = self._is_repeatable or is_connecting  # nothing was sent if connecting
        error = APITimeoutError(
            f"{_HAPPENED[phase].format(seconds)}{'' if is_repeatable else _PAID}. To wait longer, "
            f"pass a timeout with a larger {phase!r}, such as "
            f"Timeout({phase}={2 * seconds:g})",
            phase=phase,
        )
        error.is_retryable = is_repeatable
        return error
