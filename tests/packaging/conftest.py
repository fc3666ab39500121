"""Installing takes minutes and the package index; run these tests with `-m installs`."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that install out, unless their marker is named."""
    if "installs" in config.option.markexpr:
        return
    slow = [item for item in items if item.get_closest_marker("installs")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
