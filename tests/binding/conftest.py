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
    """Set `can` to False on this object to make `run_sync` unavailable; it is True by default."""
    yield _suspending
    _suspending.can = True


@pytest.fixture(autouse=True)
def _pyodide(monkeypatch: pytest.MonkeyPatch, suspending: Suspending) -> None:
    """Make Python look as if it ran in JavaScript."""
    install(monkeypatch, suspending)
    AbortController.made.clear()
