"""The programs of the short pages of the documentation run against the local server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workersai.local import LocalServer

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("migrating-from-others.md", "quickstart-langchain.md", "quickstart-llamaindex.md")


@pytest.fixture(scope="module")
def server(loopback: None) -> Iterator[LocalServer]:
    with LocalServer(engine="echo") as running:
        yield running


@pytest.mark.parametrize("page", PAGES)
def test_every_program_of_a_page_runs(
    page: str, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code blocks of a page run one after the other, and ask the server."""
    monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
    programs = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": page}
    asked = len(server.requests)
    for program in programs:
        exec(compile(program, page, "exec"), names)
    assert len(programs) >= 2
    assert len(server.requests) > asked
