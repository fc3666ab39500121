"""LangChain's own tests for chat models and embeddings, answered from recordings.

The package talks to `api.cloudflare.com` through its own HTTP engines, and vcrpy answers.
`make record` records from the local Workers AI; vcrpy refuses a request with another body.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from tests.cassettes.format import ACCOUNT, CASSETTES, MATCH_ON, scrub_varying
from tests.cassettes.recording import credentials, local_settings
from tests.langchain_workersai import test_standard_chat as chat
from tests.langchain_workersai import test_standard_embeddings as embeddings
from tests.langchain_workersai.scripted import GLM, SEA_LION

FOLDER = CASSETTES / "langchain_standard"

pytestmark = [pytest.mark.vcr, pytest.mark.usefixtures("known_to_load", "offline_media")]


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    """All recordings of the suite are in one folder, named `Class.test.yaml`."""
    return str(FOLDER)


@pytest.fixture(scope="session")
def vcr_config() -> dict[str, Any]:
    """Settings of recording and matching."""
    return {
        "match_on": MATCH_ON,
        "before_record_request": scrub_varying,
        "decode_compressed_response": True,
        "ignore_localhost": True,
        # The suite's benchmark sends the same request many times.
        "allow_playback_repeats": True,
    }


@pytest.fixture(scope="session", autouse=True)
def connection(record_mode: str) -> Iterator[dict[str, Any]]:
    """The connection settings: of recordings, of the local server or of Cloudflare."""
    if record_mode == "none":
        yield {"account_id": ACCOUNT, "api_token": "test-token"}
    elif os.environ.get("WORKERSAI_RECORD") == "live":
        yield asdict(credentials())
    else:
        with local_settings() as settings:
            yield settings


@pytest.fixture
def local(connection: dict[str, Any]) -> dict[str, Any]:
    """The settings that the classes of the suite connect with."""
    return connection


@pytest.fixture(autouse=True)
def _all_is_played(vcr: Any, record_mode: str) -> Iterator[None]:
    """Fail a test that no longer sends a recorded request."""
    yield
    if record_mode == "none" and vcr is not None:
        assert vcr.all_played, "not all recorded requests were made: `make record`?"


class _Recorded(chat._Integration):
    """The suite with its benchmark, which needs recordings."""

    @property
    def enable_vcr_tests(self) -> bool:
        return True


class TestGraniteRun(_Recorded):
    """Granite on the native endpoint."""


class TestGraniteOpenAI(_Recorded):
    """Granite on the compatible endpoint."""

    endpoint = "openai"


class TestGlmRun(_Recorded):
    """GLM, which reasons, on the native endpoint."""

    name = GLM


class TestSeaLionRun(_Recorded):
    """SEA-LION on the native endpoint."""

    name = SEA_LION


class TestEmbeddingsRun(embeddings._Integration):
    """Embeddings on the native endpoint; a small model, so that the recordings can be read."""

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {**super().embedding_model_params, "model": "@cf/baai/bge-small-en-v1.5"}


def test_every_recording_has_a_test() -> None:
    """Each recording of the suite belongs to a test that exists."""
    # A process of its own collects all tests, even if this run selects only some.
    collect = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--benchmark-disable"]
    process = subprocess.run([*collect, __file__], capture_output=True, text=True, check=True)
    names = (line.split("::")[1:] for line in process.stdout.splitlines() if "::" in line)
    tests = {".".join(name) for name in names}

    unused = [path.name for path in FOLDER.iterdir() if path.stem not in tests]

    assert unused == []
    assert {path.stem.partition(".")[0] for path in FOLDER.iterdir()} == {
        name.partition(".")[0] for name in tests if "." in name
    }
