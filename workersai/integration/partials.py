"""Convert the partial answer that an error carries to the framework's own form."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from workersai.errors import WorkersAIError
from workersai.results import ChatResult

__all__ = ["partial_as"]


class partial_as:  # noqa: N801 - reads as a statement: `with partial_as(read):`
    """Convert `.partial` of an error that leaves this block.

    Args:
        read: Converts a core result; its return value becomes the error's `.partial`.
    """

    def __init__(self, read: Callable[[ChatResult], Any]) -> None:
        self._read = read

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Replace the error's `.partial`; the error is raised further."""
        if isinstance(error, WorkersAIError) and isinstance(error.partial, ChatResult):
            error.partial = self._read(error.partial)
