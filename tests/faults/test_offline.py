"""If a test tool blocks the network or has no recording, a call raises the tool's error at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pytest_socket import SocketBlockedError
from vcr import VCR
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.faults.conftest import Speaks

# pytest-socket also warns of the error that it raises.
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")

HOW = ("plain", "stream")


def at_once(fail: Callable[[], None]) -> None:
    """Fail several times: the first call imports modules, and a busy machine may be slow."""
    for _ in range(10):
        began = time.monotonic()
        fail()
        if time.monotonic() - began < 0.05:
            return
    pytest.fail("Ten times it took more than 50 ms, which no busy machine explains.")


@pytest.mark.parametrize("how", HOW)
def test_blocked_network(speaks: Speaks, no_waiting: list[float], how: str) -> None:
    """The client neither wraps nor retries the error of pytest-socket, and raises it in 50 ms."""
    speaker = speaks(base_url="http://127.0.0.1:9/client/v4")

    def fail() -> None:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - looked at below
            speaker.either(how)
        # httpx connects by anyio's happy eyeballs, which give what they raise as a group.
        raised = getattr(caught.value, "exceptions", [caught.value])
        assert [type(error) for error in raised] == [SocketBlockedError]

    at_once(fail)
    assert no_waiting == []


@pytest.mark.parametrize("how", HOW)
def test_missing_recording(
    speaks: Speaks, no_waiting: list[float], tmp_path: object, how: str
) -> None:
    """The client neither wraps nor retries the error of vcrpy, and raises it in 50 ms."""
    speaker = speaks(base_url="http://127.0.0.1:9/client/v4")
    recorder = VCR(cassette_library_dir=str(tmp_path), record_mode="none")

    def fail() -> None:
        with (
            recorder.use_cassette("none.yaml"),
            pytest.raises(CannotOverwriteExistingCassetteException),
        ):
            speaker.either(how)

    at_once(fail)
    assert no_waiting == []
