"""`workersai refresh`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from workersai.cli.app import app
from workersai.local import LocalServer

RUN = CliRunner()
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"


def refresh(*arguments: str) -> Any:
    return RUN.invoke(app, ["refresh", *arguments])


def test_the_account_is_compared_and_saved(account: LocalServer, tmp_path: Path) -> None:
    """`refresh` prints differences and old facts, and can compare saved answers again."""
    live = refresh("--save", str(tmp_path))
    assert live.exit_code == 0, live.output
    assert "@cf/zai-org/glm-4.7-flash: its schema does not list chat_template_kwargs" in live.output
    assert "No source has a date: " in live.output
    assert refresh("--saved", str(tmp_path)).output == live.output


def test_differences_are_written(tmp_path: Path) -> None:
    """`--write` adds the catalogue's facts to a file and prints the lines."""
    properties = [{"property_id": "context_window", "value": "200000"}]
    models = {"result": [{"name": GRANITE, "task": "Text Generation", "properties": properties}]}
    (tmp_path / "models.json").write_text(json.dumps(models))
    facts = tmp_path / "facts.json"
    outcome = refresh("--saved", str(tmp_path), "--write", "--facts", str(facts))
    assert outcome.exit_code == 0, outcome.output
    assert '"field": "context_window", "value": 200000' in outcome.output
    (written,) = json.loads(facts.read_text())["facts"]
    assert (written["model"], written["source"]) == (GRANITE, "catalogue")


def test_an_unreadable_folder_is_reported(tmp_path: Path) -> None:
    """`refresh` prints a message and exits with 1 for a folder without saved answers."""
    outcome = refresh("--saved", str(tmp_path))
    assert outcome.exit_code == 1
    assert "models.json cannot be read as JSON" in outcome.output
