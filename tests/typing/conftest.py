"""Deselects the type checkers, which take half a minute, unless `-m types` asks for them."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the checkers unless the run selects their marker."""
    if "types" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("types")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
