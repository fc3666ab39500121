"""Fixtures of the fault suite: loopback servers, and one speaker after the other.

A speaker is a client or a face, sync or async, over the package's own HTTP engine (`SIX`), or the
client over an HTTP client of the user's own (`OWN`). If those can do less, a test runs through
`SIX` only and says why; `test_user_clients.py` tests what they do.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import settings

from tests.faults.speakers import ALL, Speaker
from tests.workersai.loopback import Loopback, Script
from workersai import WorkersAIError
from workersai.client import retries as _exchange
from workersai.client.retries import retry_delay

_OURS = ("CLOUDFLARE_", "CF_", "WORKERSAI_BASE_URL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

settings.register_profile("fuzz", max_examples=10_000, deadline=None)

Speaks = Callable[..., Speaker]
Serve = Callable[[Script], Loopback]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's credentials nor its proxies reach a test."""
    for name in list(os.environ):
        if name.startswith(_OURS) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _freeze_old_objects() -> Iterator[None]:
    """Freeze imported objects, so that garbage collections in tests walk only new ones."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(params=ALL)
def speaker_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def speaks(speaker_name: str) -> Iterator[Speaks]:
    """Make speakers of the test's face, sync or async, and close them after the test."""
    with ExitStack() as stack:

        def make(server: Loopback | None = None, **settings: Any) -> Speaker:
            if server is not None:
                settings.setdefault("base_url", server.base_url)
            made = Speaker(speaker_name, **settings)
            stack.callback(made.close)
            return made

        yield make


def in_a_fork(act: Callable[[], bytes]) -> Callable[[], str]:
    """Call a function in a forked process; return a function that waits for its output."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, act())
        finally:
            os._exit(0)
    os.close(writing)

    def read_output() -> str:
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        os.waitpid(child, 0)
        return text

    return read_output


@pytest.fixture
def serve(loopback: None) -> Iterator[Serve]:
    """Start loopback servers, and close them after the test."""
    with ExitStack() as stack:

        def start(script: Script) -> Loopback:
            server = Loopback(script)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture(scope="module")
def idle_server(loopback: None) -> Iterator[Loopback]:
    """Start a server that tests do not call, one for all tests of a module."""
    server = Loopback(lambda peer, seen: peer.hang_up())
    yield server
    server.close()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make retries wait for 0 s; return the list of the longest waits that they would have had."""
    waits: list[float] = []

    def at_once(error: WorkersAIError, number: int, share: float) -> float | None:
        if (found := retry_delay(error, number, 1.0)) is None:
            return None
        waits.append(found)
        return 0.0

    monkeypatch.setattr(_exchange, "retry_delay", at_once)
    return waits
