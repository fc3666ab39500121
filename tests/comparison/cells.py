"""What a cell of the table can be, and how an attempt becomes one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

ATTEMPT = 50.0
"""Seconds after which an attempt counts as one that does not end."""


class Cell(NamedTuple):
    """One answer of the table: `yes`, `part`, `no`, or `n/a` where there is no such class."""

    verdict: str
    because: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}: {self.because}" if self.because else self.verdict


YES = Cell("yes")
NO = Cell("no")


class Outcome(NamedTuple):
    """What an attempt returned, or the exception with which it ended."""

    value: Any
    error: BaseException | None

    def has(self, expected: object) -> bool:
        """Say whether it ended well, with this value."""
        return self.error is None and bool(self.value == expected)


def attempt(action: Callable[[], Any]) -> Outcome:
    """Run an action of another project's package, which may raise anything, in its own thread."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(action)
        error = running.exception(ATTEMPT)
        return Outcome(None if error else running.result(), error)


def found(is_right: bool, because: str = "") -> Cell:
    """Make `yes`, or `no` with its reason."""
    return YES if is_right else Cell("no", because)
