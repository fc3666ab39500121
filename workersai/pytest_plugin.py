"""The pytest plugin: `workersai_server`, a local Workers AI that a test scripts.

pytest loads it by its entry point wherever `workersai` is installed; it imports nothing until a
test asks for the fixture. It needs the extra `serve`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workersai.testing import ScriptedServer

__all__ = ["workersai_server"]

_OURS = ("CLOUDFLARE_", "CF_", "WORKERSAI_")


@pytest.fixture(scope="session")
def _workersai_server() -> Iterator[ScriptedServer]:
    """One server for the session: it takes a fraction of a second to start."""
    from workersai.testing import ScriptedServer  # noqa: PLC0415 - imported when it is used

    with ScriptedServer() as server:
        yield server


@pytest.fixture
def workersai_server(
    _workersai_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ScriptedServer]:
    """Point the environment of one test to a local Workers AI, and let the test script it.

    Every class of `workersai`, `langchain_workersai` and `llamaindex_workersai` that reads its
    connection from the environment then talks to this server; variables of Cloudflare that are set
    outside are hidden. Prepared answers and recorded requests are forgotten after the test.
    """
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    for name, value in _workersai_server.environment.items():
        monkeypatch.setenv(name, value)
    yield _workersai_server
    _workersai_server.reset()
