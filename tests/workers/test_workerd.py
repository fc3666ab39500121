"""The binding `env.AI` of Cloudflare's runtime: the behaviour on which the engine relies.

`make test-workers` installs workerd and runs these tests; elsewhere they are skipped. A stand-in of
a few lines answers behind the binding: the answers of Workers AI are not tested.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
WORKERD = HERE / "node_modules" / ".bin" / "workerd"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not WORKERD.exists(), reason="`make test-workers` installs workerd"),
    pytest.mark.skipif(
        "WORKERSAI_TEST_PYODIDE" not in os.environ, reason="`make test-workers` runs these"
    ),
    pytest.mark.timeout(120),
]

Found = dict[str, Any]


@pytest.fixture(scope="module")
def address(loopback: None) -> Iterator[str]:
    """Start a Worker and return its address."""
    running = subprocess.Popen(
        [str(WORKERD), "serve", "workerd/config.capnp", "--experimental", "--control-fd=1"],
        cwd=HERE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout is not None
    yield f"http://127.0.0.1:{json.loads(running.stdout.readline())['port']}/"
    running.terminate()
    running.wait()
    running.stdout.close()


@pytest.fixture(scope="module")
def found(address: str) -> Found:
    """Return the Worker's report."""
    with urllib.request.urlopen(address, timeout=60) as response:
        answers: Found = json.load(response)
    return answers


def test_it_is_the_runtime_s_own_class(found: Found) -> None:
    """The binding has the class name by which Cloudflare's Python SDK recognises and wraps it."""
    assert found["binding"] == "Ai"


def test_numbers_keep_their_digits(found: Found) -> None:
    """The runtime has `JSON.rawJSON`, the binding writes its digits, and `null` stays `null`."""
    assert found["raw_json"] == "function"
    inputs = json.loads(found["sent"]["body"])["inputs"]
    assert inputs == {"n": 9007199254740993, "nothing": None}


def test_options_go_beside_the_inputs(found: Found) -> None:
    """The upstream request has the options, without headers and signal, and a gateway's own
    route.
    """
    options = json.loads(found["sent"]["body"])["options"]
    assert options == {
        "returnRawResponse": True,
        "rejectIfBusy": True,
        "queueRequest": True,
        "gateway": {"id": "mine", "skipCache": True},
    }
    assert "/ai-gateway/run" in found["sent"]["url"]


def test_extra_headers_are_sent(found: Found) -> None:
    """The upstream request has the headers of session affinity and of the attempt."""
    headers = found["sent"]["headers"]
    assert headers["x-session-affinity"] == "talk"
    assert headers["idempotency-key"] == "key"


def test_the_answer_is_a_response_with_its_headers(found: Found) -> None:
    """The binding returns a `Response` with the upstream's headers."""
    assert found["sent"]["kind"] == "Response"


def test_an_error_is_an_answer_or_is_thrown(found: Found) -> None:
    """With `returnRawResponse` an error is a `Response` with status and body; without it the
    binding throws its code.
    """
    assert found["refused"]["status"] == 400
    assert found["refused"]["internalCode"] == 5007
    assert found["refused_without_raw"] == "AiError: 5007: No such model"


def test_another_call_takes_the_response_away(found: Found) -> None:
    """The options stay in the binding: our call returns the parsed answer if another call begins.

    If this test fails, the runtime keeps the options of calls apart, and `read_head` need not read
    parsed answers.
    """
    assert found["beside_another_call"] == ["Object", "Object"]


def test_the_signal_aborts_a_call(found: Found) -> None:
    """An aborted signal ends a waiting call at once."""
    assert found["aborted"] == "AbortError: The operation was aborted"


def test_the_reader_can_be_cancelled_and_the_call_aborted(found: Found) -> None:
    """The engine's way to cancel a reader and abort a call works, and bytes come as a
    `Uint8Array`.
    """
    assert found["cancelled"] == ["Uint8Array", True]


def test_models_are_listed(found: Found) -> None:
    """`models` takes the filters and returns the list without an envelope."""
    assert found["models"] == [{"name": "?search=granite"}]
