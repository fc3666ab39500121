"""Files that a bulk job cannot use, in part or in whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workersai.bulk.conftest import CHAT, EMBEDDER, Counting, lines, parquet, read
from workersai import ConfigurationError, ServerError
from workersai.bulk import JobReport, embed_file, map_file
from workersai.bulk.packages import package


def embed(source: Path, target: Path, **settings: Any) -> JobReport:
    return embed_file(source, target, **{"model": EMBEDDER, "column": "text", **settings})


def ask(source: Path, target: Path, **settings: Any) -> JobReport:
    return map_file(source, target, **{"model": CHAT, "prompt": "About {text}", **settings})


JOBS: dict[str, Callable[..., JobReport]] = {"embed": embed, "map": ask}
each_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)


@each_job
def test_a_byte_order_mark_is_no_part_of_the_first_row(
    job: Callable[..., JobReport], counting: Counting, tmp_path: Path
) -> None:
    """A job reads the first row of a file that begins with a byte order mark."""
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}\r\n')
    job(source, tmp_path / "out")
    assert [row["error"] for row in read(tmp_path / "out")] == [None, None]


@each_job
def test_an_error_of_a_row_names_what_the_row_lacks(
    job: Callable[..., JobReport], counting: Counting, tmp_path: Path
) -> None:
    """A job sends no changed text for a line that is not UTF-8, and says what a row lacks."""
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n[1]\n{"other": 1}\n')
    job(source, tmp_path / "out")
    no_object = "the row is not a JSON object in UTF-8"
    errors = [row["error"] for row in read(tmp_path / "out")]
    assert errors == [None, no_object, no_object, "the row has no 'text'"]
    assert sum(counting.seen.values()) == 1


def a_misspelt_column(folder: Path) -> Path:
    return lines(folder / "in.jsonl", [{"texts": "a"}])


def a_column_of_the_job(folder: Path) -> Path:
    return parquet(folder / "in.parquet", 3, row=[7, 8, 9])


def no_parquet(folder: Path) -> Path:
    (folder / "in.parquet").write_bytes(b"a,b")
    return folder / "in.parquet"


UNUSABLE = {
    "has no column 'text'; it has texts": a_misspelt_column,
    "columns named row itself": a_column_of_the_job,
    "not a Parquet file": no_parquet,
}


@each_job
@pytest.mark.parametrize("match", UNUSABLE)
def test_an_unusable_file_is_refused_before_any_request(
    job: Callable[..., JobReport], match: str, counting: Counting, tmp_path: Path
) -> None:
    """A misspelt column, a column that the job writes itself and a broken file raise."""
    with pytest.raises(ConfigurationError, match=match):
        job(UNUSABLE[match](tmp_path), tmp_path / "out")
    assert counting.server.requests == []


def test_columns_to_keep_of_lines_are_checked(counting: Counting, tmp_path: Path) -> None:
    """A misspelt name in `keep` raises for JSON lines as it does for Parquet."""
    source = lines(tmp_path / "in.jsonl", [{"text": "a", "id": 1}])
    with pytest.raises(ConfigurationError, match="no column 'ids'; it has text, id"):
        embed(source, tmp_path / "out", keep=["ids"])


@pytest.mark.parametrize("name", ["manifest.json", "part-000000000000-000000000003.parquet"])
def test_a_broken_file_of_the_job_is_named(name: str, counting: Counting, tmp_path: Path) -> None:
    """A manifest or a part that cannot be read raises with its path."""
    source, target = parquet(tmp_path / "in.parquet", 3), tmp_path / "out"
    embed(source, target)
    (target / name).write_bytes(b"{")
    with pytest.raises(ConfigurationError, match=f"{name} cannot be read"):
        embed(source, target)


def test_times_in_nanoseconds_are_written_into_a_prompt(counting: Counting, tmp_path: Path) -> None:
    """A prompt can name a column of nanoseconds, for which Python has no type."""
    arrow = package("pyarrow")
    times = arrow.array([1, 2, 3], arrow.timestamp("ns"))
    ask(parquet(tmp_path / "in.parquet", 3, time=times), tmp_path / "out", prompt="{time}")
    assert "1970-01-01 00:00:00.000000001" in counting.seen


@each_job
def test_an_outage_of_a_short_file_costs_no_row(
    job: Callable[..., JobReport], counting: Counting, tmp_path: Path
) -> None:
    """A bad row beside the outage does not make the other rows' errors final."""
    source = lines(tmp_path / "in.jsonl", [{"text": "a"}, {"other": 1}, {"text": "b"}])
    names = [text for word in "ab" for text in (word, f"About {word}")]
    counting.failing.update(dict.fromkeys(names, ("500 Internal Server Error", 3000)))
    with pytest.raises(ServerError):
        job(source, tmp_path / "out", **NO_RETRIES)
    assert read(tmp_path / "out") == []
    counting.failing.clear()
    job(source, tmp_path / "out")
    assert [row["error"] is None for row in read(tmp_path / "out")] == [True, False, True]


NO_RETRIES: dict[str, Any] = {"max_retries": 0}
