"""What an engine is: a request goes in, and status, headers and bytes come out.

There are three: `_http` has a sync and an async one, and `_binding` reaches Workers AI from inside
a Worker. Clients know them by these protocols alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Protocol

from workersai._clocks import Clocks
from workersai._outgoing import Outgoing

__all__ = ["AsyncAnswer", "AsyncEngine", "SyncAnswer", "SyncEngine"]


class _Head(Protocol):
    """The head of an answer.

    Attributes:
        status: The HTTP status.
        is_error: Whether the status is an error.
        headers: By lower-case name.
    """

    @property
    def status(self) -> int: ...
    @property
    def is_error(self) -> bool: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


class SyncAnswer(_Head, Protocol):
    """The head of an answer, and its body while it comes."""

    def __iter__(self) -> Iterator[bytes]:
        """Give the body's bytes as they come; who stops early can go on later.

        Raises:
            APIConnectionError: If the body broke off, or a clock ran out.
            ResponseError: If the bytes cannot be decompressed.
        """
        ...

    def close(self, *, is_done: bool = False) -> None:
        """Let go of the answer; *is_done* says that all of it that matters was read."""
        ...


class AsyncAnswer(_Head, Protocol):
    """As `SyncAnswer`, awaited."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self, *, is_done: bool = False) -> None: ...


class SyncEngine(Protocol):
    """Sends requests.

    Attributes:
        secrets: What is secret in what the engine adds to a request.
    """

    @property
    def secrets(self) -> list[str]: ...

    def open(self, outgoing: Outgoing, clocks: Clocks) -> SyncAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            APIConnectionError: If there is no answer.
            ResponseError: If it cannot be read.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, and hold up what the engine's own waiting for an answer holds up."""
        ...

    def close(self) -> None:
        """Let go of what is open; the next call opens it anew."""
        ...


class AsyncEngine(Protocol):
    """As `SyncEngine`, awaited."""

    @property
    def secrets(self) -> list[str]: ...
    async def open(self, outgoing: Outgoing, clocks: Clocks) -> AsyncAnswer: ...
    async def sleep(self, seconds: float) -> None: ...
    async def aclose(self) -> None: ...
