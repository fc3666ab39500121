"""What the tests of this face share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect what LlamaIndex leaves open here, and not in another test."""
    yield
    gc.collect()
