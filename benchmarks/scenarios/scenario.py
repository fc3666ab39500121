"""A scenario: its work, the base of its ratios, and the check of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.contestants.base import Family
from benchmarks.server.accounts import Account, Kind

Run = Callable[[Any, int], Any]
"""Does the work with a contestant, so many times or with so much; gives what came of it."""
Check = Callable[[Any, Any, "Scenario"], bool]
"""Says of a contestant and of what came whether it is right."""


@dataclass(frozen=True)
class Scenario:
    """A row of the table.

    Attributes:
        key: A name for files.
        title: What is measured, and what the ratio is to.
        verb: What a contestant must be able to do.
        kind: What the server answers.
        run: The work.
        is_right: The check of the answer; it runs outside the clock.
        base: The contestant that others of a family are compared with.
        size: How many calls, messages, streams or texts a run has.
        events: How many events a stream has, or how many numbers a vector.
        unit: What absolute figures are for one of: a `call`, `event`, `text` or `model`.
        by: What the ratio in the table is of.
        targets: What the two faces are to reach: LangChain's, LlamaIndex's.
        is_long: Whether the slowest peers are left out of it by `make benchmark`.
        warm_ups: How often it runs before it is measured. Pools of httpx take two runs to close the
            connections that are beyond what they keep.
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
    """A row about memory: what reading streams adds to an interpreter with one contestant alone.

    Attributes:
        key: A name for files.
        title: What is measured.
        account: What the server streams.
        streams: How many streams are read at once.
        targets: Bytes a stream that the two faces are to stay below.
    """

    key: str
    title: str
    account: Account
    streams: int
    targets: tuple[float, float]
