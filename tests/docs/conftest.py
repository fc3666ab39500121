"""The scripted server that the programs of the documentation ask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from llama_index.core import Settings
from llama_index_instrumentation import get_dispatcher

from workersai.testing import ScriptedServer


@pytest.fixture(scope="session")
def shared_server(loopback: None) -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def server(
    shared_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[ScriptedServer]:
    """Prepare an empty folder and an environment, and undo what a page changes in the process."""
    monkeypatch.chdir(tmp_path)
    root = get_dispatcher()
    monkeypatch.setattr(root, "event_handlers", [*root.event_handlers])
    monkeypatch.setattr(root, "span_handlers", [*root.span_handlers])
    with (
        mock.patch.dict(os.environ, shared_server.environment),
        mock.patch.dict(vars(Settings)),
    ):
        yield shared_server
    unused = shared_server.unused
    shared_server._engine.prepared.clear()
    assert unused == 0, "a prepared answer was not asked for"
