"""The cost of a call, message, event or text at growing sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.scenarios.scenario import Scenario
from benchmarks.scenarios.table import AT_ONCE, EMBEDDINGS, HISTORY, STREAM

SHORT_VECTOR = 64
"""Numbers in a vector of the curve of texts: 100,000 vectors of 768 would take 2.4 GB each time."""


@dataclass(frozen=True)
class Curve:
    """A scenario at several sizes.

    Attributes:
        key: A name for files.
        title: What the plot shows.
        across: What the horizontal axis counts.
        unit: What the CPU time is for one of.
        sizes: How many.
        at: The scenario at a size.
        seconds: Who took more CPU time at one size is left out beyond it. Few for calls in flight:
            what pools of httpx cost grows with the square of the connections and more.
    """

    key: str
    title: str
    across: str
    unit: str
    sizes: tuple[int, ...]
    at: Callable[[int], Scenario]
    seconds: float = 6.0


CURVES = (
    Curve(
        "calls-in-flight", "Async calls in flight", "calls at once", "call",
        (1, 10, 100, 500, 1000, 2000), AT_ONCE.sized, seconds=1.5,
    ),
    Curve(
        "history-length", "A call with a history", "messages in the history", "call",
        (1, 10, 100, 300, 1000), lambda size: HISTORY.sized(size=2, events=size),
    ),
    Curve(
        "stream-length", "A stream, sync", "events in the stream", "event",
        (100, 1000, 10_000, 100_000), lambda size: STREAM.sized(events=size),
    ),
    Curve(
        "texts", f"Embeddings of {SHORT_VECTOR} numbers, sync", "texts", "text",
        (100, 1000, 10_000, 100_000), lambda size: EMBEDDINGS.sized(size, SHORT_VECTOR),
    ),
)  # fmt: skip
