"""Bulk jobs by the queue, against the local server's: ids that outlive a kill, expiry, failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.workersai.bulk.conftest import CHAT, parquet, read, texts_of
from workersai import ConfigurationError, NotFoundError
from workersai.bulk import JobReport, QueueSettings, embed_file, map_file
from workersai.bulk import queue as queues
from workersai.local import BatchPlay, LocalServer

EMBEDDER = "@cf/baai/bge-small-en-v1.5"
ANSWERER = "@cf/ibm-granite/granite-4.0-h-micro"
AT_ONCE = QueueSettings(interval=0.001)
Serve = Callable[..., LocalServer]


@pytest.fixture
def serve(loopback: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a local server whose queue plays what the test says."""
    with ExitStack() as stack:

        def start(**play: Any) -> LocalServer:
            made = LocalServer(engine="echo", batches=BatchPlay(**play))
            server = stack.enter_context(made)
            monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
            monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
            monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
            return server

        yield start


def embed(source: Path, target: Path, **settings: Any) -> JobReport:
    given = {"model": EMBEDDER, "column": "text", "window": 40, "batch_size": 7}
    return embed_file(source, target, **{"queue": AT_ONCE, **given, **settings})


def ask(source: Path, target: Path, **settings: Any) -> JobReport:
    given = {"model": ANSWERER, "prompt": "Say {text}", "window": 20, "max_tokens": 20}
    return map_file(source, target, **{"queue": AT_ONCE, **given, **settings})


def submitted(server: LocalServer) -> list[list[Any]]:
    """The requests of each batch that was submitted."""
    bodies = [request.json for request in server.requests if request.json is not None]
    return [body["requests"] for body in bodies if "requests" in body]


def texts_in(batches: list[list[Any]]) -> Counter[str]:
    return Counter(text for batch in batches for request in batch for text in request["text"])


def test_rows_come_back_from_the_queue(serve: Serve, tmp_path: Path) -> None:
    """Vectors from the queue are those that the direct job gets, and no ticket is left."""
    server = serve()
    source = parquet(tmp_path / "in.parquet", 90)
    assert embed(source, tmp_path / "out").is_done
    assert embed(source, tmp_path / "direct", queue=False).is_done
    found, direct = read(tmp_path / "out"), read(tmp_path / "direct")
    assert [row["row"] for row in found] == list(range(90))
    assert [row["embedding"] for row in found] == [row["embedding"] for row in direct]
    assert texts_in(submitted(server)) == Counter(texts_of(90))
    assert not list((tmp_path / "out").glob("batch-*"))


def test_answers_come_back_from_the_queue(serve: Serve, tmp_path: Path) -> None:
    """Chats go the same way, one request a row."""
    server = serve(queued=0, running=3)
    report = ask(parquet(tmp_path / "in.parquet", 25), tmp_path / "out")
    found = read(tmp_path / "out")
    assert [row["row"] for row in found] == list(range(25))
    assert all(row["answer"] for row in found)
    assert report.progress.usage is not None
    assert report.progress.usage.completion_tokens > 0
    assert [len(batch) for batch in submitted(server)] == [10, 10, 5]


def test_a_request_that_fails_costs_its_own_rows(serve: Serve, tmp_path: Path) -> None:
    """`map_file` records a failed request of a batch in its row, and the answers of the others."""
    serve(fails_every=4)
    report = ask(parquet(tmp_path / "in.parquet", 20), tmp_path / "out")
    failed = [row["row"] for row in read(tmp_path / "out") if row["error"] is not None]
    assert failed == [3, 7, 13, 17]
    assert report.progress.failed == 4


def test_texts_of_a_failed_request_are_embedded_directly(serve: Serve, tmp_path: Path) -> None:
    """`embed_file` sends a failed request of a batch once more without the queue."""
    serve(fails_every=2)
    texts: list[Any] = texts_of(40)
    texts[5] = " "
    embed(parquet(tmp_path / "in.parquet", 40, text=texts), tmp_path / "out")
    failed = [row["row"] for row in read(tmp_path / "out") if row["error"] is not None]
    assert failed == [5]


def test_a_batch_that_expired_is_submitted_again(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the results of a batch are gone, its rows are submitted again, three times at most."""
    monkeypatch.setattr("workersai.client.polling._UNSEEN_SECONDS", 0.0)
    server = serve(expires=1)
    assert embed(parquet(tmp_path / "in.parquet", 20), tmp_path / "out").is_done
    assert len(submitted(server)) == 2
    server = serve(expires=9)
    with pytest.raises(NotFoundError):
        embed(parquet(tmp_path / "in.parquet", 20), tmp_path / "other")
    assert len(submitted(server)) == 3


def test_batches_stay_below_the_limit_of_bytes(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows whose requests are too many bytes for one batch go in several."""
    monkeypatch.setattr(queues, "_MOST_BYTES", 200)
    server = serve()
    assert embed(parquet(tmp_path / "in.parquet", 20), tmp_path / "out").is_done
    assert len(submitted(server)) > 1
    assert all(len(json.dumps(batch)) < 400 for batch in submitted(server))
    assert texts_in(submitted(server)) == Counter(texts_of(20))


JOB = """
import sys
from workersai.bulk import QueueSettings, embed_file
queue = QueueSettings(interval=3600)  # it is killed between its first poll and its second
embed_file(*sys.argv[1:], model={model!r}, column="text", window=40, batch_size=7, queue=queue,
           max_concurrency=2)
print("done")
"""


def test_a_killed_job_fetches_its_batches_by_their_ids(serve: Serve, tmp_path: Path) -> None:
    """After SIGKILL while batches are queued, their ids are found and nothing is paid twice."""
    server = serve()
    source = parquet(tmp_path / "in.parquet", 60)
    script = tmp_path / "job.py"
    script.write_text(JOB.format(model=EMBEDDER))
    command = [sys.executable, str(script), str(source), str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, env=environment) as running:
        while not any("request_id" in (r.json or {}) for r in list(server.requests)):
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    tickets = sorted((tmp_path / "out").glob("batch-*.json"))
    assert len(tickets) == 2
    assert all(json.loads(ticket.read_bytes())["request_id"] for ticket in tickets)
    assert embed(source, tmp_path / "out").is_done
    assert texts_in(submitted(server)) == Counter(texts_of(60))
    assert [row["row"] for row in read(tmp_path / "out")] == list(range(60))


def test_a_batch_without_an_id_is_counted_as_lost(serve: Serve, tmp_path: Path) -> None:
    """A ticket without an id means that a batch may be paid for in vain: it counts, at its most."""
    serve()
    source = parquet(tmp_path / "in.parquet", 20)
    (tmp_path / "out").mkdir()
    ticket = {"first": 0, "rows": 20, "model": EMBEDDER, "request_id": None}
    (tmp_path / "out" / "batch-000000000000.json").write_text(json.dumps(ticket))
    report = embed(source, tmp_path / "out")
    assert report.is_done
    assert report.lost > 0


def test_batches_go_through_the_gateway_of_the_job(serve: Serve, tmp_path: Path) -> None:
    """Submissions and polls have the job's gateway; options of single rows are refused."""
    server = serve()
    source = parquet(tmp_path / "in.parquet", 5)
    ask(source, tmp_path / "out", gateway={"id": "mine"})
    assert {request.headers.get("cf-aig-gateway-id") for request in server.requests} == {"mine"}
    with pytest.raises(ConfigurationError, match="cache_key"):
        ask(source, tmp_path / "other", gateway={"id": "mine", "cache_key": "{id}"})


def test_a_model_without_a_queue_is_refused(serve: Serve, tmp_path: Path) -> None:
    """A model whose page lists its inputs without batches is refused before any request."""
    server = serve()
    with pytest.raises(ConfigurationError, match="batch"):
        ask(parquet(tmp_path / "in.parquet", 5), tmp_path / "out", model=CHAT)
    assert not server.requests
