"""Fixtures of the tests of the binding: Python in JavaScript, or its double."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.binding.javascript import AbortController, Suspending, install


@pytest.fixture(scope="session")
def _suspending() -> Iterator[Suspending]:
    made = Suspending()
    yield made
    made.close()


@pytest.fixture
def suspending(_suspending: Suspending) -> Iterator[Suspending]:
    """Whether functions can wait for promises; they can, unless a test sets `can`."""
    yield _suspending
    _suspending.can = True


@pytest.fixture(autouse=True)
def _pyodide(monkeypatch: pytest.MonkeyPatch, suspending: Suspending) -> None:
    """Let Python believe that it runs in JavaScript."""
    install(monkeypatch, suspending)
    AbortController.made.clear()
