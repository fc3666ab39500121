"""Type checkers take half a minute: `make test-types`, or `-m types`, asks for them."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the checkers out of a run that does not ask for them by their mark."""
    if "types" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("types")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]
