"""The documentation's programs run."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from llama_index_instrumentation import get_dispatcher

from workersai.local import LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "llamaindex.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # agents look at pydantic's old names
@pytest.mark.usefixtures("loopback")
async def test_every_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's programs, from first to last, work against a local server."""
    programs = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    root = get_dispatcher()
    monkeypatch.setattr(root, "event_handlers", [*root.event_handlers])  # the page adds one
    with LocalServer(engine="echo") as server:
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
        monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
        for program in programs:
            code = compile(program, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            done = eval(code, names)
            if inspect.iscoroutine(done):
                await done
    assert len(programs) == 6
