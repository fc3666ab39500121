"""Cassettes that users record with `vcr_config`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vcr import VCR
from vcr.errors import CannotOverwriteExistingCassetteException

from langchain_workersai import ChatWorkersAI
from workersai.testing import ScriptedServer, vcr_config

GRANITE = "@cf/ibm-granite/granite-4.0-h-micro"
TOKEN = "a-token-that-must-not-show"
OTHER = "f" * 32


def ask(text: str, **settings: Any) -> str:
    """Return a chat model's answer."""
    return str(ChatWorkersAI(model=GRANITE, **settings).invoke(text).content)


@pytest.mark.usefixtures("loopback")
def test_a_recording_has_no_secret_and_replays_by_body(tmp_path: Path) -> None:
    """A cassette of one account answers another account, but not another prompt."""
    recorder = VCR(cassette_library_dir=str(tmp_path), **vcr_config())
    with ScriptedServer() as server:
        server.answers("recorded")
        connection = {
            "base_url": server.base_url,
            "account_id": server.account_id,
            "api_token": server.api_token,
        }
        with recorder.use_cassette("one.yaml", record_mode="once"):
            assert ask("Hello", **connection) == "recorded"
    text = (tmp_path / "one.yaml").read_text()
    assert server.api_token not in text
    assert server.account_id not in text
    assert "cf-ray" not in text.lower()
    assert "authorization" not in text.lower()

    elsewhere = {**connection, "account_id": OTHER, "api_token": TOKEN, "max_retries": 0}
    with recorder.use_cassette("one.yaml", record_mode="none"):
        assert ask("Hello", **elsewhere) == "recorded"
    with (
        recorder.use_cassette("one.yaml", record_mode="none"),
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        ask("Another prompt", **elsewhere)
