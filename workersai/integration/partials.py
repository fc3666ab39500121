"""The part of an answer that an error carries -> the framework's own form of it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from workersai.errors import WorkersAIError
from workersai.results import ChatResult

__all__ = ["partial_as"]


class partial_as:  # noqa: N801 - reads as a statement: `with partial_as(read):`
    """Inside this block, `.partial` of an error that passes is read as a whole answer would be.

    Args:
        read: Reads a core result; what it returns is the error's `.partial` then.
    """

    def __init__(self, read: Callable[[ChatResult], Any]) -> None:
        self._read = read

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Change the error, and let it pass."""
        if isinstance(error, WorkersAIError) and isinstance(error.partial, ChatResult):
            error.partial = self._read(error.partial)
