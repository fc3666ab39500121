"""One local server for other projects' clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workersai.local import LocalServer


@pytest.fixture(scope="session")
def server(loopback: None) -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running
