"""The inputs and results that both parts of the demo share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from typing_extensions import TypedDict

from workersai import Usage


class Connection(TypedDict, total=False):
    """Where Workers AI is; the environment fills missing settings."""

    account_id: str
    api_token: str
    base_url: str


@dataclass(frozen=True)
class Models:
    """The model of each task."""

    chat: str
    embedding: str
    rerank: str


@dataclass
class Outcome:
    """What a part used, and what went wrong in it."""

    part: str
    usage: Usage = field(default_factory=Usage)
    failures: list[str] = field(default_factory=list)

    def require(self, is_met: object, otherwise: str) -> None:
        """Note a failure unless something is there."""
        if not is_met:
            self.failures.append(otherwise)


class Clock:
    """Seconds to the first and to the last token of an answer."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._first: float | None = None

    def tick(self) -> None:
        """Count a token."""
        if self._first is None:
            self._first = time.perf_counter() - self._start

    def summary(self) -> str:
        whole = time.perf_counter() - self._start
        return f"first token after {self._first or whole:.2f} s, {whole:.2f} s in all"
