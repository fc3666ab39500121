"""Every Python block of the documentation runs, in the order of its page, on the local server."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from llama_index_instrumentation import get_dispatcher

from tests.docs.examples import LEFT_OUT, PREPARATIONS
from tests.docs.pages import Page, Step, pages_of_docstrings, pages_of_files, steps_of
from workersai.testing import ScriptedServer

OUTPUT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
BLOCK = re.compile(r"^\s*```py", re.MULTILINE)
FILES = pages_of_files()
DOCSTRINGS = [page for page in pages_of_docstrings() if page.name not in LEFT_OUT]


class Run:
    """The state of a page that runs: its names, its event loop and what it printed last."""

    def __init__(self, page: Page, server: ScriptedServer, capture: pytest.CaptureFixture[str]):
        self._page = page
        self._capture = capture
        self._names: dict[str, Any] = {"__name__": "__page__"}
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._printed = ""

    def all_steps(self) -> None:
        """Run the page from top to bottom."""
        try:
            for step in self._page.steps:
                self._do(step)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _do(self, step: Step) -> None:
        if step.kind == "program":
            self._capture.readouterr()
            self._execute(step)
            self._printed = self._capture.readouterr().out
        elif step.kind in {"before", "after"}:
            self._names["server"] = self._server
            self._execute(step)
            del self._names["server"]
        elif step.kind == "output":
            assert doctest.OutputChecker().check_output(step.text, self._printed, OUTPUT), (
                f"{self._page.name}, line {step.line}: the program printed\n{self._printed}"
            )

    def _execute(self, step: Step) -> None:
        source = "\n" * step.line + step.text  # a traceback then has the page's line
        code = compile(source, self._page.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, self._names)
        if inspect.iscoroutine(result):
            self._loop.run_until_complete(result)


@pytest.fixture(scope="module")
def shared_server(loopback: None) -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def server(
    shared_server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[ScriptedServer]:
    """Prepare an empty folder and an environment, and undo what a page changes in the process."""
    monkeypatch.chdir(tmp_path)
    root = get_dispatcher()
    monkeypatch.setattr(root, "event_handlers", [*root.event_handlers])
    monkeypatch.setattr(root, "span_handlers", [*root.span_handlers])
    with mock.patch.dict(os.environ, shared_server.environment):
        yield shared_server
    assert shared_server.unused == 0, "a prepared answer was not asked for"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # frameworks look at their old names
@pytest.mark.parametrize("page", FILES, ids=lambda page: page.name)
def test_programs_of_a_page_run(
    page: Page, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The programs of a page run one after the other and print what the page says."""
    Run(page, server, capsys).all_steps()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("page", DOCSTRINGS, ids=lambda page: page.name)
def test_examples_of_a_docstring_run(
    page: Page, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples in a docstring run one after the other."""
    package = page.name.split("/")[0]
    source = f"from {package} import *\n{PREPARATIONS.get(page.name, '')}"
    prepared = Page(page.name, (Step("before", source, 0), *page.steps))
    Run(prepared, server, capsys).all_steps()


def test_tables_of_examples_name_docstrings() -> None:
    """Each entry of the tables in examples.py belongs to a docstring that has an example."""
    names = {page.name for page in pages_of_docstrings()}
    assert LEFT_OUT.keys() | PREPARATIONS.keys() <= names


def test_each_python_block_is_found() -> None:
    """The reader of pages misses no Python block of a file, wherever it stands on the page."""
    root = Path(__file__).parents[2]
    for page in FILES:
        blocks = BLOCK.findall((root / page.name).read_text())
        assert len(page.programs) + _left_out(page) == len(blocks), page.name
    assert sum(len(page.programs) for page in FILES) > 40


def _left_out(page: Page) -> int:
    return sum(step.kind == "left out" for step in page.steps)


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("<!-- not run: no GPU -->\n\ntext", "no Python block follows"),
        ("<!-- not run: no GPU -->\n```bash\nls\n```", "no Python block follows"),
        ("<!-- not run: -->\n```python\nx\n```", "say why"),
        ("```py\nx = 1\n```", "mark the block `python`"),
    ],
)
def test_reader_refuses_a_block_that_would_escape(markdown: str, message: str) -> None:
    """The reader raises for a comment without a block, without a reason, or another language."""
    with pytest.raises(ValueError, match=message):
        steps_of(markdown)
