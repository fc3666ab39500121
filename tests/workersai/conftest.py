"""Fixtures of the core's tests: a clean environment, and clients and servers that are closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.workersai.loopback import Loopback, Script
from tests.workersai.talking import CALL_STYLES, CallStyle, Recorder, Reply, Speaker, speaker

_OURS = ("CLOUDFLARE_", "CF_", "WORKERSAI_BASE_URL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the machine's credentials and proxies from the environment of a test."""
    import os

    for name in list(os.environ):
        if name.startswith(_OURS) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)


@pytest.fixture(params=CALL_STYLES)
def call_style(request: pytest.FixtureRequest) -> CallStyle:
    chosen: CallStyle = request.param
    return chosen


Speaks = Callable[..., Speaker]
Mocked = Callable[..., tuple[Speaker, Recorder]]
Serve = Callable[[Script], Loopback]


@pytest.fixture
def speaks(call_style: CallStyle) -> Iterator[Speaks]:
    """Make clients, sync or async as the test asks, and close them after it."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Speaker:
            made = speaker(call_style, **settings)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def mocked(speaks: Speaks, call_style: CallStyle) -> Mocked:
    """Make a client whose HTTP ends in a `MockTransport`, and the recorder of that transport."""

    def make(*replies: Reply, **settings: Any) -> tuple[Speaker, Recorder]:
        recorder = Recorder(*replies)
        return speaks(http_client=recorder.http_client(call_style), **settings), recorder

    return make


@pytest.fixture
def serve(loopback: None) -> Iterator[Serve]:
    """Start loopback servers, and close them after the test."""
    with ExitStack() as stack:

        def start(script: Script) -> Loopback:
            server = Loopback(script)
            stack.callback(server.close)
            return server

        yield start
