"""The protocols of engines: they take a request and return status, headers and bytes.

There are three implementations: `_http` has a sync and an async one, and `_binding` reaches Workers
AI from inside a Worker. Clients use only these protocols.
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
    """The head of an answer, and an iterator over its body."""

    def __iter__(self) -> Iterator[bytes]:
        """Return an iterator over the body's bytes; a caller that stops early can continue later.

        Raises:
            APIConnectionError: If the body broke off, or a clock ran out.
            ResponseError: If the bytes cannot be decompressed.
        """
        ...

    def close(self, *, is_done: bool = False) -> None:
        """Release the answer; *is_done* means that the rest is not needed."""
        ...


class AsyncAnswer(_Head, Protocol):
    """As `SyncAnswer`, asynchronously."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def aclose(self, *, is_done: bool = False) -> None: ...


class SyncEngine(Protocol):
    """Sends requests.

    Attributes:
        secrets: Secrets that the engine adds to a request.
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
        """Wait; block the same threads or tasks as waiting for an answer does."""
        ...

    def close(self) -> None:
        """Release open connections; the next call opens new ones."""
        ...


class AsyncEngine(Protocol):
    """As `SyncEngine`, asynchronously."""

    @property
    def secrets(self) -> list[str]: ...
    async def open(self, outgoing: Outgoing, clocks: Clocks) -> AsyncAnswer: ...
    async def sleep(self, seconds: float) -> None: ...
    async def aclose(self) -> None: ...
