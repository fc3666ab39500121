"""Jobs by Cloudflare's Batch API: rows go into the queue, and the ids outlive the process.

Each batch has a ticket in the job's folder. It is written before the batch is submitted, gets the
batch's id as soon as there is one, and is deleted when a part contains its rows. A job that is
started again fetches the batches whose ids it finds. A ticket without an id belongs to a batch that
may be lost: its rows are submitted again, and the batch is counted against `max_cost`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from workersai._json import dump_json
from workersai._models import get_profile
from workersai.bulk.jobs import Bound, Parts, QueueSettings, Row, failed_facts
from workersai.bulk.output import Output, PartFacts, write_whole
from workersai.client import AsyncClient
from workersai.errors import APIStatusError, ResponseError, WorkersAIError
from workersai.results import BatchJob, BatchResult, Usage
from workersai.types import BatchRequest

__all__ = ["Item", "Queueable", "run_queue"]

_MOST_BYTES = 9_000_000
"""Bytes of the requests of a batch; Cloudflare's page allows 10 MB."""

_MOST_TRIES = 3
"""How often the rows of a batch are submitted, if it expires or fails as a whole."""

_NOT_FOUND = 5504

Item: TypeAlias = tuple[Any, WorkersAIError | None]
"""A row's entry in a part, and its error if it failed."""


class Queueable(Protocol):
    """What is asked for each row, as requests of a batch."""

    @property
    def model(self) -> str:
        """The model."""

    def batch_requests(self, rows: Sequence[Row]) -> list[tuple[BatchRequest, list[int]]]:
        """Return the requests, each with the positions of its rows in *rows*."""

    async def batch_items(
        self, client: AsyncClient, rows: Sequence[Row], result: BatchResult
    ) -> tuple[list[Item], Usage | None]:
        """Return the entries of one request's rows, and what they cost beside the batch."""

    def fault_item(self, row: Row) -> Item:
        """Return the entry of a row that has no request."""


@dataclass
class Ticket:
    """One batch.

    Attributes:
        first: The row that it begins with.
        rows: How many rows it covers.
        model: The model.
        request_id: Cloudflare's id of the batch; `None` until the batch was submitted.
        positions: For each request, the positions of its rows, from *first*.
        tries: How often its rows were submitted.
    """

    first: int
    rows: int
    model: str
    request_id: str | None = None
    positions: list[list[int]] = field(default_factory=list)
    tries: int = 0

    def path(self, output: Output) -> Path:
        """Return the ticket's file."""
        return output.folder / f"batch-{self.first:012d}.json"

    def save(self, output: Output) -> None:
        """Write the ticket."""
        write_whole(self.path(output), json.dumps(asdict(self)).encode())

    def job(self) -> BatchJob:
        """Return the batch, as its id and its number of requests describe it."""
        references = [str(number) for number in range(len(self.positions))]
        return BatchJob(self.request_id or "", self.model, references=tuple(references))


@dataclass
class _Open:
    """A ticket and its rows."""

    ticket: Ticket
    rows: list[Row]


def saved_tickets(output: Output) -> list[Ticket]:
    """Read the tickets whose rows no part contains; delete the others."""
    found = []
    for path in sorted(output.folder.glob("batch-*.json")):
        ticket = Ticket(**json.loads(path.read_bytes()))
        if ticket.first < output.next_row:
            path.unlink()
        else:
            found.append(ticket)
    return found


async def run_queue(
    parts: Parts, client: AsyncClient, asking: Queueable, bound: Bound, settings: QueueSettings
) -> None:
    """Submit the rows that no part contains, wait for the batches, and write the parts."""
    saved = saved_tickets(parts.output)
    parts.output.was_killed = any(ticket.request_id is None for ticket in saved)
    parts.begin(bound)
    run = _Queue(parts, client, asking, settings)
    waiting: deque[_Open] = deque()
    groups = run.groups(parts.rows(bound), deque(saved))
    while True:
        while len(waiting) < parts.settings.max_concurrency and (group := next(groups, None)):
            await run.submit(group)
            waiting.append(group)
        if not waiting:
            break
        await run.finish(waiting.popleft())
    await parts.write()
    run.forget()


@dataclass
class _Queue:
    """The submissions and answers of one run."""

    parts: Parts
    client: AsyncClient
    asking: Queueable
    settings: QueueSettings

    def groups(self, rows: Iterator[Row], saved: deque[Ticket]) -> Iterator[_Open]:
        """Divide the rows into batches: first those that have tickets."""
        while saved and (group := list(islice(rows, saved[0].rows))):
            yield _Open(saved.popleft(), group)
        while group := list(islice(rows, self.parts.settings.part_rows)):
            yield from self._sized(group)

    def _sized(self, rows: list[Row]) -> Iterator[_Open]:
        """Divide rows so that each batch stays below the limit of bytes."""
        size = sum(len(dump_json(dict(body))) for body, _ in self.asking.batch_requests(rows))
        if size > _MOST_BYTES and len(rows) > 1:
            middle = len(rows) // 2
            yield from self._sized(rows[:middle])
            yield from self._sized(rows[middle:])
        else:
            yield _Open(Ticket(rows[0].place, len(rows), self.asking.model), rows)

    async def submit(self, group: _Open) -> None:
        """Submit a group that has no id yet; save the id before anything else."""
        ticket = group.ticket
        if ticket.request_id is not None:
            return
        requests = self.asking.batch_requests(group.rows)
        ticket.positions = [positions for _, positions in requests]
        if not requests:
            return
        ticket.tries += 1
        ticket.save(self.parts.output)
        bodies: list[Any] = [
            {**body, "external_reference": str(number)} for number, (body, _) in enumerate(requests)
        ]
        job = await self.client.batches.submit(bodies, model=ticket.model)
        ticket.request_id = job.request_id
        ticket.save(self.parts.output)

    async def finish(self, group: _Open) -> None:
        """Wait for a batch, and give its rows their entries."""
        ticket = group.ticket
        job = await self._done(group) if ticket.positions else BatchJob("", ticket.model)
        items: dict[int, Item] = {}
        usage = job.usage
        for result, positions in zip(job.results, ticket.positions, strict=True):
            rows = [group.rows[position] for position in positions]
            found, more = await self.asking.batch_items(self.client, rows, result)
            items.update(zip(positions, found, strict=True))
            usage = more if usage is None else usage + more if more is not None else usage
        for position, row in enumerate(group.rows):
            item, error = items.get(position) or self.asking.fault_item(row)
            facts = self._facts(error, usage, is_first=position == 0)
            await self.parts.take(item, facts, error)
        self.forget()

    async def _done(self, group: _Open) -> BatchJob:
        """Wait for a batch; submit its rows again if it expired or failed as a whole.

        Raises:
            WorkersAIError: If they were submitted three times, or waiting failed.
        """
        ticket = group.ticket
        while True:
            try:
                return await self.client.batches.wait(
                    ticket.job(),
                    timeout=self.settings.timeout,
                    interval=self.settings.interval,
                )
            except (APIStatusError, ResponseError) as error:
                is_gone = getattr(error, "code", None) == _NOT_FOUND or error.is_retryable
                if not is_gone or ticket.tries >= _MOST_TRIES:
                    raise
            ticket.request_id = None
            await self.submit(group)

    def _facts(
        self, error: WorkersAIError | None, usage: Usage | None, *, is_first: bool
    ) -> PartFacts:
        """Return the facts of a row; the first row of a batch has the usage of all."""
        ledger, profile = self.parts.ledger, get_profile(self.asking.model)
        if error is not None and not (is_first and usage is not None):
            return failed_facts(ledger, profile, error)
        reserved = ledger.release()
        if usage is None:
            ledger.spend(reserved)
            return PartFacts(1, int(error is not None), counted=reserved)
        cost = profile.cost(usage) if is_first else None if profile.input_price is None else 0.0
        ledger.spend(cost or 0.0)
        shown = usage if is_first else None
        return PartFacts(1, int(error is not None), shown, cost, cost or 0.0)

    def forget(self) -> None:
        """Delete the tickets whose rows are in a part."""
        saved_tickets(self.parts.output)
