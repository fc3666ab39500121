"""Read a file of rows in pieces, from any row on."""

from __future__ import annotations

import hashlib
import itertools
import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from workersai.bulk.packages import package
from workersai.errors import ConfigurationError

__all__ = ["Source", "open_source"]

_SAMPLE = 1 << 16
_LINE = "input"
NO_OBJECT = "the row is not a JSON object in UTF-8"
_FIRST_ROWS = 1_000
"""A column of JSON lines that none of so many first rows has is refused as misspelt."""


class Source(Protocol):
    """The source of the rows.

    Attributes:
        total: The number of rows.
        copied: The columns that go into the output.
    """

    total: int
    copied: Sequence[str]

    def pieces(self, first: int, rows: int) -> Iterator[Any]:
        """Yield the rows from *first* on as tables of *rows* rows."""

    def records(self, piece: Any) -> list[Mapping[str, Any] | None]:
        """Return the rows of a piece as dicts; `None` for an unreadable row."""

    def kept(self, piece: Any) -> Any:
        """Return the part of a piece to copy to the output."""


def open_source(path: Path, columns: Sequence[str], keep: Sequence[str] | None) -> Source:
    """Open a file of rows.

    Args:
        path: A file that ends in `.parquet`, `.jsonl` or `.ndjson`.
        columns: The columns that the job reads.
        keep: The columns that go into the output; `None` for all.

    Raises:
        ConfigurationError: If the file is missing or of another kind, or has no such column.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path} is not a file", parameter="source")
    if path.suffix == ".parquet":
        return ParquetSource(path, columns, keep)
    if path.suffix in (".jsonl", ".ndjson"):
        return LinesSource(path, columns, keep)
    raise ConfigurationError(
        f"{path.name} must end in .parquet, .jsonl or .ndjson", parameter="source"
    )


def fingerprint(path: Path) -> dict[str, Any]:
    """Describe a file to distinguish it from others: size, beginning and end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
        file.seek(max(0, size - _SAMPLE))
        sample += file.read()
    return {"name": path.name, "bytes": size, "sha256": hashlib.sha256(sample).hexdigest()}


class ParquetSource:
    """Rows of a Parquet file."""

    def __init__(self, path: Path, columns: Sequence[str], keep: Sequence[str] | None) -> None:
        self._file = _open_parquet(path)
        names = self._file.schema_arrow.names
        self._read = list(columns)
        self.copied = names if keep is None else list(keep)
        _check_columns(path, (*self._read, *self.copied), names)
        self.total = int(self._file.metadata.num_rows)

    def pieces(self, first: int, rows: int) -> Iterator[Any]:
        """As `Source.pieces`; row groups before *first* are not read."""
        sizes = [
            self._file.metadata.row_group(group).num_rows
            for group in range(self._file.num_row_groups)
        ]
        ends = list(itertools.accumulate(sizes))
        groups = [group for group, end in enumerate(ends) if end > first]
        if not groups:
            return
        columns = list(dict.fromkeys([*self._read, *self.copied]))
        skip = first - (ends[groups[0]] - sizes[groups[0]])
        batches = self._file.iter_batches(rows, row_groups=groups, columns=columns)
        yield from _cut(batches, skip, rows)

    def records(self, piece: Any) -> list[Mapping[str, Any] | None]:
        """As `Source.records`."""
        read = piece.select(self._read)
        try:
            found: list[Mapping[str, Any] | None] = read.to_pylist()
        except ValueError:  # nanoseconds, for which Python has no type
            found = _written_times(read).to_pylist()
        return found

    def kept(self, piece: Any) -> Any:
        """As `Source.kept`."""
        return piece.select(self.copied)


def _written_times(table: Any) -> Any:
    """Return a table with its times of nanoseconds as text."""
    arrow = package("pyarrow")
    fields = [
        field.with_type(arrow.string()) if getattr(field.type, "unit", None) == "ns" else field
        for field in table.schema
    ]
    return table.cast(arrow.schema(fields))


def _check_columns(path: Path, needed: Sequence[str], names: Sequence[str]) -> None:
    for name in needed:
        if name not in names:
            raise ConfigurationError(
                f"{path.name} has no column {name!r}; it has {', '.join(names)}",
                parameter="column",
            )
        if (count := names.count(name)) > 1:
            raise ConfigurationError(
                f"{path.name} has {count} columns {name!r}; rename them, or pass in keep the "
                "columns to copy, without this one",
                parameter="column",
            )


def _open_parquet(path: Path) -> Any:
    try:
        return package("pyarrow.parquet").ParquetFile(path)
    except package("pyarrow").ArrowInvalid as error:
        raise ConfigurationError(
            f"{path.name} is not a Parquet file, or is damaged ({error}); pass a whole one, or end "
            "the name in .jsonl if it has an object a line",
            parameter="source",
        ) from None


def _cut(batches: Iterator[Any], skip: int, rows: int) -> Iterator[Any]:
    """Skip rows at the beginning, and yield the others in tables of one size."""
    arrow = package("pyarrow")
    waiting = None
    for batch in batches:
        table = arrow.Table.from_batches([batch])
        left_out = min(skip, table.num_rows)
        skip, table = skip - left_out, table.slice(left_out)
        waiting = table if waiting is None else arrow.concat_tables([waiting, table])
        while waiting.num_rows >= rows:
            yield waiting.slice(0, rows)
            waiting = waiting.slice(rows)
    if waiting is not None and waiting.num_rows:
        yield waiting


class LinesSource:
    """Rows of a file in UTF-8 with one JSON object on each line; blank lines are skipped."""

    copied: Sequence[str] = (_LINE,)

    def __init__(self, path: Path, columns: Sequence[str], keep: Sequence[str] | None) -> None:
        self._path = path
        self._keep = keep
        if names := self._first_names():
            _check_columns(path, (*columns, *(keep or ())), names)
        self.total = sum(1 for _ in self._lines())

    def _first_names(self) -> list[str]:
        """Return the columns of the first rows; later rows may have others."""
        rows = map(_object, itertools.islice(self._lines(), _FIRST_ROWS))
        return list(dict.fromkeys(name for row in rows for name in row or ()))

    def _lines(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            if file.read(len(BOM_UTF8)) != BOM_UTF8:
                file.seek(0)
            for line in file:
                if not line.isspace():
                    yield line.rstrip(b"\r\n")

    def pieces(self, first: int, rows: int) -> Iterator[Any]:
        """As `Source.pieces`."""
        arrow = package("pyarrow")
        lines = itertools.islice(self._lines(), first, None)
        while piece := list(itertools.islice(lines, rows)):
            yield arrow.table({_LINE: arrow.array(piece, arrow.binary())})

    def records(self, piece: Any) -> list[Mapping[str, Any] | None]:
        """As `Source.records`."""
        return [_object(line) for line in piece[_LINE].to_pylist()]

    def kept(self, piece: Any) -> Any:
        """As `Source.kept`: the unchanged line, or an object of the columns to keep."""
        arrow = package("pyarrow")
        if self._keep is None:
            chosen = [line.decode("utf-8", "replace") for line in piece[_LINE].to_pylist()]
        else:
            chosen = [_choose(record, self._keep) for record in self.records(piece)]
        return arrow.table({_LINE: arrow.array(chosen, arrow.string())})


def _choose(record: Mapping[str, Any] | None, keep: Sequence[str]) -> str:
    chosen = {name: value for name, value in (record or {}).items() if name in keep}
    return json.dumps(chosen, ensure_ascii=False)


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line.decode())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
