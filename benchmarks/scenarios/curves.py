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
        title: The title of the plot.
        across: The label of the horizontal axis.
        unit: The unit whose CPU time the plot shows, such as a call or an event.
        sizes: The sizes to measure, on the horizontal axis.
        at: Returns the scenario at a size.
        seconds: A contestant that took more CPU seconds at one size is not measured at larger
            sizes. The limit is low for calls in flight, because the cost of httpx's pools grows at
            least with the square of the connections.
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
