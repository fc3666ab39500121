"""The core inside Pyodide, in Node, on a binding that is a JavaScript object.

`make test-workers` installs Pyodide and the requirements of the core there, and runs these tests;
elsewhere they are skipped. No test asks Cloudflare: `env.AI` follows workerd's public source, and
scripts and the local server answer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workers.checks import NAMES
from workersai.local import LocalServer

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SITE = HERE / "node_modules" / ".site"
NODE = shutil.which("node")
PREVIEWS = ("--experimental-wasm-jspi", "--experimental-wasm-stack-switching",
            "--harmony-json-parse-with-source")  # fmt: skip
"""What newer versions of Node, and Workers, have without being asked."""

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(not SITE.is_dir(), reason="`make test-workers` installs Pyodide"),
    pytest.mark.skipif(
        "WORKERSAI_TEST_PYODIDE" not in os.environ, reason="`make test-workers` runs these"
    ),
    pytest.mark.timeout(600),
]

Found = dict[str, Any]


@pytest.fixture(scope="module")
def server(loopback: None) -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="module")
def found(server: LocalServer) -> Found:
    """Return the report of one run."""
    assert NODE is not None
    known = subprocess.run([NODE, "--v8-options"], capture_output=True, text=True, check=True)
    previews = [name for name in PREVIEWS if name in known.stdout]
    url = f"{server.base_url}/accounts/{server.account_id}/ai"
    done = subprocess.run(
        [NODE, *previews, "run.mjs", str(ROOT), str(SITE), url, server.api_token],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: Found = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", NAMES)
def test_it_is_as_over_http(found: Found, name: str) -> None:
    """Each scenario sends the same request and has the same outcome as over HTTP, and each check
    passes.
    """
    assert found["results"][name] is None


def test_nothing_else_was_run(found: Found) -> None:
    """The report has exactly the listed checks."""
    assert set(found["results"]) == set(NAMES)


def test_no_engine_is_imported(found: Found, record_property: Any) -> None:
    """`import workersai` and a binding import no sockets, TLS or HTTP library."""
    for name, value in found["imports"].items():  # the figures of docs/workers.md
        record_property(name, value)
    assert found["imports"]["unwanted"] == []


def test_no_proxy_is_left(found: Found) -> None:
    """After the run JavaScript holds no proxy of a Python object."""
    assert found["proxies"] == 0


def test_no_promise_fails_unseen(found: Found) -> None:
    """No promise rejects without a handler, which a Worker would log as an error."""
    assert found["unhandled"] == []
