"""A job's folder: what the job is, and its parts, each of which is there whole or not at all.

A part's name says which rows it holds, and its metadata what they cost, so that renaming the
finished file is all there is to commit.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workersai.bulk.packages import package
from workersai.errors import ConfigurationError
from workersai.results import Usage

__all__ = ["Output", "PartFacts", "write_whole"]

_PART = re.compile(r"part-(\d{12})-(\d{12})\.parquet")
_MANIFEST = "manifest.json"
_LOCK = ".lock"
_RUNNING = ".running"
_FACTS = b"workersai"


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What is known of some rows.

    Attributes:
        rows: How many they are.
        failed: How many of them have an error in the place of an answer.
        usage: What their answers cost; `None` if the server reported nothing.
        cost: USD by the page's prices; `None` if they or the usage are unknown.
        counted: USD that count against a limit: the cost, and estimates where it is unknown.
    """

    rows: int = 0
    failed: int = 0
    usage: Usage | None = None
    cost: float | None = None
    counted: float = 0.0

    def __add__(self, other: PartFacts) -> PartFacts:
        """Sum the facts of two lots of rows; one that has no rows adds nothing."""
        usages = [usage for usage in (self.usage, other.usage) if usage is not None]
        costs = [facts.cost for facts in (self, other) if facts.rows]
        known = [cost for cost in costs if cost is not None]
        return PartFacts(
            self.rows + other.rows,
            self.failed + other.failed,
            usages[0] + usages[1] if len(usages) == 2 else next(iter(usages), None),
            sum(known) if known and len(known) == len(costs) else None,
            self.counted + other.counted,
        )

    def to_json(self) -> bytes:
        """Write the facts for a part's metadata."""
        usage = self.usage and {
            name: getattr(self.usage, name) for name in Usage.__dataclass_fields__
        }
        facts = {"rows": self.rows, "failed": self.failed, "usage": usage, "cost": self.cost}
        return json.dumps({**facts, "counted": self.counted}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> PartFacts:
        """Read what `to_json` wrote."""
        facts = json.loads(text)
        usage = facts.pop("usage")
        return cls(**facts, usage=usage and Usage(**usage))


@dataclass
class Output:
    """The folder of one job.

    Attributes:
        folder: The folder.
        identity: What the job is: another value in any entry is another job.
        next_row: The first row that no part holds.
        facts: What is known of the rows in the parts.
        lost: USD that runs which were killed may have paid for answers that no part holds.
        was_killed: Whether the run before this one did not come to its own end.
    """

    folder: Path
    identity: Mapping[str, Any]
    next_row: int = 0
    facts: PartFacts = field(default_factory=PartFacts)
    lost: float = 0.0
    was_killed: bool = False

    @contextmanager
    def open(self) -> Iterator[Output]:
        """Keep other processes out, and read what is there.

        Raises:
            ConfigurationError: If the folder holds another job, or another process works on it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        locks = package("filelock")
        lock = locks.FileLock(self.folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except locks.Timeout:
            raise ConfigurationError(
                f"another process works on the job in {self.folder}", parameter="target"
            ) from None
        try:
            self._read()
            yield self
            (self.folder / _RUNNING).unlink(missing_ok=True)
        finally:
            lock.release()

    def mark_running(self) -> None:
        """Note that from now on answers may be paid for."""
        write_whole(self.folder / _RUNNING, b"")

    def _read(self) -> None:
        self.was_killed = (self.folder / _RUNNING).exists()
        for leftover in self.folder.glob("*.tmp"):
            leftover.unlink()
        manifest = self.folder / _MANIFEST
        if manifest.exists():
            self._compare(json.loads(manifest.read_bytes()))
        elif any(self.folder.glob("part-*")):
            raise ConfigurationError(
                f"{self.folder} has parts and no {_MANIFEST}: pass an empty folder",
                parameter="target",
            )
        else:
            self.write_manifest()
        for first, end, path in self._parts():
            if first != self.next_row:
                raise ConfigurationError(
                    f"{self.folder} has no part that begins with row {self.next_row}: "
                    "parts were removed; pass an empty folder",
                    parameter="target",
                )
            self.next_row = end
            self.facts += _facts_of(path)

    def _compare(self, manifest: Mapping[str, Any]) -> None:
        before = manifest["job"]
        for name in sorted({*before, *self.identity}):
            if before.get(name) != self.identity.get(name):
                raise ConfigurationError(
                    f"{self.folder} holds another job: its {name} is {before.get(name)!r} and "
                    f"not {self.identity.get(name)!r}; pass another folder",
                    parameter="target",
                )
        self.lost = manifest["lost"]

    def _parts(self) -> list[tuple[int, int, Path]]:
        found = [(_PART.fullmatch(path.name), path) for path in self.folder.iterdir()]
        return sorted((int(m[1]), int(m[2]), path) for m, path in found if m is not None)

    def count_lost(self, cost: float) -> None:
        """Note what the run before may have paid for in vain."""
        self.lost += cost
        self.write_manifest()

    def write_manifest(self, *, is_done: bool = False) -> None:
        """Write what the job is, and its sums once it is done."""
        facts = json.loads(self.facts.to_json()) if is_done else None
        manifest = {"job": self.identity, "lost": self.lost, "done": facts}
        write_whole(self.folder / _MANIFEST, json.dumps(manifest, indent=1).encode())

    def write_part(self, table: Any, facts: PartFacts) -> None:
        """Write the next rows; they are there whole, or not at all."""
        arrow = package("pyarrow")
        metadata = {**(table.schema.metadata or {}), _FACTS: facts.to_json()}
        sink = arrow.BufferOutputStream()
        parquet = package("pyarrow.parquet")
        parquet.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
        end = self.next_row + facts.rows
        name = f"part-{self.next_row:012d}-{end:012d}.parquet"
        write_whole(self.folder / name, memoryview(sink.getvalue()))
        self.next_row = end
        self.facts += facts


def _facts_of(path: Path) -> PartFacts:
    schema = package("pyarrow.parquet").read_schema(path)
    return PartFacts.from_json(schema.metadata[_FACTS])


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole, or as it was before, whenever the process ends."""
    draft = path.with_name(f"{path.name}.tmp")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Have the folder's own entries on the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
