"""Run the steps of a page."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
from typing import Any

import pytest

from tests.docs.pages import Page, Step
from workersai.testing import ScriptedServer

OUTPUT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


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
