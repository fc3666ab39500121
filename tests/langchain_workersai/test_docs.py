"""The documentation's programs run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from workersai.local import LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "langchain.md"


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"Sunny in {city}."


@pytest.mark.usefixtures("loopback")
def test_every_example_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The page's programs, from first to last, work against a local server."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {
        "get_weather": get_weather,
        "BaseModel": BaseModel,
        "AIMessage": AIMessage,
        "texts": ["Bees make honey.", "Rivers flow."],
    }
    monkeypatch.chdir(tmp_path)
    with LocalServer(engine="echo") as server:
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
        monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
        for program in programs:
            exec(compile(program, str(PAGE), "exec"), names)
    assert len(programs) == 10
    assert names["costs"].total.calls == 2
