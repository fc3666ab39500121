"""A local server for the command, and an environment that points to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workersai.local import LocalServer


@pytest.fixture(scope="session")
def server(loopback: None) -> Iterator[LocalServer]:
    """A local server with the rule-based engine."""
    with LocalServer(engine="echo") as running:
        yield running


@pytest.fixture
def account(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> LocalServer:
    """Point the environment's account, token and address to the local server."""
    monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
    return server


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the command a terminal of 160 columns."""
    monkeypatch.setenv("COLUMNS", "160")
