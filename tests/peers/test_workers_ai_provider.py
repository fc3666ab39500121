"""Cloudflare's own client for TypeScript against the local server.

`make test-peers` installs the client and runs these tests; elsewhere they are skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workersai.local import LocalServer

HERE = Path(__file__).parent
NODE = shutil.which("node")
MODELS = (
    "@cf/ibm-granite/granite-4.0-h-micro",
    "@cf/aisingapore/gemma-sea-lion-v4-27b-it",
    "@cf/zai-org/glm-4.7-flash",
)
SUNNY = "get_weather answered: sunny in Oslo"

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (HERE / "node_modules").is_dir(), reason="`make test-peers` installs the client"
    ),
    pytest.mark.timeout(180),
]

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found(server: LocalServer) -> Found:
    """Return the outcome of every task, by task and model."""
    assert NODE is not None
    where = (server.base_url, server.account_id, server.api_token)
    done = subprocess.run(
        [NODE, "workers_ai_provider.mjs", *where, *MODELS],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: Found = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("model", MODELS)
def test_chat(found: Found, model: str) -> None:
    """The client reads text, finish reason and tokens of a plain answer."""
    answer = found[f"chat {model}"]

    assert answer["text"] == "You said: Hi"
    assert answer["finishReason"] == "stop"
    assert answer["tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_stream(found: Found, model: str) -> None:
    """The client reads the same answer from a stream as from a plain answer."""
    answer = found[f"stream {model}"]

    assert answer.pop("pieces") > 1
    assert answer == found[f"chat {model}"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("task", ["tools", "streamed_tools"])
def test_tools(found: Found, task: str, model: str) -> None:
    """The model calls the client's tools, described by zod, once and answers with the result."""
    answer = found[f"{task} {model}"]

    assert answer["calls"] == [["get_weather", {"city": "Oslo"}]]
    assert answer["text"] == SUNNY


@pytest.mark.parametrize("model", MODELS)
def test_structured_output(found: Found, model: str) -> None:
    """The answer meets the client's JSON schema."""
    assert found[f"structured {model}"] == {"name": "Anna", "age": 34}


def test_embeddings(found: Found) -> None:
    """The client reads one vector for each text."""
    assert found["embeddings"] == [384, 384]


def test_rerank(found: Found) -> None:
    """The client reads the best documents first."""
    ranked = found["rerank"]

    assert len(ranked) == 2
    assert ranked[0] == 1
