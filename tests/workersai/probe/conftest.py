"""Runs of a probe against a server on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.workersai.probe.talker import Talker
from workersai.local import LocalServer
from workersai.probe.plan import SEED_MODELS, plan_probe
from workersai.probe.report import Report
from workersai.probe.running import Probe

Run = Callable[..., Report]


@pytest.fixture(scope="session")
def serving(loopback: None) -> Iterator[Callable[[str], LocalServer]]:
    """One server a character, for all tests."""
    servers: dict[str, LocalServer] = {}

    def of(character: Any) -> LocalServer:
        if character not in servers:
            servers[character] = LocalServer(Talker(), character=character).start()
        return servers[character]

    yield of
    for server in servers.values():
        server.stop()


def connection_to(server: LocalServer) -> dict[str, Any]:
    return {
        "base_url": server.base_url,
        "account_id": server.account_id,
        "api_token": server.api_token,
        "max_retries": 0,
    }


def _run(
    serving: Callable[[str], LocalServer],
    character: str = "documented",
    *,
    models: tuple[str, ...] = SEED_MODELS,
    report: Report | None = None,
) -> Report:
    report = Report() if report is None else report
    connection: Any = connection_to(serving(character))
    probe = Probe(report, max_cost=1, wait=lambda _: None, connection=connection)
    for _ in probe.run(plan_probe(models)):
        pass
    probe.close()
    return report


@pytest.fixture
def run(serving: Callable[[str], LocalServer]) -> Run:
    """Probe a server of a character, with all that is planned."""
    return partial(_run, serving)
