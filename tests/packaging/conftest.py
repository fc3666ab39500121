"""Tests that install packages run only with `-m installs`: they take minutes and the index."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that install packages, unless their marker is selected."""
    if "installs" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("installs")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
