"""Common parts of bulk jobs: settings, progress, report, and the parts being filled."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from workersai._arguments import unknown_argument
from workersai._checks import check_callback, check_count, check_seconds
from workersai._models.profile import ModelProfile
from workersai.bulk.ledger import Ledger
from workersai.bulk.output import Output, PartFacts
from workersai.bulk.packages import package
from workersai.bulk.sources import Source, fingerprint
from workersai.client import AsyncClient
from workersai.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    ResponseError,
    WorkersAIError,
)
from workersai.results import Usage
from workersai.types import RateLimits, RequestOptions

__all__ = ["JobProgress", "JobReport", "JobSettings", "Parts", "QueueSettings", "run_here"]

T = TypeVar("T")

_RETRIES = 8
"""Retries of a job's client: a job can wait, because capacity returns within minutes."""

_REPORTED = 50
"""Progress is reported after this many rows, and after each part."""

_OUTAGE = 32
"""After this many successive rows with transient errors, a job gives up."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress of a job, including rows of earlier runs.

    Attributes:
        rows: Rows that have an answer or an error.
        total: Rows of the whole job.
        failed: Rows that have an error.
        usage: The usage of the answers; `None` if the server reported none.
        cost: USD by the page's prices; `None` if they or the usage are unknown.
        seconds: The duration of this run.
        rows_before: Rows that earlier runs had written.
    """

    rows: int
    total: int
    failed: int = 0
    usage: Usage | None = None
    cost: float | None = None
    seconds: float = 0.0
    rows_before: int = 0

    @property
    def total_cost(self) -> float | None:
        """USD of the whole job, estimated from the rows so far."""
        return self.cost * self.total / self.rows if self.cost is not None and self.rows else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end, estimated from the rows of this run."""
        done = self.rows - self.rows_before
        return (self.total - self.rows) * self.seconds / done if done else None


@dataclass(frozen=True, slots=True)
class JobReport:
    """The result of a run of a job.

    Attributes:
        progress: The progress of the job.
        is_done: Whether every row has an answer or an error.
        stopped_by: `max_cost` if the limit ended the run; else `None`.
        lost: USD that killed runs may have paid for lost answers, at most.
    """

    progress: JobProgress
    is_done: bool
    stopped_by: str | None = None
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a job uses the queue.

    Attributes:
        timeout: Seconds to wait for one batch.
        interval: The first delay between two polls in seconds; later ones double up to 30 s.
    """

    timeout: float = 86_400.0
    interval: float = 5.0

    def __post_init__(self) -> None:
        check_seconds("timeout", self.timeout)
        check_seconds("interval", self.interval)


@dataclass(frozen=True)
class JobSettings:
    """The settings of every job.

    Attributes:
        window: Rows that may be paid for but not written yet, and are lost at most by a kill.
        max_concurrency: How many requests may run at once.
        max_cost: USD that the job stays below, including earlier runs; `None` for no limit.
        keep: Columns of the input to copy to the output; `None` for all.
        on_progress: Called with a `JobProgress` every 50 rows, and after each part.
        limits: The limits of the client that the job creates.
        queue: Whether, or how, the rows go by the Batch API.
    """

    window: int
    max_concurrency: int
    max_cost: float | None = None
    keep: Sequence[str] | None = None
    on_progress: Callable[[JobProgress], None] | None = None
    limits: RateLimits | None = None
    queue: bool | QueueSettings = False

    def __post_init__(self) -> None:
        check_count("window", self.window, 2)
        check_count("max_concurrency", self.max_concurrency, 1)
        check_callback("on_progress", self.on_progress)

    @property
    def queued(self) -> QueueSettings | None:
        """How the rows go by the Batch API; `None` if they do not."""
        if isinstance(self.queue, QueueSettings):
            return self.queue
        return QueueSettings() if self.queue else None

    @property
    def part_rows(self) -> int:
        """Rows of a part: half the window; the requests of the other half may be running."""
        return self.window // 2


@dataclass
class Row:
    """A row in progress: its position, its fields, and its reserved cost."""

    place: int
    record: Mapping[str, Any] | None


Columns = Callable[[list[Any]], Mapping[str, Any]]
"""Makes the columns of a part of the items of its rows."""


@dataclass
class Parts:
    """Fills the parts of a job with the items of its rows, which come in order.

    Attributes:
        source: The source of the rows.
        output: The folder for the parts.
        settings: The settings of the job.
        ledger: The budget.
        columns: Makes the columns of a part.
    """

    source: Source
    output: Output
    settings: JobSettings
    ledger: Ledger
    columns: Columns
    _pieces: deque[Any] = field(default_factory=deque)
    _items: list[Any] = field(default_factory=list)
    _facts: PartFacts = field(default_factory=PartFacts)
    _passing: WorkersAIError | None = None
    _has_succeeded: bool = False
    _has_answered: bool = False
    _begun: float = field(default_factory=time.monotonic)
    _before: int = 0

    def __post_init__(self) -> None:
        self._before = self.output.next_row

    def begin(self, bound: Bound) -> None:
        """Add the cost of earlier runs, and what a killed run may have paid for lost answers.

        Raises:
            ConfigurationError: If a column of the input has the name of one that the job writes.
        """
        own = {"row", *self.columns([])}
        if clashing := [name for name in self.source.copied if name in own]:
            raise ConfigurationError(
                f"the job writes columns named {', '.join(clashing)} itself, and so has the input: "
                "pass keep with the names of the other columns to copy, or rename these",
                parameter="keep",
            )
        if self.output.was_killed:
            self.output.count_lost(self._bound_of_next(bound))
        self.ledger.spend(self.output.facts.counted + self.output.lost)

    def rows(self, bound: Bound) -> Iterator[Row]:
        """Read the rows that no part contains, as long as their cost can be reserved.

        Args:
            bound: The greatest cost of a row, in USD.
        """
        place = self.output.next_row
        self.output.mark_running()
        for piece in self.source.pieces(place, self.settings.part_rows):
            self._pieces.append(piece)
            for record in self.source.records(piece):
                if not self.ledger.reserve(bound(record)):
                    return
                yield Row(place, record)
                place += 1

    def _bound_of_next(self, bound: Bound) -> float:
        """Return the greatest cost of the window after the last part."""
        pieces = self.source.pieces(self.output.next_row, self.settings.window)
        records = self.source.records(piece) if (piece := next(pieces, None)) is not None else []
        return sum(map(bound, records))

    async def take(self, item: Any, facts: PartFacts, failure: WorkersAIError | None) -> None:
        """Add the item of the next row; write the part if it is full.

        Raises:
            WorkersAIError: If no row of a part succeeded and some failed with transient errors, as
                in an outage: nothing is written then, so that a later run tries those rows again.
                In a part of fewer than 32 rows, the errors are written instead if other rows of
                this run succeeded and the server could be reached.
        """
        self._items.append(item)
        self._facts += facts
        if failure is None:
            self._has_succeeded = self._has_answered = True
        elif failure.is_retryable:
            self._passing = failure
        if len(self._items) % _REPORTED == 1:
            self._report()
        if len(self._items) == self._pieces[0].num_rows:
            await self.write()

    async def write(self) -> None:
        """Write the remaining rows, if there are any."""
        if not self._items:
            return
        if self._passing is not None and self._is_outage():
            raise self._passing
        piece = self._pieces.popleft().slice(0, len(self._items))
        await asyncio.to_thread(self._write, piece, self._items, self._facts)
        self._items, self._facts, self._passing = [], PartFacts(), None
        self._has_succeeded = False
        self._report()

    def _is_outage(self) -> bool:
        """Return whether the failed rows are an outage, and not rows that always fail."""
        is_unreachable = isinstance(self._passing, APIConnectionError) and not isinstance(
            self._passing, APITimeoutError
        )
        is_long = len(self._items) >= min(_OUTAGE, self.settings.part_rows)
        is_wide = is_unreachable or is_long or not self._has_answered
        return is_wide and not self._has_succeeded

    def _write(self, piece: Any, items: list[Any], facts: PartFacts) -> None:
        arrow = package("pyarrow")
        first = self.output.next_row
        places = arrow.array(range(first, first + len(items)), arrow.int64())
        kept = self.source.kept(piece)
        columns = {"row": places, **{name: kept[name] for name in kept.column_names}}
        self.output.write_part(arrow.table({**columns, **self.columns(items)}), facts)

    def progress(self) -> JobProgress:
        """Return the progress of the job."""
        facts = self.output.facts + self._facts
        return JobProgress(
            rows=facts.rows,
            total=self.source.total,
            failed=facts.failed,
            usage=facts.usage,
            cost=facts.cost,
            seconds=time.monotonic() - self._begun,
            rows_before=self._before,
        )

    def _report(self) -> None:
        if self.settings.on_progress is not None:
            self.settings.on_progress(self.progress())

    def finish(self) -> JobReport:
        """Return the result of the run."""
        is_done = self.output.next_row == self.source.total
        if is_done:
            self.output.write_manifest(is_done=True)
        stopped_by = "max_cost" if self.ledger.is_used_up and not is_done else None
        return JobReport(self.progress(), is_done, stopped_by, self.output.lost)


Bound = Callable[[Mapping[str, Any] | None], float]
"""Returns the greatest cost of a row, in USD."""


def failed_facts(ledger: Ledger, profile: ModelProfile, error: WorkersAIError) -> PartFacts:
    """Return the facts of a failed row, and count its possible cost."""
    reserved = ledger.release()
    counted = reserved if isinstance(error, (APIConnectionError, ResponseError)) else 0.0
    ledger.spend(counted)
    return PartFacts(1, 1, None, None if profile.input_price is None else 0.0, counted)


def identity_of(path: Path, kind: str, **facts: Any) -> dict[str, Any]:
    """Describe a job by everything that can change its output, for the manifest."""
    described = {"kind": kind, "source": fingerprint(path), **facts}
    found: dict[str, Any] = json.loads(json.dumps(described, default=str))
    return found


@asynccontextmanager
async def client_of(
    client: AsyncClient | None, model: str, options: Mapping[str, Any], settings: JobSettings
) -> AsyncIterator[AsyncClient]:
    """Yield the client of a job; one created here retries often, unless a gateway retries.

    Raises:
        ConfigurationError: If limits are passed beside a client, which has its own.
    """
    if client is not None:
        if settings.limits is not None:
            raise ConfigurationError(
                "a client has its own limits: pass limits to the client, not to the job",
                parameter="limits",
            )
        yield client
        return
    gateway = options.get("gateway")
    is_retrying = isinstance(gateway, Mapping) and gateway.get("max_attempts") is not None
    retries: dict[str, Any] = {} if is_retrying else {"max_retries": _RETRIES}
    async with AsyncClient(model, limits=settings.limits, **retries) as created:
        yield created


def for_batches(client: AsyncClient, options: Mapping[str, Any]) -> AsyncClient:
    """Return a client whose batches are sent with a job's own options for requests."""
    sent: Any = {
        name: value for name, value in options.items() if name in RequestOptions.__annotations__
    }
    return client.with_options(**sent) if sent else client


def check_options(options: Mapping[str, Any], known: type, of: str, *own: str) -> None:
    """Check that all options of a job are known.

    Args:
        options: The options by name.
        known: The TypedDict of the known ones.
        of: The function's name.
        *own: Options that the job adds itself.

    Raises:
        ConfigurationError: If one is unknown.
    """
    for name in options:
        if name not in known.__annotations__ and name not in own:
            raise unknown_argument(name, known.__annotations__, of=of)


def check_paths(source: str | Path, target: str | Path) -> tuple[Path, Path]:
    """Return the paths of a job.

    Raises:
        ConfigurationError: If one is not a path.
    """
    for name, value in (("source", source), ("target", target)):
        if not isinstance(value, (str, Path)) or not str(value):
            raise ConfigurationError(
                f"{name} must be a path, not {type(value).__name__}", parameter=name
            )
    return Path(source), Path(target)


def run_here(job: Coroutine[Any, Any, T]) -> T:
    """Run a job from synchronous code.

    Raises:
        ConfigurationError: If an event loop is already running here.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(job)
    job.close()
    raise ConfigurationError(
        "an event loop is already running here: await aembed_file or amap_file instead"
    )
