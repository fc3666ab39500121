"""A scenario: its work, the base of its ratios, and the check of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.contestants.base import Family
from benchmarks.server.accounts import Account, Kind

Run = Callable[[Any, int], Any]
"""Does the work with a contestant at a size, and returns the answers."""
Check = Callable[[Any, Any, "Scenario"], bool]
"""Returns whether the answers of a contestant are right."""


@dataclass(frozen=True)
class Scenario:
    """A row of the table.

    Attributes:
        key: A name for files.
        title: The title of the row: the work, and the base of the ratio.
        verb: The method that a contestant must have.
        kind: The kind of answer that the server sends.
        run: The work.
        is_right: The check of the answers; its time is not measured.
        base: The contestant to which the ratios of each family refer.
        size: The number of calls, messages, streams or texts in a run.
        events: The number of events in a stream, or of numbers in a vector.
        unit: The unit of absolute figures: a `call`, `event`, `text` or `model`.
        by: Whether the ratio in the table is of CPU time or of wall time.
        targets: The highest ratios that LangChain's and LlamaIndex's face should have.
        is_long: Whether `make benchmark` leaves the slowest peers out of the row.
        warm_ups: The number of runs before the first measured one. Pools of httpx need two runs to
            close the connections that they do not keep.
    """

    key: str
    title: str
    verb: str
    kind: Kind
    run: Run
    is_right: Check
    base: Mapping[Family, str]
    size: int
    events: int = 0
    unit: str = "call"
    by: Literal["cpu", "wall"] = "cpu"
    targets: tuple[float, float] | None = None
    is_long: bool = False
    warm_ups: int = 1

    @property
    def account(self) -> Account:
        return Account(self.kind, self.events)

    @property
    def units(self) -> int:
        """Return the number of units in a run."""
        return self.size * (self.events if self.unit == "event" else 1)

    def sized(self, size: int | None = None, events: int | None = None) -> Scenario:
        """Return the same scenario in another size."""
        return replace(
            self,
            size=self.size if size is None else size,
            events=self.events if events is None else events,
        )


@dataclass(frozen=True)
class MemoryScenario:
    """A row about the memory that reading streams adds to an interpreter with one contestant.

    Attributes:
        key: A name for files.
        title: The title of the row.
        account: The account, which selects the stream that the server sends.
        streams: The number of streams that the contestant reads at once.
        targets: The most bytes a stream that LangChain's and LlamaIndex's face should need.
    """

    key: str
    title: str
    account: Account
    streams: int
    targets: tuple[float, float]
