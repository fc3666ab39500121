"""Without a network or a recording, a call fails at once, in the words of what blocked it."""

from __future__ import annotations

import time

import pytest
from pytest_socket import SocketBlockedError
from vcr import VCR
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.faults.conftest import Speaks

# pytest-socket warns of what it raises.
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")

HOW = ("plain", "stream")


@pytest.mark.parametrize("how", HOW)
def test_blocked_network(speaks: Speaks, no_waiting: list[float], how: str) -> None:
    """What blocks the network of tests is neither wrapped nor tried again."""
    speaker = speaks(base_url="http://127.0.0.1:9/client/v4")
    began = time.monotonic()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - looked at below
        speaker.either(how)
    assert time.monotonic() - began < 0.2
    # httpx connects by anyio's happy eyeballs, which give what they raise as a group.
    raised = getattr(caught.value, "exceptions", [caught.value])
    assert [type(error) for error in raised] == [SocketBlockedError]
    assert no_waiting == []


@pytest.mark.parametrize("how", HOW)
def test_missing_recording(
    speaks: Speaks, no_waiting: list[float], tmp_path: object, how: str
) -> None:
    """A request that is in no recording is vcrpy's error, neither wrapped nor tried again."""
    speaker = speaks(base_url="http://127.0.0.1:9/client/v4")
    recorder = VCR(cassette_library_dir=str(tmp_path), record_mode="none")
    began = time.monotonic()
    with (
        recorder.use_cassette("none.yaml"),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        speaker.either(how)
    assert time.monotonic() - began < 0.2
    assert no_waiting == []
