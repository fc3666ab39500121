"""The notebooks of the documentation run against the local server."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workersai.local import LocalServer

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def server(loopback: None) -> Iterator[LocalServer]:
    with LocalServer(engine="echo") as running:
        yield running


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return cells


def code_of(path: Path) -> Iterator[str]:
    for cell in cells_of(path):
        if cell["cell_type"] == "code" and "skip-execution" not in cell["metadata"].get("tags", ()):
            yield "".join(cell["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_every_cell_runs(
    path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each notebook runs all its cells in order, and sends requests to the server."""
    monkeypatch.setenv("WORKERSAI_BASE_URL", server.base_url)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", server.account_id)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", server.api_token)
    names: dict[str, Any] = {"__name__": "__main__"}
    before = len(server.requests)
    for source in code_of(path):
        code = compile(source, str(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.iscoroutine(result):
            await result
    assert len(server.requests) > before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_say_where_they_come_from(path: Path) -> None:
    """Each notebook has outputs without errors, and names the stand-in as their source."""
    cells = cells_of(path)
    assert "come from the rule-based stand-in" in "".join(cells[0]["source"])
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert len(outputs) >= 3
    assert not [output for output in outputs if output["output_type"] == "error"]
    text = path.read_text()
    assert "127.0.0.1" not in text
    assert "local-token" not in text
