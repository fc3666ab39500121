"""The `workersai` command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from tests.local.talking import GRANITE, user
from workersai.local.engines import EngineOptions
from workersai.local.engines.echo import EchoEngine
from workersai.local.run import commands
from workersai.local.run.commands import app

runner = CliRunner()


def command(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COLUMNS": "120"}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-m", "workersai.local.run.cli", *arguments],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
    )


def test_help_lists_the_commands() -> None:
    """Help names the three commands."""
    said = runner.invoke(app, ["--help"]).output
    assert all(name in said for name in ("serve", "pull", "doctor"))


def test_serve_help_names_every_option() -> None:
    """Help of `serve` names each option."""
    said = command("serve", "--help").stdout
    for option in ("--engine", "--host", "--port", "--token", "--account", "--fallback", "--gguf"):
        assert option in said
    assert "--upstream" in said
    assert "--upstream-model" in said


def test_doctor_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor lists what is missing with its remedy, and then exits with 1."""
    monkeypatch.setenv("WORKERSAI_CACHE_DIR", str(tmp_path))
    found = runner.invoke(app, ["doctor"])
    assert found.exit_code == 1
    assert "workersai pull" in found.output


@pytest.mark.parametrize("package", ["typer", "starlette", "uvicorn", "jsonschema"])
def test_missing_extra(tmp_path: Path, package: str) -> None:
    """Without one of the extra's packages the command names the extra, without a traceback."""
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})\n")
    found = command("serve", path=tmp_path)
    assert found.returncode == 1
    assert 'pip install "workersai[serve]"' in found.stderr
    assert "Traceback" not in found.stderr


def test_other_import_errors_are_not_hidden(tmp_path: Path) -> None:
    """A module that is missing for another reason is shown as the error it is."""
    broken = "raise ModuleNotFoundError('no such thing', name='something_else')\n"
    (tmp_path / "typer.py").write_text(broken)
    found = command("serve", path=tmp_path)
    assert "Traceback" in found.stderr
    assert "something_else" in found.stderr or "no such thing" in found.stderr


def test_serve_refuses_plainly() -> None:
    """An engine that cannot start is one line and exit status 1."""
    found = command("serve", "--engine", "upstream")
    assert found.returncode == 1
    assert "cannot start" in found.stderr
    assert "--fallback echo" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.usefixtures("loopback")
def test_serve() -> None:
    """`serve` says where it listens, answers there, and takes only the token it was given."""
    arguments = ["serve", "--engine", "echo", "--port", "0", "--token", "mine"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workersai.local.run.cli", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert "echo" in lines[0]
        url = f"{lines[1].split()[-1]}/accounts/{'a' * 32}/ai/run/{GRANITE}"
        statuses = [
            httpx.post(
                url, json=user("Hi"), headers={"authorization": f"Bearer {token}"}, trust_env=False
            ).status_code
            for token in ("mine", "yours")
        ]
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()
    assert statuses == [200, 401]


@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True)],
)
def test_warns_when_others_can_reach_it(
    host: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only an address other machines can reach is warned about."""
    commands._announce(EchoEngine(), EngineOptions(engine="echo"), host, 8787)
    assert ("reachable" in capsys.readouterr().err) is warned
