"""Convert the items of a stream, sync and async."""

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
    """An iterable that can be closed before its end."""

    def __iter__(self) -> Iterator[GivenT_co]:
        """Iterate over the items."""

    def close(self) -> object:
        """Release the connection."""


class AsyncSource(Protocol[GivenT_co]):
    """As `Source`, asynchronously."""

    def __aiter__(self) -> AsyncIterator[GivenT_co]:
        """Iterate over the items."""

    def aclose(self) -> Awaitable[object]:
        """Release the connection."""


def read_stream(
    items: Source[ItemT],
    read: Callable[[ItemT], Iterable[ReadT]],
    partial: Callable[[ChatResult], Any],
) -> Generator[ReadT, None, None]:
    """Yield the converted items; leaving early closes the source.

    Args:
        items: The source.
        read: Converts one item.
        partial: Converts the part of an answer that arrived before its stream broke.
    """
    with partial_as(partial), closing(items):
        for item in items:
            yield from read(item)


async def aread_stream(
    items: AsyncSource[ItemT],
    read: Callable[[ItemT], Iterable[ReadT]],
    partial: Callable[[ChatResult], Any],
) -> AsyncGenerator[ReadT, None]:
    """As `read_stream`, asynchronously."""
    with partial_as(partial):
        async with aclosing(items):
            async for item in items:
                for found in read(item):
                    yield found
