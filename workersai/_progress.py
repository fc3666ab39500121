"""A progress bar over texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workersai.errors import ConfigurationError

__all__ = ["progress"]


@contextmanager
def progress(total: int | None, *, wanted: bool) -> Iterator[Callable[[int], None] | None]:
    """Show a progress bar while the block runs.

    Args:
        total: How many texts there are; `None` if unknown.
        wanted: Whether to show a bar at all.

    Yields:
        A function to call with the number of texts in each answer; `None` without a bar.

    Raises:
        ConfigurationError: If *wanted* is true and tqdm is not installed.
    """
    if not wanted:
        yield None
        return
    try:
        from tqdm import tqdm  # type: ignore[import-untyped] # noqa: PLC0415 - only for those who ask; has no types
    except ImportError:
        raise ConfigurationError(
            "show_progress: the bar needs tqdm; pip install tqdm", parameter="show_progress"
        ) from None
    with tqdm(total=total, desc="Embedding", unit="text") as bar:
        yield lambda done: bar.update(done) and None
