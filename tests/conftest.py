"""What all tests share: no credentials of their machine, no network, and recordings."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is no failure: no test of this project is timed. The same examples come in every
# run, so that a gate does not depend on luck; `make fuzz` looks for others.
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
    """Leave no event loop that asyncio would make unasked for the first test without one.

    LlamaIndex asks for it in sync calls, and nothing closes it.
    """
    asyncio.set_event_loop(None)


def pytest_collection_finish() -> None:
    """Leave out of every later garbage collection what imports and the collection made.

    That is some hundred thousand objects of the frameworks; tests collect garbage often.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no account of the machine they run on; only recording live asks for one."""
    if not is_live():
        for name in CREDENTIALS:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def loopback() -> None:
    """Ask for the loopback interface: every test's network is blocked, unless it asks with this.

    A fixture that starts a server requests it for all tests that use the server; tests that start
    servers of their own name it in `usefixtures`. Other hosts stay blocked for them too. Of the
    session, so that fixtures of any scope can ask.
    """


def pytest_itemcollected(item: pytest.Item) -> None:
    """Open the loopback interface to the tests that ask, and while recording what it records."""
    if item.get_closest_marker("vcr") and is_recording(item.config):
        item.add_marker(pytest.mark.enable_socket if is_live() else LOOPBACK)
    elif "loopback" in getattr(item, "fixturenames", ()):
        item.add_marker(LOOPBACK)


def is_recording(config: pytest.Config) -> bool:
    """Say whether requests go out, to be recorded, instead of being answered by recordings."""
    return config.getoption("--record-mode") not in {None, "none"}


def is_live() -> bool:
    """Say whether recordings are made from Cloudflare."""
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
    """Say what to do about a request that no recording answers."""
    report = yield
    if call.excinfo is not None and is_unrecorded(call.excinfo.value):
        report.sections.append(("Recordings", UNRECORDED))
    return report


def is_unrecorded(error: BaseException | None) -> bool:
    """Say whether an error comes from a request that is in no recording."""
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
