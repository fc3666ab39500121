"""`workersai probe`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from workersai.cli.app import app
from workersai.local import LocalServer
from workersai.probe.running import Probe

RUN = CliRunner()
GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
GLM = "@cf/zai-org/glm-4.7-flash"
BGE = "@cf/baai/bge-small-en-v1.5"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll for a batch without a pause."""
    monkeypatch.setattr("workersai.probe.running._BETWEEN_POLLS", 0.0)


def probe(*arguments: str, **settings: Any) -> Any:
    return RUN.invoke(app, ["probe", *arguments], **settings)


def test_a_run_shows_plan_verdicts_and_cost(account: LocalServer, tmp_path: Path) -> None:
    """`probe` prints the plan, then each verdict, and names the local server as a stand-in."""
    out = tmp_path / "probe.json"
    outcome = probe("--models", GRANITE, "--out", str(out), "--yes")
    assert outcome.exit_code == 0, outcome.output
    assert "at most" in outcome.output
    assert "Does the model call a tool?" in outcome.output
    assert "Answered by workersai-local, not by Cloudflare." in outcome.output
    assert account.api_token not in outcome.output
    report = json.loads(out.read_text())
    assert report["server"] == "workersai-local"
    assert {verdict["question"] for verdict in report["verdicts"]} >= {
        "tools",
        "json-schema",
        "batch",
    }


def test_nothing_is_sent_without_consent(account: LocalServer, tmp_path: Path) -> None:
    """`probe` asks for consent and sends no request unless the answer is yes."""
    before = len(account.requests)
    out = tmp_path / "probe.json"
    outcome = probe("--models", GRANITE, "--out", str(out), input="n\n")
    assert outcome.exit_code == 1
    assert "Send them?" in outcome.output
    assert len(account.requests) == before
    assert not out.exists()


def test_an_interrupted_run_continues(
    account: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C keeps the results so far, and the same command sends the remaining requests."""
    out = tmp_path / "probe.json"
    send = Probe._send
    remaining = [3]

    def interrupted(self: Probe, *args: Any) -> Any:
        remaining[0] -= 1
        if remaining[0] < 0:
            raise KeyboardInterrupt
        return send(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Probe, "_send", interrupted)
        stopped = probe("--models", GRANITE, "--out", str(out), "--yes")
    assert stopped.exit_code == 130
    assert f"goes on from {out}" in stopped.output.replace("\n", "")
    again = probe("--models", GRANITE, "--out", str(out), "--yes")
    assert again.exit_code == 0, again.output
    assert "3 answers are in the report already." in again.output
    assert len(json.loads(out.read_text())["answers"][GRANITE]) > 30


def test_models_may_be_separated_by_commas(account: LocalServer, tmp_path: Path) -> None:
    """`--models a,b` selects the same models as `--models a --models b`."""
    for arguments in (("--models", f"{GLM}, {BGE}"), ("--models", GLM, "--models", BGE)):
        out = tmp_path / "probe.json"
        outcome = probe(*arguments, "--out", str(out), "--yes", "--max-cost", "0")
        assert outcome.exit_code == 0, outcome.output
        assert GLM in outcome.output
        assert BGE in outcome.output


def test_applying_shows_the_difference_and_asks(account: LocalServer, tmp_path: Path) -> None:
    """`probe` shows the changes and writes them to the user's file after a yes."""
    out, facts = tmp_path / "probe.json", tmp_path / "facts.json"
    probe("--models", GRANITE, "--out", str(out), "--yes")
    arguments = ("--apply", str(out), "--facts", str(facts))
    refused = probe(*arguments, input="n\n")
    assert '+  {"model": "@cf/ibm-granite/granite-4.0-h-micro"' in refused.output
    assert not facts.exists()
    outcome = probe(*arguments, "--yes")
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(facts.read_text())["facts"]


def test_a_stand_in_cannot_change_the_package(account: LocalServer, tmp_path: Path) -> None:
    """`probe` writes a local server's verdicts only to a file that the user names."""
    out = tmp_path / "probe.json"
    probe("--models", GRANITE, "--out", str(out), "--yes")
    outcome = probe("--apply", str(out), "--yes")
    assert outcome.exit_code == 1
    assert "not by Cloudflare" in outcome.output


def test_an_error_prints_one_line(tmp_path: Path) -> None:
    """`probe` reports missing credentials and missing files without a traceback."""
    no_account = probe("--out", str(tmp_path / "probe.json"), "--yes")
    assert no_account.exit_code == 1
    assert "CLOUDFLARE_ACCOUNT_ID" in no_account.output
    missing = probe("--apply", str(tmp_path / "none.json"))
    assert missing.exit_code == 1
    assert "does not exist" in missing.output


@pytest.mark.parametrize("arguments", [["--max-cost", "-1"], ["--out", "missing/probe.json"]])
def test_a_run_that_cannot_end_well_sends_nothing(
    arguments: list[str], account: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cost below 0 and a report in a missing folder are refused before any request."""
    monkeypatch.chdir(tmp_path)
    before = len(account.requests)
    outcome = probe("--yes", *arguments)
    assert outcome.exit_code == 1
    assert arguments[1] in outcome.output
    assert len(account.requests) == before
