"""`workersai embed` and `workersai map`: bulk jobs, with progress, tokens and cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from workersai import ConfigurationError, RateLimits, WorkersAIError
from workersai.bulk import JobProgress, JobReport, embed_file, map_file

__all__ = ["embed", "map_rows", "summary"]

Source = Annotated[
    Path, typer.Argument(help="The input: .parquet, or .jsonl with an object a line.")
]
Target = Annotated[Path, typer.Argument(help="The folder for the parts; it is made if missing.")]
Model: TypeAlias = Annotated[str, typer.Option(help="The model id, @cf/author/name.")]
Window = Annotated[
    int, typer.Option(help="Rows that may be paid for but not written yet, and lost by a kill.")
]
AtOnce = Annotated[int, typer.Option(help="Requests that run at once.")]
MaxCost = Annotated[
    float | None, typer.Option(help="Stop before the job, earlier runs included, costs more USD.")
]
Keep = Annotated[
    list[str] | None, typer.Option(help="Keep this column of the input; by default all are kept.")
]
Queue = Annotated[
    bool, typer.Option("--queue", help="By the Batch API; --max-concurrency counts its batches.")
]
Requests = Annotated[float | None, typer.Option(help="The account's limit of requests a minute.")]
Tokens = Annotated[float | None, typer.Option(help="The account's limit of tokens a minute.")]
Share = Annotated[float, typer.Option(help="The part of the limits that is this process's.")]
Gateway = Annotated[str | None, typer.Option(help="The id of an AI Gateway.")]


def embed(
    source: Source,
    target: Target,
    *,
    model: Model,
    column: Annotated[str, typer.Option(help="The column with the texts.")],
    window: Window = 8_192,
    max_concurrency: AtOnce = 8,
    max_cost: MaxCost = None,
    keep: Keep = None,
    queue: Queue = False,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    share: Share = 1.0,
    gateway: Gateway = None,
) -> None:
    """Embed a column of a file into a folder of Parquet parts.

    Killed at any moment and started again, the job goes on where its last part ends. Reads the
    account and the token from the environment.
    """

    def job(report: Callable[[JobProgress], None]) -> JobReport:
        return embed_file(
            source,
            target,
            model=model,
            column=column,
            window=window,
            max_concurrency=max_concurrency,
            max_cost=max_cost,
            keep=keep or None,
            on_progress=report,
            queue=queue,
            limits=_limits(requests_per_minute, tokens_per_minute, share),
            gateway=gateway,
        )

    _run(job)


def map_rows(
    source: Source,
    target: Target,
    *,
    model: Model,
    prompt: Annotated[
        str, typer.Option(help="The message about a row; {column} stands for its value.")
    ],
    system: Annotated[str | None, typer.Option(help="The system message.")] = None,
    schema: Annotated[
        Path | None, typer.Option(help="A file with the JSON schema for the answers.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Token limit of an answer.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Randomness.")] = None,
    window: Window = 256,
    max_concurrency: AtOnce = 16,
    max_cost: MaxCost = None,
    keep: Keep = None,
    queue: Queue = False,
    requests_per_minute: Requests = None,
    tokens_per_minute: Tokens = None,
    share: Share = 1.0,
    gateway: Gateway = None,
    cache_key: Annotated[
        str | None, typer.Option(help="The gateway's cache key of a row, with {column}s.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="name=value for the gateway's log, with {column}s.")
    ] = None,
) -> None:
    """Ask a chat model about each row of a file; the answers go into a folder of Parquet parts.

    Killed at any moment and started again, the job goes on where its last part ends. Reads the
    account and the token from the environment.
    """
    options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature}
    if gateway is not None or cache_key is not None or metadata:
        values = {"id": gateway, "cache_key": cache_key, "metadata": _pairs(metadata or [])}
        options["gateway"] = {name: value for name, value in values.items() if value}

    def job(report: Callable[[JobProgress], None]) -> JobReport:
        return map_file(
            source,
            target,
            model=model,
            prompt=prompt,
            system=system,
            schema=None if schema is None else _read_schema(schema),
            window=window,
            max_concurrency=max_concurrency,
            max_cost=max_cost,
            keep=keep or None,
            on_progress=report,
            queue=queue,
            limits=_limits(requests_per_minute, tokens_per_minute, share),
            **options,
        )

    _run(job)


def _limits(requests: float | None, tokens: float | None, share: float) -> RateLimits | None:
    if requests is None and tokens is None:
        if share != 1.0:
            raise ConfigurationError(
                "--share is a part of limits: pass --requests-per-minute or --tokens-per-minute "
                "too",
                parameter="share",
            )
        return None
    return RateLimits(requests, tokens, share)


def _pairs(entries: list[str]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in entries]
    if wrong := [name for name, sign, _ in pairs if not (name and sign)]:
        raise typer.BadParameter(f"--metadata {wrong[0]!r} must be name=value")
    return {name: value for name, _, value in pairs}


def _read_schema(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--schema {path}: {error}", parameter="schema") from None


Job: TypeAlias = Callable[[Callable[[JobProgress], None]], JobReport]


def _run(job: Job) -> None:
    console = Console(stderr=True)
    try:
        with _progress_bar(console) as report:
            done = job(report)
    except WorkersAIError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    except OSError as error:
        console.print(
            f"a file cannot be read or written ({error}); make room on the disk or the file "
            "accessible, and start the job again: it goes on where its last part ends",
            style="red",
            markup=False,
        )
        raise typer.Exit(1) from None
    typer.echo(summary(done))
    if not done.is_done:
        raise typer.Exit(3)


@contextmanager
def _progress_bar(console: Console) -> Iterator[Callable[[JobProgress], None]]:
    """Show a bar over the rows while the block runs."""
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows, {task.fields[facts]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("rows", total=None, facts="")

        def report(progress: JobProgress) -> None:
            bar.update(
                task, total=progress.total, completed=progress.rows, facts=describe(progress)
            )

        yield report


def describe(progress: JobProgress) -> str:
    """Describe the cost of a job so far, and the expected total by its rows so far."""
    tokens = 0 if progress.usage is None else progress.usage.total_tokens
    parts = [f"{progress.failed:,} failed", f"{tokens:,} tokens"]
    if progress.cost is None:
        parts.append("cost unknown")
    else:
        parts.append(f"${progress.cost:.6f} of about ${progress.total_cost or 0:.6f}")
    if progress.seconds_left is not None:
        parts.append(f"about {progress.seconds_left:,.0f} s left")
    return ", ".join(parts)


def summary(report: JobReport) -> str:
    """Summarize a run of a job."""
    progress = report.progress
    lines = [f"{progress.rows:,} of {progress.total:,} rows, {describe(progress)}"]
    if report.lost:
        lines.append(f"at most ${report.lost:.6f} more was paid in runs that were killed")
    if report.stopped_by == "max_cost":
        lines.append("stopped before --max-cost: start again with a higher one to go on")
    return "\n".join(lines)
