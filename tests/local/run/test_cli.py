"""The `workersai` command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from tests.local.talking import GRANITE, user
from workersai.cli.app import app
from workersai.local import LocalServer
from workersai.local.engines import EngineOptions
from workersai.local.engines.echo import EchoEngine
from workersai.local.run import commands
from workersai.local.run.listening import TOKEN_VARIABLE, resolved

runner = CliRunner()
MODULE = [sys.executable, "-m", "workersai.cli"]
SERVE = [*MODULE, "serve", "--engine", "echo", "--port", "0"]


def command(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COLUMNS": "120"}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    return subprocess.run(
        [*MODULE, *arguments],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
    )


def test_help_lists_the_commands() -> None:
    """Help names the three commands."""
    output = runner.invoke(app, ["--help"]).output
    assert all(name in output for name in ("serve", "pull", "doctor"))


def test_serve_help_names_every_option() -> None:
    """Help of `serve` names each option."""
    output = command("serve", "--help").stdout
    for option in ("--engine", "--host", "--port", "--token", "--account", "--fallback", "--gguf"):
        assert option in output
    assert "--upstream" in output
    assert "--upstream-model" in output


def test_doctor_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` lists each missing part with its remedy and exits with status 1."""
    monkeypatch.setenv("WORKERSAI_CACHE_DIR", str(tmp_path))
    outcome = runner.invoke(app, ["doctor"])
    assert outcome.exit_code == 1
    assert "workersai pull" in outcome.output


@pytest.mark.parametrize(
    "package", ["typer", "rich", "starlette", "uvicorn", "jsonschema", "platformdirs"]
)
def test_a_missing_extra_is_named(tmp_path: Path, package: str) -> None:
    """Without one of the extra's packages the command names the extra, without a traceback."""
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError(name={package!r})\n")
    process = command("serve", path=tmp_path)
    assert process.returncode == 1
    assert 'pip install "workersai[serve]"' in process.stderr
    assert "Traceback" not in process.stderr


def test_other_import_errors_are_not_hidden(tmp_path: Path) -> None:
    """The command does not hide an import error with another cause."""
    broken = "raise ModuleNotFoundError('no such thing', name='something_else')\n"
    (tmp_path / "typer.py").write_text(broken)
    process = command("serve", path=tmp_path)
    assert "Traceback" in process.stderr
    assert "something_else" in process.stderr or "no such thing" in process.stderr


def test_serve_without_a_working_engine() -> None:
    """If the engine cannot start, `serve` prints one line and exits with status 1."""
    process = command("serve", "--engine", "upstream")
    assert process.returncode == 1
    assert "cannot start" in process.stderr
    assert "--fallback echo" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.usefixtures("loopback")
def test_serve_accepts_only_its_token() -> None:
    """`serve` prints its address, answers there, and accepts only the token passed to it."""
    with serving("--token", "mine") as url:
        assert statuses(url, "mine", "yours") == [200, 401]


@pytest.mark.usefixtures("loopback")
def test_serve_reads_the_token_from_the_environment() -> None:
    """`serve` reads the token from the environment, where other users cannot see it."""
    with serving(environ={TOKEN_VARIABLE: "of-the-environment"}) as url:
        assert statuses(url, "of-the-environment", "anything") == [200, 401]


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0", "", "192.0.2.1", "some.name.test"])
def test_serve_needs_a_token_where_others_can_reach_it(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token, `serve` does not listen on an address that other machines can reach."""
    names = {"some.name.test": "192.0.2.7"}
    lookup = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda h, *a, **k: lookup(names.get(h, h), *a, **k))
    monkeypatch.setattr(commands, "listening", unreachable)

    outcome = runner.invoke(app, ["serve", "--engine", "echo", "--host", host, "--port", "0"])

    assert outcome.exit_code == 1
    assert TOKEN_VARIABLE in outcome.output


def unreachable(*_: object) -> None:
    raise AssertionError("the server listened")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo terminals")
def test_serve_asks_for_the_token_at_a_terminal() -> None:
    """At a terminal, `serve` asks for the token that it needs, and does not show it."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*SERVE, "--host", "192.0.2.1"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(theirs)
    assert process.stdout is not None
    with process, os.fdopen(ours, "wb", buffering=0) as keyboard:
        output = b""
        # The command discards input typed before it asks.
        for _ in range(2):
            while not output.endswith((b"Token: ", b"confirmation: ")):
                output += process.stdout.read(1) or pytest.fail(f"no question: {output!r}")
            keyboard.write(b"a-typed-token\n")
            output += b"\n"
        output += process.stdout.read()

    # The token is accepted; the start fails because this machine lacks the address.
    assert b"callers must send a token" in output
    assert b"cannot start" in output
    assert TOKEN_VARIABLE.encode() not in output
    assert b"a-typed-token" not in output


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--token", ""], "token"),
        (["--token", "two words"], "token"),
        (["--account", "mine"], "account_id"),
        (["--host", "no such host"], "host"),
    ],
)
def test_serve_refuses_unusable_settings(arguments: list[str], message: str) -> None:
    """`serve` refuses an unusable token, account or host in one line."""
    outcome = runner.invoke(app, ["serve", "--engine", "echo", "--port", "0", *arguments])

    assert outcome.exit_code == 1
    assert "cannot start" in outcome.output
    assert message in outcome.output


@pytest.mark.usefixtures("loopback")
def test_serve_reports_a_port_in_use() -> None:
    """`serve` prints one line and exits with status 1 if the port is in use."""
    with LocalServer() as server:
        arguments = ["serve", "--engine", "echo", "--port", str(server.port)]
        outcome = runner.invoke(app, arguments)

    assert outcome.exit_code == 1
    assert "in use" in outcome.output


@contextmanager
def serving(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `serve` with the echo engine and yield the URL of a model."""
    process = subprocess.Popen(
        [*SERVE, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
    )
    assert process.stdout is not None
    try:
        assert "echo" in process.stdout.readline()
        root = process.stdout.readline().split()[-1]
        yield f"{root}/accounts/{'a' * 32}/ai/run/{GRANITE}"
    finally:
        process.terminate()
        process.stdout.close()
        process.wait()


def statuses(url: str, *tokens: str) -> list[int]:
    """Send a request with each token and return the statuses."""
    return [
        httpx.post(
            url, json=user("Hi"), headers={"authorization": f"Bearer {token}"}, trust_env=False
        ).status_code
        for token in tokens
    ]


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("host", "warned"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True)],
)
def test_serve_warns_about_addresses_that_others_can_reach(
    host: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """`serve` warns only about an address that other machines can reach."""
    options = EngineOptions(engine="echo")
    commands._announce(EchoEngine(), options, resolved(host, 0), 8787)
    assert ("Other machines" in capsys.readouterr().err) is warned
