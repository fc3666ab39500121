"""Streams: the items of a source -> what is read from them, sync and async."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from contextlib import aclosing, closing
from typing import Any, Protocol, TypeVar

from workersai import ChatResult
from workersai.integration import partial_as

ItemT = TypeVar("ItemT")
GivenT_co = TypeVar("GivenT_co", covariant=True)
ReadT = TypeVar("ReadT")


class Source(Protocol[GivenT_co]):
    """What gives items and can be closed before its end."""

    def __iter__(self) -> Iterator[GivenT_co]:
        """Give the items."""

    def close(self) -> object:
        """Let go of the connection."""


class AsyncSource(Protocol[GivenT_co]):
    """As `Source`, awaited."""

    def __aiter__(self) -> AsyncIterator[GivenT_co]:
        """Give the items."""

    def aclose(self) -> Awaitable[object]:
        """Let go of the connection."""


def read_stream(
    items: Source[ItemT],
    read: Callable[[ItemT], Iterable[ReadT]],
    partial: Callable[[ChatResult], Any],
) -> Generator[ReadT, None, None]:
    """Yield what is read from each item; leaving early closes the source.

    Args:
        items: The source.
        read: Reads one of them.
        partial: Reads what had come of an answer whose stream broke.
    """
    with partial_as(partial), closing(items):
        for item in items:
            yield from read(item)


async def aread_stream(
    items: AsyncSource[ItemT],
    read: Callable[[ItemT], Iterable[ReadT]],
    partial: Callable[[ChatResult], Any],
) -> AsyncGenerator[ReadT, None]:
    """As `read_stream`, awaited."""
    with partial_as(partial):
        async with aclosing(items):
            async for item in items:
                for found in read(item):
                    yield found
