"""`workersai embed` and `workersai map`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.workersai.bulk.conftest import CHAT, EMBEDDER, lines, parquet, read
from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()


def test_embed_prints_rows_tokens_and_cost(account: LocalServer, tmp_path: Path) -> None:
    """`embed` embeds a column and prints rows, tokens and cost."""
    source = parquet(tmp_path / "in.parquet", 30)
    command = ["embed", str(source), str(tmp_path / "out"), "--model", EMBEDDER]
    outcome = RUN.invoke(app, [*command, "--column", "text", "--keep", "id"])
    assert outcome.exit_code == 0, outcome.output
    assert "30 of 30 rows, 0 failed" in outcome.output
    assert "$0.0000" in outcome.output
    rows = read(tmp_path / "out")
    assert list(rows[0]) == ["row", "id", "embedding", "error"]
    assert len(rows) == 30
    assert all(len(row["embedding"]) == 768 for row in rows)


def test_map_sends_a_prompt_for_each_row(account: LocalServer, tmp_path: Path) -> None:
    """`map` sends a prompt for each row, with a schema and the row's gateway metadata."""
    source = lines(tmp_path / "in.jsonl", [{"text": "a", "id": 1}, {"text": "b", "id": 2}])
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"x": {"type": "string"}}}))
    before = len(account.requests)
    command = ["map", str(source), str(tmp_path / "out"), "--model", CHAT, "--prompt", "Say {text}"]
    options = ["--schema", str(schema), "--max-tokens", "60", "--max-cost", "1"]
    gateway = ["--gateway", "mine", "--cache-key", "k-{id}", "--metadata", "doc={id}"]
    outcome = RUN.invoke(app, [*command, *options, *gateway])
    assert outcome.exit_code == 0, outcome.output
    assert "2 of 2 rows" in outcome.output
    requests = sorted(
        account.requests[before:], key=lambda request: request.headers["cf-aig-cache-key"]
    )
    assert [request.headers["cf-aig-cache-key"] for request in requests] == ["k-1", "k-2"]
    assert requests[0].json["messages"][-1]["content"] == "Say a"


def test_a_job_at_its_cost_limit_says_how_to_continue(account: LocalServer, tmp_path: Path) -> None:
    """At the cost limit the command exits with 3 and prints how to continue."""
    source = parquet(tmp_path / "in.parquet", 30)
    command = ["embed", str(source), str(tmp_path / "out"), "--model", EMBEDDER]
    outcome = RUN.invoke(app, [*command, "--column", "text", "--max-cost", "0.00002"])
    assert outcome.exit_code == 3, outcome.output
    assert "higher one" in outcome.output


def test_a_full_disk_is_named(account: LocalServer, tmp_path: Path) -> None:
    """If a part cannot be written, the command prints how to go on; a second run does."""
    resource = pytest.importorskip("resource")
    source = parquet(tmp_path / "in.parquet", 30)
    command = ["embed", str(source), str(tmp_path / "out"), "--model", EMBEDDER, "--column", "text"]
    most, hardest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hardest))
    try:
        outcome = RUN.invoke(app, command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hardest))
    assert outcome.exit_code == 1
    assert "start the job again" in " ".join(outcome.output.split())
    assert RUN.invoke(app, command).exit_code == 0
    assert len(read(tmp_path / "out")) == 30


def test_a_wrong_argument_prints_one_sentence(account: LocalServer, tmp_path: Path) -> None:
    """For a wrong argument the command prints one sentence and exits with 1."""
    command = ["embed", str(tmp_path / "x.parquet"), str(tmp_path / "out"), "--model", EMBEDDER]
    outcome = RUN.invoke(app, [*command, "--column", "text"])
    assert outcome.exit_code == 1
    assert "not a" in outcome.output


@pytest.mark.parametrize("command", ["embed", "map"])
def test_a_share_without_limits_is_refused(
    command: str, account: LocalServer, tmp_path: Path
) -> None:
    """The commands refuse `--share` without a limit, because it would have no effect."""
    source = lines(tmp_path / "in.jsonl", [{"text": "a"}])
    options = {
        "embed": ["--model", EMBEDDER, "--column", "text"],
        "map": ["--model", CHAT, "--prompt", "Say {text}"],
    }
    before = len(account.requests)
    arguments = [command, str(source), str(tmp_path / "out"), *options[command], "--share", "0.5"]
    outcome = RUN.invoke(app, arguments)
    assert outcome.exit_code == 1
    assert "--requests-per-minute" in outcome.output
    assert len(account.requests) == before
