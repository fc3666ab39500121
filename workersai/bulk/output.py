"""A job's folder: a description of the job, and its parts, which are written atomically.

A part's name has its range of rows, and its metadata their cost, so that renaming the finished file
is the only step to commit it.
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
    """Facts about some rows.

    Attributes:
        rows: The number of rows.
        failed: How many of them have an error in place of an answer.
        usage: The usage of their answers; `None` if the server reported none.
        cost: USD by the page's prices; `None` if they or the usage are unknown.
        counted: USD that count against a limit: the cost, or estimates if it is unknown.
    """

    rows: int = 0
    failed: int = 0
    usage: Usage | None = None
    cost: float | None = None
    counted: float = 0.0

    def __add__(self, other: PartFacts) -> PartFacts:
        """Add the facts of two sets of rows; an empty set adds nothing."""
        if not self.rows or not other.rows:
            return self if self.rows else other
        usage = other.usage if self.usage is None else self.usage
        if self.usage is not None and other.usage is not None:
            usage = self.usage + other.usage
        is_known = self.cost is not None and other.cost is not None
        return PartFacts(
            self.rows + other.rows,
            self.failed + other.failed,
            usage,
            (self.cost or 0.0) + (other.cost or 0.0) if is_known else None,
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
        """Read the output of `to_json`."""
        facts = json.loads(text)
        usage = facts.pop("usage")
        return cls(**facts, usage=usage and Usage(**usage))


@dataclass
class Output:
    """The folder of one job.

    Attributes:
        folder: The folder.
        identity: The description of the job; a different value in any entry is another job.
        next_row: The first row that no part contains.
        facts: The facts about the rows in the parts.
        lost: USD that killed runs may have paid for answers that no part contains.
        was_killed: Whether the previous run did not end by itself.
    """

    folder: Path
    identity: Mapping[str, Any]
    next_row: int = 0
    facts: PartFacts = field(default_factory=PartFacts)
    lost: float = 0.0
    was_killed: bool = False

    @contextmanager
    def open(self) -> Iterator[Output]:
        """Lock the folder against other processes, and read its contents.

        Raises:
            ConfigurationError: If the folder contains another job, another process uses it, or
                it cannot be made.
        """
        self._make_folder()
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

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the folder {self.folder} cannot be made ({error.strerror}); pass as target a "
                "folder, or the path of a new one",
                parameter="target",
            ) from None

    def mark_running(self) -> None:
        """Record that from now on answers may be paid for."""
        write_whole(self.folder / _RUNNING, b"")

    def _read(self) -> None:
        self.was_killed = (self.folder / _RUNNING).exists()
        for leftover in self.folder.glob("*.tmp"):
            leftover.unlink()
        manifest = self.folder / _MANIFEST
        if manifest.exists():
            self._compare(_manifest_of(manifest))
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
        """Record what the previous run may have paid for lost answers."""
        self.lost += cost
        self.write_manifest()

    def write_manifest(self, *, is_done: bool = False) -> None:
        """Write the description of the job, and its sums once it is done."""
        facts = json.loads(self.facts.to_json()) if is_done else None
        manifest = {"job": self.identity, "lost": self.lost, "done": facts}
        write_whole(self.folder / _MANIFEST, json.dumps(manifest, indent=1).encode())

    def write_part(self, table: Any, facts: PartFacts) -> None:
        """Write the next rows atomically."""
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


def _manifest_of(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except ValueError as error:
        raise _unreadable(path, error) from None
    return found


def _facts_of(path: Path) -> PartFacts:
    try:
        metadata = package("pyarrow.parquet").read_schema(path).metadata or {}
    except ValueError as error:  # pyarrow's ArrowInvalid
        raise _unreadable(path, error) from None
    if _FACTS not in metadata:
        raise _unreadable(path, "no job wrote it")
    return PartFacts.from_json(metadata[_FACTS])


def _unreadable(path: Path, reason: object) -> ConfigurationError:
    return ConfigurationError(
        f"{path} cannot be read ({reason}): restore it, or pass an empty folder",
        parameter="target",
    )


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file atomically: it has the new or the old content whenever the process ends."""
    draft = path.with_name(f"{path.name}.tmp")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Flush the folder's entries to the disk, if the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
