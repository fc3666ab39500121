"""Fixtures and hooks of all tests: they remove credentials, block the network, read recordings."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

# Tests have no time limit, because a busy machine would fail them. Hypothesis uses the same
# examples in every run, so that no result depends on chance; `make fuzz` tries others.
settings.register_profile("untimed", deadline=None, derandomize=True)
settings.load_profile("untimed")

CREDENTIALS = (
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_AUTH_TOKEN",
    "CF_ACCOUNT_ID",
    "CF_AI_API_TOKEN",
    "CF_API_TOKEN",
    "WORKERSAI_BASE_URL",
    "WORKERSAI_SERVE_TOKEN",
)
LOOPBACK = pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])
UNRECORDED = (
    "This request is not in the recording. If the request was meant to change, `make record` "
    "makes the recordings anew; the difference shows in `git diff cassettes`."
)


def pytest_sessionstart() -> None:
    """Keep asyncio from creating an event loop when LlamaIndex asks for one in a sync call.

    Nothing would close that loop.
    """
    asyncio.set_event_loop(None)


def pytest_collection_finish() -> None:
    """Exclude the objects that imports created from later garbage collections.

    The frameworks create some hundred thousand objects, and tests collect garbage often.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the credentials of this machine from the environment, except to record live."""
    if not is_live():
        for name in CREDENTIALS:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def loopback() -> None:
    """Open the loopback interface for a test; without this fixture a test has no network.

    A fixture that starts a server requests `loopback` for all tests that use the server; tests that
    start servers of their own name it in `usefixtures`. Other hosts stay blocked. The fixture has
    session scope, so that fixtures of any scope can request it.
    """


def pytest_itemcollected(item: pytest.Item) -> None:
    """Open the loopback interface for tests that request it, and hosts for tests that record."""
    if item.get_closest_marker("vcr") and is_recording(item.config):
        item.add_marker(pytest.mark.enable_socket if is_live() else LOOPBACK)
    elif "loopback" in getattr(item, "fixturenames", ()):
        item.add_marker(LOOPBACK)


def is_recording(config: pytest.Config) -> bool:
    """Return whether tests send and record requests instead of replaying recordings."""
    return config.getoption("--record-mode") not in {None, "none"}


def is_live() -> bool:
    """Return whether tests record answers of Cloudflare, not of the local server."""
    return os.environ.get("WORKERSAI_RECORD") == "live"


@pytest.hookimpl(optionalhook=True)
def pytest_recording_configure(config: pytest.Config, vcr: Any) -> None:
    """Let marked tests read and write recordings in this project's own format."""
    from tests.cassettes.format import CASSETTES
    from tests.cassettes.recording import prepare

    if str(vcr.cassette_library_dir).startswith(str(CASSETTES)):
        prepare(vcr, recording=is_recording(config))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a hint to the report of a test whose request is in no recording."""
    report = yield
    if call.excinfo is not None and is_unrecorded(call.excinfo.value):
        report.sections.append(("Recordings", UNRECORDED))
    return report


def is_unrecorded(error: BaseException | None) -> bool:
    """Return whether an error comes from a request that is in no recording."""
    while error is not None:
        if type(error).__name__ == "CannotOverwriteExistingCassetteException":
            return True
        error = error.__cause__ or error.__context__
    return False


@pytest.fixture
def free_port(loopback: None) -> Iterator[int]:
    """Reserve a port on which no server listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
