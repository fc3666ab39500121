"""The requests of `embed_file`: the texts of rows, in batches, and their greatest cost."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workersai._models import get_profile
from workersai._request.chunks import Chunker, text_fault
from workersai._request.packing import most_tokens
from workersai.bulk.jobs import (
    Bound,
    JobSettings,
    Row,
    identity_of,
)
from workersai.bulk.ledger import Ledger
from workersai.bulk.queue import Item
from workersai.bulk.sources import NO_OBJECT
from workersai.client import AsyncClient
from workersai.errors import ConfigurationError
from workersai.results import BatchResult, NotEmbedded, Usage
from workersai.types import BatchRequest, EmbeddingOptions

__all__ = ["RowEmbeddings"]

_ASKED = ("input_type", "instruction", "pooling", "dimensions", "truncate", "blank_text", "extra")
"""The options that can change a vector."""


@dataclass(frozen=True)
class RowEmbeddings:
    """Requests for the vectors of a column.

    Attributes:
        model: An embedding model.
        column: The column with the texts.
        options: The options of `Client.embed`.
    """

    model: str
    column: str
    options: EmbeddingOptions

    def text(self, record: Mapping[str, Any] | None) -> Any:
        """Return the value of the text column, which may not be a text."""
        return (record or {}).get(self.column)

    def missing(self, record: Mapping[str, Any] | None) -> str | None:
        """Return why a row has no text column; `None` if it has one."""
        if record is None:
            return NO_OBJECT
        return None if self.column in record else f"the row has no {self.column!r}"

    def texts(self, rows: Iterable[Row], missing: dict[int, str]) -> Iterator[Any]:
        """Yield the texts of rows; add to *missing*, by position, why a row has none."""
        for position, row in enumerate(rows):
            if (fault := self.missing(row.record)) is not None:
                missing[position] = fault
            yield self.text(row.record)

    def identity(self, path: Path, settings: JobSettings) -> dict[str, Any]:
        """Describe the job."""
        chosen = {name: value for name, value in self.options.items() if name in _ASKED}
        facts = {"model": self.model, "column": self.column, "keep": settings.keep}
        return identity_of(path, "embed", **facts, options=chosen)

    def batch_requests(self, rows: Sequence[Row]) -> list[tuple[BatchRequest, list[int]]]:
        """Return the requests of a batch, each with the positions of its rows."""
        profile = get_profile(self.model)
        chunker = Chunker(
            self.options.get("batch_size") or profile.max_batch or 100,
            budget=profile.max_request_tokens,
            longest=profile.max_input_tokens,
            is_cut=bool(self.options.get("truncate") or profile.cuts_input),
        )
        good = [at for at, row in enumerate(rows) if self._fault(row) is None]
        texts = [self.text(rows[at].record) for at in good]
        chunks = [chunk for text in texts if (chunk := chunker.add(text)) is not None]
        chunks += [chunk] if (chunk := chunker.rest()) is not None else []
        own: Any = {name: value for name, value in self.options.items() if name in _ASKED}
        chosen: list[tuple[Any, list[int]]] = [
            ({**own, "texts": chunk.texts}, good[chunk.first : chunk.first + len(chunk.texts)])
            for chunk in chunks
        ]
        return chosen

    def _fault(self, row: Row) -> str | None:
        return text_fault(self.text(row.record), self.options.get("blank_text"))

    def fault_item(self, row: Row) -> Item:
        """Return the entry of a row whose text has no vector."""
        fault = self.missing(row.record) or f"texts[{row.place}] {self._fault(row)}"
        error = ConfigurationError(fault, parameter="texts")
        return str(error), error

    async def batch_items(
        self, client: AsyncClient, rows: Sequence[Row], result: BatchResult
    ) -> tuple[list[Item], Usage | None]:
        """Return the entries of one request's rows.

        If the request failed, its texts are embedded once more without the queue, so that a single
        bad text costs its own row alone.
        """
        if result.embedding is not None and len(result.embedding.vectors) == len(rows):
            return [(array("f", vector), None) for vector in result.embedding.vectors], None
        texts = [self.text(row.record) for row in rows]
        own = self.options
        async with client.embed_iter(texts, model=self.model, on_error="skip", **own) as run:
            return [_item(found, rows) async for found in run], run.usage

    def bound(self, ledger: Ledger) -> Bound:
        """Return a function for the greatest cost of a row."""

        def bound(record: Mapping[str, Any] | None) -> float:
            text = self.text(record)
            return ledger.bound(most_tokens(text)) if isinstance(text, str) else 0.0

        return bound


def _item(found: list[float] | NotEmbedded, rows: Sequence[Row]) -> Item:
    if isinstance(found, NotEmbedded):
        return f"row {rows[found.position].place}: {found.error}", found.error
    return array("f", found), None
