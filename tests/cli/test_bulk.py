"""`workersai embed` and `workersai map`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from tests.workersai.bulk.conftest import CHAT, EMBEDDER, lines, parquet, read
from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()


def test_embed(account: LocalServer, tmp_path: Path) -> None:
    """`embed` embeds a column and prints rows, tokens and cost."""
    source = parquet(tmp_path / "in.parquet", 30)
    command = ["embed", str(source), str(tmp_path / "out"), "--model", EMBEDDER]
    done = RUN.invoke(app, [*command, "--column", "text", "--keep", "id"])
    assert done.exit_code == 0, done.output
    assert "30 of 30 rows, 0 failed" in done.output
    assert "$0.0000" in done.output
    found = read(tmp_path / "out")
    assert list(found[0]) == ["row", "id", "embedding", "error"]
    assert len(found) == 30
    assert all(len(row["embedding"]) == 768 for row in found)


def test_map(account: LocalServer, tmp_path: Path) -> None:
    """`map` asks about each row, with a schema and the row's gateway metadata."""
    source = lines(tmp_path / "in.jsonl", [{"text": "a", "id": 1}, {"text": "b", "id": 2}])
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"x": {"type": "string"}}}))
    before = len(account.requests)
    command = ["map", str(source), str(tmp_path / "out"), "--model", CHAT, "--prompt", "Say {text}"]
    own = ["--schema", str(schema), "--max-tokens", "60", "--max-cost", "1"]
    gateway = ["--gateway", "mine", "--cache-key", "k-{id}", "--metadata", "doc={id}"]
    done = RUN.invoke(app, [*command, *own, *gateway])
    assert done.exit_code == 0, done.output
    assert "2 of 2 rows" in done.output
    sent = sorted(
        account.requests[before:], key=lambda request: request.headers["cf-aig-cache-key"]
    )
    assert [request.headers["cf-aig-cache-key"] for request in sent] == ["k-1", "k-2"]
    assert sent[0].json["messages"][-1]["content"] == "Say a"


def test_a_job_that_stops_early_says_so(account: LocalServer, tmp_path: Path) -> None:
    """At the cost limit the command exits with 3 and prints how to continue."""
    source = parquet(tmp_path / "in.parquet", 30)
    command = ["embed", str(source), str(tmp_path / "out"), "--model", EMBEDDER]
    done = RUN.invoke(app, [*command, "--column", "text", "--max-cost", "0.00002"])
    assert done.exit_code == 3, done.output
    assert "higher one" in done.output


def test_a_wrong_argument_is_one_sentence(account: LocalServer, tmp_path: Path) -> None:
    """For a wrong argument the command prints one sentence and exits with 1."""
    command = ["embed", str(tmp_path / "x.parquet"), str(tmp_path / "out"), "--model", EMBEDDER]
    done = RUN.invoke(app, [*command, "--column", "text"])
    assert done.exit_code == 1
    assert "not a" in done.output
