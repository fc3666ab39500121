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


@pytest.mark.parametrize(
    "package", ["typer", "rich", "starlette", "uvicorn", "jsonschema", "platformdirs"]
)
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
    with served("--token", "mine") as url:
        assert statuses(url, "mine", "yours") == [200, 401]


@pytest.mark.usefixtures("loopback")
def test_serve_takes_the_token_of_the_environment() -> None:
    """The token may stand in the environment, where other users cannot read it."""
    with served(environ={TOKEN_VARIABLE: "of-the-environment"}) as url:
        assert statuses(url, "of-the-environment", "anything") == [200, 401]


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0", "", "192.0.2.1", "some.name.test"])
def test_serve_wants_a_token_where_others_can_reach_it(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token, nothing listens on an address that other machines can reach."""
    names = {"some.name.test": "192.0.2.7"}
    lookup = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda h, *a, **k: lookup(names.get(h, h), *a, **k))
    monkeypatch.setattr(commands, "listening", unreachable)

    found = runner.invoke(app, ["serve", "--engine", "echo", "--host", host, "--port", "0"])

    assert found.exit_code == 1
    assert TOKEN_VARIABLE in found.output


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
        said = b""
        # What is typed before a question is thrown away.
        for _ in range(2):
            while not said.endswith((b"Token: ", b"confirmation: ")):
                said += process.stdout.read(1) or pytest.fail(f"no question: {said!r}")
            keyboard.write(b"a-typed-token\n")
            said += b"\n"
        said += process.stdout.read()

    # The address is none of this machine: with the token, all that is wrong is the address.
    assert b"callers must send a token" in said
    assert b"cannot start" in said
    assert TOKEN_VARIABLE.encode() not in said
    assert b"a-typed-token" not in said


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--token", ""], "token"),
        (["--token", "two words"], "token"),
        (["--account", "mine"], "account_id"),
        (["--host", "no such host"], "host"),
    ],
)
def test_serve_refuses_what_no_request_could_meet(arguments: list[str], says: str) -> None:
    """A token, account or host that nobody could use is refused in one line."""
    found = runner.invoke(app, ["serve", "--engine", "echo", "--port", "0", *arguments])

    assert found.exit_code == 1
    assert "cannot start" in found.output
    assert says in found.output


@pytest.mark.usefixtures("loopback")
def test_serve_says_that_a_port_is_taken() -> None:
    """A port that something else holds is one line and exit status 1."""
    with LocalServer() as server:
        arguments = ["serve", "--engine", "echo", "--port", str(server.port)]
        found = runner.invoke(app, arguments)

    assert found.exit_code == 1
    assert "in use" in found.output


@contextmanager
def served(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """A running `serve` with the echo engine; the address of a model of it."""
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
    """The status that a request with each token gets."""
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
def test_warns_when_others_can_reach_it(
    host: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only an address other machines can reach is warned about."""
    options = EngineOptions(engine="echo")
    commands._announce(EchoEngine(), options, resolved(host, 0), 8787)
    assert ("Other machines" in capsys.readouterr().err) is warned
