"""The web service and its page, in headless Chromium."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from conftest import EXAMPLES

from workersai.local import LocalServer
from workersai.local.engines.base import ChatJob, Piece, TextPiece
from workersai.local.engines.echo import EchoEngine

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11),
    reason="before 3.11 asyncio hands no context to LangGraph's tasks, so nothing streams",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LONGEST = 30  # seconds until something that never happens is a failure


class EndlessEngine(EchoEngine):
    """Answers without an end, and notes when its stream is ended."""

    blocking = True  # its pauses hold a thread, not the server

    def __init__(self) -> None:
        self.was_ended = threading.Event()

    def chat(self, _job: ChatJob) -> Iterator[Piece]:
        """Write words until the caller goes away."""
        try:
            while not self.was_ended.wait(0.02):
                yield TextPiece("word ")
        finally:
            self.was_ended.set()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The service, in this process."""
    sys.path.append(str(EXAMPLES))
    from service import app  # noqa: PLC0415 - examples are no package

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    with_socket = server.config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [with_socket]})
    thread.start()
    yield "http://{}:{}".format(*with_socket.getsockname())
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, where this machine has it."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("there is no Chromium on the PATH (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(address: str, browser: Any) -> Iterator[Any]:
    """The page of the service; an error of its script fails the test."""
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(error))  # noqa: PLW0108 - gets an attribute
    page.set_default_timeout(LONGEST * 1000)
    page.goto(address)
    yield page
    page.close()
    assert not errors


def ends_with(page: Any, state: str) -> str:
    """Wait for a state of the page and return the page's text."""
    page.wait_for_selector(f"#state.{state}")
    return str(page.inner_text("#state"))


def test_tokens_calls_and_cost_are_shown(page: Any, workersai_server: Any) -> None:
    """The page shows the call with its arguments, the tool's result, the answer and its cost."""
    workersai_server.calls("machine_price", {"machine": "kiln", "hours": 3})
    workersai_server.answers("The kiln costs 28.50 euros for three hours.")
    page.click("#send")
    assert ends_with(page, "done") == "Done."
    calls = page.locator("#calls li").all_inner_texts()
    assert calls == ['machine_price {"machine":"kiln","hours":3}', "28.50 euros"]
    assert page.inner_text("#answer") == "The kiln costs 28.50 euros for three hours."
    page.wait_for_selector("#cost:not(:empty)")
    assert page.inner_text("#cost").startswith("2 calls, ")
    assert "$0.0000" in page.inner_text("#cost")


def test_stop_closes_the_connection_to_workers_ai(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop button ends the stream at Workers AI, which would go on without it."""
    engine = EndlessEngine()
    with LocalServer(engine) as server:
        monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
        page.click("#send")
        page.wait_for_selector("#answer:not(:empty)")
        assert not engine.was_ended.is_set()
        page.click("#stop")
        assert engine.was_ended.wait(LONGEST)
        assert ends_with(page, "stopped") == "Stopped."
        assert page.inner_text("#answer").startswith("word word")
        assert page.is_enabled("#send")


def test_a_broken_stream_is_marked(page: Any, workersai_server: Any) -> None:
    """The page keeps the text of a broken answer and does not show it as complete."""
    workersai_server.cuts("The kiln costs 28.50 euros for three hours.", after=3)
    page.click("#send")
    said = ends_with(page, "broken")
    assert said.startswith("The answer broke off.")
    assert "StreamInterruptedError" in said
    assert page.inner_text("#answer") == "The kiln costs"
    page.wait_for_selector("#cost:not(:empty)")
    assert page.inner_text("#cost").endswith("cost unknown")
    assert page.is_enabled("#send")


def test_an_error_is_shown(page: Any, workersai_server: Any) -> None:
    """The page shows the reason of a refusal by Workers AI."""
    workersai_server.fails(4006, times=5)
    page.click("#send")
    assert "QuotaExceededError" in ends_with(page, "broken")
