"""Bulk jobs from file to file: every row once and in order, whatever ends a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workersai.bulk.conftest import (
    CHAT,
    EMBEDDER,
    Counting,
    lines,
    parquet,
    read,
    texts_of,
    vector,
)
from workersai import (
    APIConnectionError,
    AsyncClient,
    AuthenticationError,
    ConfigurationError,
    RateLimits,
    ServerError,
)
from workersai.bulk import JobProgress, JobReport, aembed_file, embed_file, map_file
from workersai.bulk.packages import package

ROWS = 300
WINDOW = 80


def embed(source: Path, target: Path, **settings: Any) -> JobReport:
    given = {"model": EMBEDDER, "column": "text", "window": WINDOW, "batch_size": 5}
    return embed_file(source, target, **{**given, **settings})


def ask(source: Path, target: Path, **settings: Any) -> JobReport:
    given = {"model": CHAT, "prompt": "About {text}", "window": WINDOW}
    return map_file(source, target, **{**given, **settings})


def test_every_row_has_its_vector(counting: Counting, tmp_path: Path) -> None:
    """The parts hold each row once, in order, with the input's columns and its own vector."""
    report = embed(parquet(tmp_path / "in.parquet", ROWS), tmp_path / "out")
    found = read(tmp_path / "out")
    assert [row["row"] for row in found] == list(range(ROWS))
    assert [row["id"] for row in found] == list(range(100, 100 + ROWS))
    assert [row["embedding"] for row in found] == list(map(vector, texts_of(ROWS)))
    assert report.is_done
    assert report.progress.usage is not None
    assert report.progress.usage.prompt_tokens == 10 * ROWS
    assert report.progress.cost == pytest.approx(10 * ROWS * 0.067 / 1e6)


def test_every_row_has_its_answer(counting: Counting, tmp_path: Path) -> None:
    """A chat job writes each answer beside its row, with the facts of the response."""
    rows = [{"text": text, "n": n} for n, text in enumerate(texts_of(50))]
    report = ask(lines(tmp_path / "in.jsonl", rows), tmp_path / "out", prompt="{n}: {text}")
    found = read(tmp_path / "out")
    assert [json.loads(row["input"]) for row in found] == rows
    answers = [json.loads(row["answer"])["about"] for row in found]
    assert answers == [f"{n}: text number {n}" for n in range(50)]
    assert {(row["model"], row["cache_status"], row["log_id"]) for row in found} == {
        ("answering", "MISS", "log-1")
    }
    assert report.is_done
    assert report.progress.usage is not None
    assert report.progress.usage.total_tokens == 30 * 50


JOB = """
import sys
from workersai.bulk import embed_file, map_file
kind, source, target = sys.argv[1:]
if kind == "embed":
    embed_file(source, target, model={embedder!r}, column="text", window={window}, batch_size=5)
else:
    map_file(source, target, model={chat!r}, prompt="{{text}}", window={window})
print("done")
"""


@pytest.mark.parametrize("kind", ["embed", "map"])
@pytest.mark.parametrize("answers", [0, 31])
def test_a_killed_job_goes_on(counting: Counting, tmp_path: Path, kind: str, answers: int) -> None:
    """After SIGKILL, the next run ends with every row once, and pays one window twice at most."""
    source = parquet(tmp_path / "in.parquet", 200)
    script = tmp_path / "job.py"
    script.write_text(JOB.format(embedder=EMBEDDER, chat=CHAT, window=40))
    command = [sys.executable, str(script), kind, str(source), str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    counting.holds_after = answers if kind == "embed" else 3 * answers

    with subprocess.Popen(command, env=environment) as running:
        assert counting.held.wait(30)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    written = len(read(tmp_path / "out"))
    counting.holds_after = None
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout == "done\n", done.stderr
    found = read(tmp_path / "out")
    assert [(row["row"], row["text"]) for row in found] == list(enumerate(texts_of(200)))
    made = [row["embedding"] if kind == "embed" else json.loads(row["answer"]) for row in found]
    assert made == [vector(t) if kind == "embed" else {"about": t} for t in texts_of(200)]
    assert all(row["error"] is None for row in found)
    assert set(counting.seen) == set(texts_of(200))
    assert sum(counting.seen.values()) - 200 <= 40
    assert all(counting.seen[text] == 1 for text in texts_of(200)[:written])
    assert not list((tmp_path / "out").glob("*.tmp"))


def test_a_finished_job_asks_for_nothing(counting: Counting, tmp_path: Path) -> None:
    """Started again after its end, a job reads its parts and sends no request."""
    source = parquet(tmp_path / "in.parquet", 50)
    first = embed(source, tmp_path / "out")
    second = embed(source, tmp_path / "out")
    assert sum(counting.seen.values()) == 50
    assert second.is_done
    assert second.progress.usage == first.progress.usage


@pytest.mark.parametrize(
    "other", [{"model": "@cf/baai/bge-small-en-v1.5"}, {"column": "id"}, {"pooling": "cls"}]
)
def test_a_folder_takes_no_other_job(
    counting: Counting, tmp_path: Path, other: dict[str, Any]
) -> None:
    """`embed_file` refuses a folder that holds the parts of a job with other settings."""
    source = parquet(tmp_path / "in.parquet", 20)
    embed(source, tmp_path / "out")
    with pytest.raises(ConfigurationError, match="holds another job"):
        embed(source, tmp_path / "out", **other)


def test_another_input_is_another_job(counting: Counting, tmp_path: Path) -> None:
    """`embed_file` refuses a folder whose job had another content in the input file."""
    embed(parquet(tmp_path / "in.parquet", 20), tmp_path / "out")
    with pytest.raises(ConfigurationError, match="source"):
        embed(parquet(tmp_path / "in.parquet", 21), tmp_path / "out")


async def test_two_processes_cannot_share_a_folder(counting: Counting, tmp_path: Path) -> None:
    """While one run works on a folder, another one is refused."""
    source = parquet(tmp_path / "in.parquet", 20)
    refused: list[str] = []

    def on_progress(_: JobProgress) -> None:
        from workersai.bulk.output import Output

        try:
            with Output(tmp_path / "out", {}).open():
                pass
        except ConfigurationError as error:
            refused.append(str(error))

    settings: dict[str, Any] = {"model": EMBEDDER, "column": "text", "window": 10}
    await aembed_file(source, tmp_path / "out", on_progress=on_progress, **settings)
    assert refused
    assert all("another process" in text for text in refused)


def test_rows_that_cannot_be_embedded_are_recorded(counting: Counting, tmp_path: Path) -> None:
    """A refused, a blank and a missing text have an error in their rows; the others a vector."""
    texts: list[Any] = texts_of(40)
    texts[3], texts[20] = None, " "
    counting.failing[texts[11]] = ("400 Bad Request", 5006)
    source = parquet(tmp_path / "in.parquet", 40, text=texts)
    report = embed(source, tmp_path / "out")
    found = read(tmp_path / "out")
    failed = [row["row"] for row in found if row["error"] is not None]
    assert failed == [3, 11, 20]
    assert [row["row"] for row in found if row["embedding"] is None] == failed
    assert report.progress.failed == 3
    assert report.is_done


def test_rows_that_cannot_be_asked_about_are_recorded(counting: Counting, tmp_path: Path) -> None:
    """A line that is no object, a row without the column and a refusal cost their rows alone."""
    rows: list[Any] = [{"text": text} for text in texts_of(40)]
    rows[2], rows[5] = 17, {"other": 1}
    counting.failing["About text number 9"] = ("400 Bad Request", 5006)
    report = ask(lines(tmp_path / "in.jsonl", rows), tmp_path / "out")
    found = read(tmp_path / "out")
    assert [row["row"] for row in found if row["error"] is not None] == [2, 5, 9]
    assert report.progress.failed == 3


def test_bytes_of_a_file_of_lines(counting: Counting, tmp_path: Path) -> None:
    """A byte order mark is not part of the first row; a line that is not UTF-8 fails, unsent."""
    source = tmp_path / "in.jsonl"
    source.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "\xe9"}\r\n\r\n{"text": "b"}')
    assert ask(source, tmp_path / "out").progress.failed == 1
    found = read(tmp_path / "out")
    assert [row["input"] for row in found] == [
        '{"text": "a"}',
        '{"text": "\ufffd"}',
        '{"text": "b"}',
    ]
    assert "not a JSON object" in found[1]["error"]
    assert set(counting.seen) == {"About a", "About b"}


def test_an_answer_that_does_not_fit_the_schema_is_kept_with_its_fault(
    counting: Counting, tmp_path: Path
) -> None:
    """The schema is sent; an answer against it stays beside its error."""
    source = lines(tmp_path / "in.jsonl", [{"text": "a"}, {"text": "b"}])
    schema = {"type": "object", "properties": {"about": {"const": "About a"}}}
    ask(source, tmp_path / "out", schema=schema)
    found = read(tmp_path / "out")
    assert [row["error"] is None for row in found] == [True, False]
    assert json.loads(found[1]["answer"]) == {"about": "About b"}
    sent = counting.heads["About a"].json["response_format"]
    assert sent["json_schema"]["schema"] == schema


def test_an_outage_ends_a_run_and_costs_no_row(counting: Counting, tmp_path: Path) -> None:
    """When nothing in a part succeeds, the run raises; the next one tries those rows again."""
    source = parquet(tmp_path / "in.parquet", 200)
    for text in texts_of(200)[80:]:
        counting.failing[text] = ("500 Internal Server Error", 3000)
    with pytest.raises(ServerError):
        embed(source, tmp_path / "out", max_retries=0)
    assert len(read(tmp_path / "out")) == 80
    counting.failing.clear()
    assert embed(source, tmp_path / "out").is_done
    assert all(row["error"] is None for row in read(tmp_path / "out"))


def test_rows_are_kept_when_the_server_cannot_be_reached(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of few rows raises as well; the next run asks for them."""
    source = parquet(tmp_path / "in.parquet", 3)
    with monkeypatch.context() as away:
        away.setenv("WORKERSAI_BASE_URL", "http://127.0.0.1:1/client/v4")
        for number, job in enumerate((embed, ask)):
            with pytest.raises(APIConnectionError):
                job(source, tmp_path / f"out{number}", max_retries=0)
    for number, job in enumerate((embed, ask)):
        assert job(source, tmp_path / f"out{number}").progress.failed == 0


def test_a_refused_token_ends_a_run(counting: Counting, tmp_path: Path) -> None:
    """`embed_file` raises for a refused token, and records the error in no row."""
    for text in texts_of(20):
        counting.failing[text] = ("401 Unauthorized", 10000)
    with pytest.raises(AuthenticationError):
        embed(parquet(tmp_path / "in.parquet", 20), tmp_path / "out")
    assert read(tmp_path / "out") == []


@pytest.mark.parametrize("has_usage", [True, False])
def test_a_limit_of_costs_is_kept(counting: Counting, tmp_path: Path, has_usage: bool) -> None:
    """A job stops before `max_cost`, with or without reported usage; a higher one continues it."""
    counting.has_usage = has_usage
    source = parquet(tmp_path / "in.parquet", ROWS)
    price = 0.067 / 1e6
    limit = 1500 * price
    report = embed(source, tmp_path / "out", max_cost=limit)
    assert report.stopped_by == "max_cost"
    assert not report.is_done
    answered = sum(counting.seen.values())
    assert 0 < 10 * answered * price <= limit
    assert len(read(tmp_path / "out")) == answered
    assert embed(source, tmp_path / "out", max_cost=1.0).is_done
    assert sum(counting.seen.values()) == ROWS


def test_a_kill_counts_against_the_limit(counting: Counting, tmp_path: Path) -> None:
    """A job counts the most that an interrupted run may have paid for rows in no part."""
    source = parquet(tmp_path / "in.parquet", ROWS)
    for text in texts_of(ROWS)[40:]:
        counting.failing[text] = ("401 Unauthorized", 10000)
    with pytest.raises(AuthenticationError):
        embed(source, tmp_path / "out")
    counting.failing.clear()
    report = embed(source, tmp_path / "out")
    most = sum(len(text) + 3 for text in texts_of(ROWS)[40 : 40 + WINDOW])
    assert report.lost == pytest.approx(most * 0.067 / 1e6)


UNPRICED = "@cf/nobody/unheard-of"
WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no prices": (ask, {"model": UNPRICED, "max_cost": 1.0}, "prices"),
    "no cap": (ask, {"max_cost": 1.0}, "max_tokens"),
    "no limit": (ask, {"max_cost": 0}, "max_cost"),
    "no column": (embed, {"column": "texts"}, "no column 'texts'"),
    "blank": (ask, {"prompt": "  "}, "prompt must not be blank"),
    "no template": (ask, {"prompt": "{text.upper}{0"}, "prompt"),
    "attributes": (ask, {"prompt": "{text!r}"}, "column alone"),
    "no schema": (ask, {"schema": {"type": 3}}, "schema"),
    "temperature": (ask, {"temperature": 99.0}, "temperature"),
    "unknown": (embed, {"temperature": 1.0}, "temperature"),
    "misspelt": (ask, {"max_token": 1}, "max_token"),
    "window": (embed, {"window": 1}, "window"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_arguments_are_found_before_any_request(
    counting: Counting, tmp_path: Path, wrong: str
) -> None:
    """A wrong argument raises by its name; nothing is sent."""
    job, settings, match = WRONG[wrong]
    with pytest.raises(ConfigurationError, match=match):
        job(parquet(tmp_path / "in.parquet", 3), tmp_path / "out", **settings)
    assert counting.server.requests == []


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """A missing file, and one of another kind, are refused."""
    with pytest.raises(ConfigurationError, match="not a file"):
        embed(tmp_path / "none.parquet", tmp_path / "out")
    (tmp_path / "in.csv").write_text("a,b")
    with pytest.raises(ConfigurationError, match="must end in"):
        embed(tmp_path / "in.csv", tmp_path / "out")


def test_files_that_cannot_be_used_are_named(counting: Counting, tmp_path: Path) -> None:
    """A damaged Parquet file, a column that is there twice, and a target that is a file."""
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1 cut")
    arrow = package("pyarrow")
    twice = tmp_path / "twice.parquet"
    table = arrow.table([["a"], ["b"]], names=["text", "text"])
    package("pyarrow.parquet").write_table(table, twice)
    whole = parquet(tmp_path / "in.parquet", 1)
    for job in (embed, ask):
        with pytest.raises(ConfigurationError, match="not a Parquet file"):
            job(damaged, tmp_path / "out")
        with pytest.raises(ConfigurationError, match="2 columns 'text'"):
            job(twice, tmp_path / "out")
        with pytest.raises(ConfigurationError, match="cannot be made"):
            job(whole, damaged)
    assert counting.server.requests == []


def test_gateway_facts_of_each_row_are_sent(counting: Counting, tmp_path: Path) -> None:
    """The cache key and the metadata of a gateway carry the row's own values."""
    rows = [{"text": f"t{n}", "id": n} for n in range(3)]
    gateway = {"id": "mine", "cache_key": "doc-{id}", "metadata": {"doc": "{id}", "run": 7}}
    ask(lines(tmp_path / "in.jsonl", rows), tmp_path / "out", gateway=gateway)
    for n in range(3):
        seen = counting.heads[f"About t{n}"]
        assert seen.header("cf-aig-gateway-id") == "mine"
        assert seen.header("cf-aig-cache-key") == f"doc-{n}"
        assert json.loads(seen.header("cf-aig-metadata") or "") == {"doc": str(n), "run": 7}


async def test_limits_are_those_of_the_jobs_own_client(counting: Counting, tmp_path: Path) -> None:
    """A job paces the client that it makes; beside a client of the user's, limits are refused."""
    source = parquet(tmp_path / "in.parquet", 20)
    settings: dict[str, Any] = {"model": EMBEDDER, "column": "text", "limits": RateLimits(1e9)}
    assert (await aembed_file(source, tmp_path / "out", **settings)).is_done
    async with AsyncClient(EMBEDDER) as client:
        with pytest.raises(ConfigurationError, match="limits"):
            await aembed_file(source, tmp_path / "other", client=client, **settings)


def test_progress_says_what_is_left(counting: Counting, tmp_path: Path) -> None:
    """Progress has rows, tokens, the cost so far and an estimate to the end."""
    seen: list[JobProgress] = []
    embed(parquet(tmp_path / "in.parquet", ROWS), tmp_path / "out", on_progress=seen.append)
    last = seen[-1]
    assert (last.rows, last.total) == (ROWS, ROWS)
    half = next(progress for progress in seen if progress.rows >= ROWS // 2)
    assert half.total_cost is not None
    assert last.cost is not None
    assert half.total_cost == pytest.approx(last.cost, rel=0.6)
    assert half.seconds_left is not None
