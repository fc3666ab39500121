"""Embed the texts of a file into Parquet parts."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from workersai._models import get_profile
from workersai.bulk.embedding_requests import RowEmbeddings
from workersai.bulk.jobs import (
    JobProgress,
    JobReport,
    JobSettings,
    Parts,
    QueueSettings,
    check_options,
    check_paths,
    client_of,
    failed_facts,
    for_batches,
    run_here,
)
from workersai.bulk.ledger import Ledger
from workersai.bulk.output import Output, PartFacts
from workersai.bulk.packages import package
from workersai.bulk.queue import run_queue
from workersai.bulk.sources import open_source
from workersai.client import AsyncClient
from workersai.errors import WorkersAIError
from workersai.results import NotEmbedded, Usage
from workersai.types import EmbeddingOptions, RateLimits

__all__ = ["aembed_file", "embed_file"]


def embed_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str,
    column: str,
    client: AsyncClient | None = None,
    window: int = 8_192,
    max_concurrency: int = 8,
    max_cost: float | None = None,
    keep: Sequence[str] | None = None,
    on_progress: Callable[[JobProgress], None] | None = None,
    limits: RateLimits | None = None,
    queue: bool | QueueSettings = False,
    **options: Unpack[EmbeddingOptions],
) -> JobReport:
    """Embed a column of a file into a folder of Parquet parts.

    Each part has the columns `row` (the position in the file, from 0), the input's own, `embedding`
    (float32, null if there is none) and `error` (null if there is a vector). Called again with the
    same arguments, a job continues after its last part; every row is in one part.

    Args:
        source: A file: `.parquet`, or `.jsonl` with one object on each line.
        target: A folder for the parts; it is created if missing.
        model: An embedding model.
        column: The column with the texts.
        client: A client of your own; by default one with the settings of the environment and 8
            retries.
        window: Rows that may be paid for but not written yet, and are lost at most by a kill.
        max_concurrency: How many requests may run at once.
        max_cost: USD that the job stays below, including earlier runs: the greatest cost of each
            row is reserved before it is sent (its UTF-8 bytes as tokens, by the page's price).
        keep: Columns of the input to copy to the output; `None` for all.
        on_progress: Called with a `JobProgress` every 50 rows, and after each part.
        limits: The account's limits, for the client that the job creates.
        queue: Send the rows by Cloudflare's Batch API, in batches below 10 MB; `max_concurrency` is
            then the number of batches in the queue at once. The ids of the batches are saved in the
            folder, so that a run that is killed loses none of them. `QueueSettings` say how long to
            wait.
        **options: As in `Client.embed`.

    Raises:
        ConfigurationError: If an argument cannot work, the folder contains another job, or
            *max_cost* is passed for a model with unknown prices.
        WorkersAIError: If all rows of a part failed with a transient error, or with one that every
            row would get (a refused token). Written parts are kept, and the next run continues.
    """
    settings = JobSettings(window, max_concurrency, max_cost, keep, on_progress, limits, queue)
    asking = RowEmbeddings(model, column, options)
    return run_here(_run(*check_paths(source, target), client, settings, asking))


async def aembed_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str,
    column: str,
    client: AsyncClient | None = None,
    window: int = 8_192,
    max_concurrency: int = 8,
    max_cost: float | None = None,
    keep: Sequence[str] | None = None,
    on_progress: Callable[[JobProgress], None] | None = None,
    limits: RateLimits | None = None,
    queue: bool | QueueSettings = False,
    **options: Unpack[EmbeddingOptions],
) -> JobReport:
    """As `embed_file`, asynchronously."""
    settings = JobSettings(window, max_concurrency, max_cost, keep, on_progress, limits, queue)
    asking = RowEmbeddings(model, column, options)
    return await _run(*check_paths(source, target), client, settings, asking)


async def _run(
    path: Path,
    folder: Path,
    client: AsyncClient | None,
    settings: JobSettings,
    asking: RowEmbeddings,
) -> JobReport:
    check_options(asking.options, EmbeddingOptions, "embed_file")
    rows = open_source(path, [asking.column], settings.keep)
    ledger = Ledger(get_profile(asking.model), settings.max_cost)
    async with AsyncExitStack() as stack:
        made = client_of(client, asking.model, asking.options, settings)
        used = await stack.enter_async_context(made)
        output = Output(folder, asking.identity(path, settings))
        stack.enter_context(output.open())
        parts = Parts(rows, output, settings, ledger, _columns)
        if (queue := settings.queued) is None:
            await _embed(parts, used, asking)
        else:
            await run_queue(
                parts, for_batches(used, asking.options), asking, asking.bound(ledger), queue
            )
        return parts.finish()


async def _embed(parts: Parts, client: AsyncClient, asking: RowEmbeddings) -> None:
    settings, bound = parts.settings, asking.bound(parts.ledger)
    parts.begin(bound)
    missing: dict[int, str] = {}
    async with client.embed_iter(
        asking.texts(parts.rows(bound), missing),
        model=asking.model,
        on_error="skip",
        window=min(settings.part_rows, 200 * settings.max_concurrency),
        max_concurrency=settings.max_concurrency,
        **asking.options,
    ) as run:
        costs = _Costs(parts.ledger, asking.model)
        async for item in run:
            if isinstance(item, NotEmbedded):
                fault = missing.pop(item.position, None) or str(item.error)
                await parts.take(fault, costs.of_failure(item.error), item.error)
            else:
                await parts.take(array("f", item), costs.of(run.usage), None)
    await parts.write()


class _Costs:
    """Divides the cost of a run among its rows: each gets the usage since the row before."""

    def __init__(self, ledger: Ledger, model: str) -> None:
        self._ledger = ledger
        self._profile = get_profile(model)
        self._seen: Usage | None = None
        self._nothing_new = PartFacts(1, cost=self._profile.cost(Usage()))

    def of(self, usage: Usage | None) -> PartFacts:
        """Return the facts of the next row, if it has a vector."""
        reserved = self._ledger.release()
        if usage is None:
            self._ledger.spend(reserved)
            return PartFacts(1, counted=reserved)
        if usage is self._seen:
            return self._nothing_new
        new, self._seen = _since(self._seen, usage), usage
        cost = self._profile.cost(new)
        self._ledger.spend(cost or 0.0)
        return PartFacts(1, 0, new, cost, cost or 0.0)

    def of_failure(self, error: WorkersAIError) -> PartFacts:
        """Return the facts of the next row, if it failed."""
        return failed_facts(self._ledger, self._profile, error)


def _since(before: Usage | None, now: Usage) -> Usage:
    if before is None:
        return now
    neurons = None if now.neurons is None else now.neurons - (before.neurons or 0.0)
    return Usage(
        now.prompt_tokens - before.prompt_tokens,
        now.completion_tokens - before.completion_tokens,
        now.total_tokens - before.total_tokens,
        neurons=neurons,
    )


def _columns(items: list[Any]) -> Mapping[str, Any]:
    """Write vectors and errors as the columns of a part."""
    arrow = package("pyarrow")
    values, offsets, ends = array("f"), [], 0
    for item in items:
        offsets.append(ends if isinstance(item, array) else None)
        if isinstance(item, array):
            values.extend(item)
            ends = len(values)
    data = arrow.Array.from_buffers(
        arrow.float32(), len(values), [None, arrow.py_buffer(values.tobytes())]
    )
    vectors = arrow.ListArray.from_arrays(arrow.array([*offsets, ends], arrow.int32()), data)
    errors = [item if isinstance(item, str) else None for item in items]
    return {"embedding": vectors, "error": arrow.array(errors, arrow.string())}
