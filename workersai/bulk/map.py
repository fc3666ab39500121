"""Ask a chat model about the rows of a file, and write the answers into Parquet parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from workersai._models import get_profile
from workersai.bulk.chat_requests import AskOptions, RowChats
from workersai.bulk.jobs import (
    Bound,
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
from workersai.bulk.ordered import in_order
from workersai.bulk.output import Output, PartFacts
from workersai.bulk.packages import package
from workersai.bulk.queue import run_queue
from workersai.bulk.sources import open_source
from workersai.client import AsyncClient
from workersai.errors import (
    ConfigurationError,
    WorkersAIError,
)
from workersai.integration.costs import call_cost
from workersai.results import ChatResult
from workersai.types import RateLimits

__all__ = ["amap_file", "map_file"]


def map_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str,
    prompt: str,
    system: str | None = None,
    schema: Mapping[str, Any] | None = None,
    client: AsyncClient | None = None,
    window: int = 256,
    max_concurrency: int = 16,
    max_cost: float | None = None,
    keep: Sequence[str] | None = None,
    on_progress: Callable[[JobProgress], None] | None = None,
    limits: RateLimits | None = None,
    queue: bool | QueueSettings = False,
    **options: Unpack[AskOptions],
) -> JobReport:
    """Ask a chat model about each row of a file; the answers go into a folder of Parquet parts.

    Each part has the columns `row` (the position in the file, from 0), the input's own, `answer`
    (null if there is none), `error` (null if the row succeeded), `finish_reason`, `model`,
    `prompt_tokens`, `completion_tokens`, `request_id`, and `cache_status` and `log_id` of an AI
    Gateway. The column `input` contains each row of a JSON file as its line. Called again with the
    same arguments, a job continues after its last part; every row is in one part.

    Args:
        source: A file: `.parquet`, or `.jsonl` with one object on each line.
        target: A folder for the parts; it is created if missing.
        model: A chat model.
        prompt: The user's message; `{column}` stands for the row's value, `{{` for a brace.
        system: The system message, with columns as in *prompt*.
        schema: A JSON schema. It is sent as `response_format`, and an answer that does not fit it
            has an `error` beside its `answer`.
        client: A client of your own; by default one with the settings of the environment and 8
            retries.
        window: Rows that may be paid for but not written yet, and are lost at most by a kill.
        max_concurrency: How many requests may run at once.
        max_cost: USD that the job stays below, including earlier runs: the greatest cost of each
            row is reserved before it is sent (the UTF-8 bytes of the prompt as tokens, and the
            token cap).
        keep: Columns of the input to copy to the output; `None` for all.
        on_progress: Called with a `JobProgress` every 50 rows, and after each part.
        limits: The account's limits, for the client that the job creates.
        queue: Send the rows by Cloudflare's Batch API; see `embed_file`.
        **options: As in `Client.chat`. In `gateway`, `cache_key` and the texts in `metadata` may
            contain column names, as *prompt* does.

    Raises:
        ConfigurationError: If an argument cannot work, the folder contains another job, or
            *max_cost* is passed for a model with unknown prices or token cap.
        WorkersAIError: As in `embed_file`.
    """
    settings = JobSettings(window, max_concurrency, max_cost, keep, on_progress, limits, queue)
    asking = RowChats(model, prompt, system, schema, dict(options))
    return run_here(_run(*check_paths(source, target), client, settings, asking))


async def amap_file(
    source: str | Path,
    target: str | Path,
    *,
    model: str,
    prompt: str,
    system: str | None = None,
    schema: Mapping[str, Any] | None = None,
    client: AsyncClient | None = None,
    window: int = 256,
    max_concurrency: int = 16,
    max_cost: float | None = None,
    keep: Sequence[str] | None = None,
    on_progress: Callable[[JobProgress], None] | None = None,
    limits: RateLimits | None = None,
    queue: bool | QueueSettings = False,
    **options: Unpack[AskOptions],
) -> JobReport:
    """As `map_file`, asynchronously."""
    settings = JobSettings(window, max_concurrency, max_cost, keep, on_progress, limits, queue)
    asking = RowChats(model, prompt, system, schema, dict(options))
    return await _run(*check_paths(source, target), client, settings, asking)


async def _run(
    path: Path,
    folder: Path,
    client: AsyncClient | None,
    settings: JobSettings,
    asking: RowChats,
) -> JobReport:
    check_options(asking.options, AskOptions, "map_file", "response_format")
    rows = open_source(path, asking.columns, settings.keep)
    if settings.queued is not None and asking.has_options_of_rows:
        raise ConfigurationError(
            "a batch has one set of gateway options for all its rows: leave cache_key and metadata "
            "out, or pass no queue",
            parameter="gateway",
        )
    ledger = Ledger(get_profile(asking.model), settings.max_cost)
    bound = asking.bound(ledger)
    async with AsyncExitStack() as stack:
        made = client_of(client, asking.model, asking.options, settings)
        used = await stack.enter_async_context(made)
        output = Output(folder, asking.identity(path, settings))
        stack.enter_context(output.open())
        parts = Parts(rows, output, settings, ledger, _columns)
        if (queue := settings.queued) is None:
            parts.begin(bound)
            await _map(parts, used, asking, bound)
        else:
            await run_queue(parts, for_batches(used, asking.options), asking, bound, queue)
        return parts.finish()


async def _map(parts: Parts, client: AsyncClient, asking: RowChats, bound: Bound) -> None:
    settings = parts.settings
    answers = in_order(
        parts.rows(bound),
        lambda row: asking.ask(client, row),
        limit=settings.max_concurrency,
        window=settings.part_rows,
    )
    async with aclosing(answers):
        async for _, answer in answers:
            if isinstance(answer, WorkersAIError):
                facts = failed_facts(parts.ledger, get_profile(asking.model), answer)
                await parts.take((None, answer), facts, answer)
            else:
                fault = asking.fault(answer)
                await parts.take((answer, fault), _facts(parts.ledger, asking, answer, fault), None)
    await parts.write()


def _facts(
    ledger: Ledger, asking: RowChats, answer: ChatResult, fault: WorkersAIError | None
) -> PartFacts:
    reserved = ledger.release()
    cost = call_cost(answer.usage, asking.model, answer.gateway)
    counted = reserved if cost is None else cost
    ledger.spend(counted)
    return PartFacts(1, int(fault is not None), answer.usage, cost, counted)


def _columns(items: list[Any]) -> Mapping[str, Any]:
    """Write answers and errors as the columns of a part."""
    arrow = package("pyarrow")
    rows = [_cells(*item) for item in items]
    return {
        name: arrow.array([row[name] for row in rows], getattr(arrow, kind)())
        for name, kind in _TYPES.items()
    }


_TYPES: Mapping[str, str] = {
    "answer": "string",
    "error": "string",
    "finish_reason": "string",
    "model": "string",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "request_id": "string",
    "cache_status": "string",
    "log_id": "string",
}


def _cells(answer: ChatResult | None, error: WorkersAIError | None) -> dict[str, Any]:
    cells: dict[str, Any] = dict.fromkeys(_TYPES)
    cells["error"] = None if error is None else str(error)
    if answer is None:
        return cells
    usage = answer.usage
    return {
        **cells,
        "answer": answer.text,
        "finish_reason": answer.finish_reason,
        "model": answer.model,
        "prompt_tokens": usage and usage.prompt_tokens,
        "completion_tokens": usage and usage.completion_tokens,
        "request_id": answer.request_id,
        "cache_status": answer.gateway.get("cache_status"),
        "log_id": answer.gateway.get("log_id"),
    }
