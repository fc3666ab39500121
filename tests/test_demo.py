"""The demo runs both parts on the local server, prints the costs, and reports failures."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from workersai.local import LocalServer
from workersai.local.engines.base import ChatJob, Piece
from workersai.local.engines.echo import EchoEngine

ACCOUNT = "fedcba9876543210fedcba9876543210"
CREDENTIALS = (
    "CLOUDFLARE_ACCOUNT_ID",
    "CF_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_AUTH_TOKEN",
    "CF_AI_API_TOKEN",
    "CF_API_TOKEN",
    "WORKERSAI_BASE_URL",
)

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    loopback: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the demo as on a machine without account, weights or package index."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    monkeypatch.setenv("WORKERSAI_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "examples"))
    demo = importlib.import_module("demo")

    def once(*arguments: str) -> tuple[int, str]:
        status: int = demo.main(arguments)
        return status, capsys.readouterr().out

    return once


def on_account(monkeypatch: pytest.MonkeyPatch, server: LocalServer, token: str) -> None:
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", token)
    monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)


def test_the_demo_shows_both_parts_and_their_costs(run: Run) -> None:
    """The demo calls tools, finds files, prints answers and costs, and exits with 0."""
    status, shown = run("--engine", "echo")
    assert status == 0, shown
    assert 'call  machine_price {"machine":"laser' in shown
    assert "result  36.00 euros for 3 hours" in shown
    assert 'call  opening_hours {"day":"Saturday"}' in shown
    assert "reranked  kiln.txt" in shown
    assert "sources  safety.txt: " in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith("| ")]
    assert [row[1] for row in rows] == ["part", "agent", "rag", "both"]
    read, written = (int(rows[-1][place].replace(",", "")) for place in (5, 7))
    assert rows[-1][9] == f"${(read * 0.017 + written * 0.11) / 1e6:.6f}"
    assert "no model at all" in shown


def test_the_demo_uses_the_account_of_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With credentials the demo calls the account, starts no server and prints the price."""
    with LocalServer(engine="echo", account_id=ACCOUNT, strict=True) as server:
        on_account(monkeypatch, server, server.api_token)
        address = server.base_url
        status, shown = run()
    assert status == 0, shown
    assert {request.path.split("/accounts/")[1][:32] for request in server.requests} == {ACCOUNT}
    assert f"{address}, with your account. No local server is started." in shown
    assert "This costs money" in shown
    assert server.api_token not in shown


def test_a_failed_part_is_reported(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of Workers AI fails its part; the other part runs, and the exit is 1."""
    with LocalServer(engine="echo", strict=True) as server:
        on_account(monkeypatch, server, "another-token")
        status, shown = run()
    assert status == 1
    assert "failed  agent: AuthenticationError" in shown
    assert "failed  rag: AuthenticationError" in shown
    assert "another-token" not in shown


class Toolless(EchoEngine):
    """An engine that ignores the tools of a request, as a weak model may."""

    def chat(self, job: ChatJob) -> Iterator[Piece]:
        return super().chat(replace(job, tools=()))


def test_an_answer_without_a_tool_is_a_failure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo fails if the agent answers without calling a tool."""
    with LocalServer(engine=Toolless()) as server:
        on_account(monkeypatch, server, server.api_token)
        status, shown = run("--agent-only")
    assert status == 1
    assert "answer  You said: What are the opening hours on Saturday?" in shown
    assert "failed  no tool was called for: What are the opening hours on Saturday?" in shown


def test_the_echo_engine_replaces_missing_models(run: Run) -> None:
    """Without the real models, the demo uses the echo engine, and says so."""
    status, shown = run("--rag-only")
    assert status == 0, shown
    assert "The echo engine answers instead" in shown
    assert "LangChain" not in shown


def test_a_chosen_engine_needs_fallback_to_be_replaced(run: Run) -> None:
    """A chosen engine that cannot start ends the demo, unless `--fallback` is set."""
    status, shown = run("--engine", "upstream", "--agent-only")
    assert status == 2
    assert "needs the address of a server" in shown
    status, shown = run("--engine", "upstream", "--agent-only", "--fallback")
    assert status == 0, shown
    assert "engine echo" in shown
