"""The documentation's programs run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from workersai.local import LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


@pytest.mark.usefixtures("loopback")
def test_every_example_of_the_client_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's programs, from first to last, work against a strict local server."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    with LocalServer(engine="echo", strict=True) as server:
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
        monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
        for program in programs:
            exec(compile(program, str(PAGE), "exec"), names)
        names["client"].close()
    written = capsys.readouterr().out
    assert len(programs) == 6
    assert "Name a lake." in written
    assert "failed:" not in written
    assert "temperature" in written
