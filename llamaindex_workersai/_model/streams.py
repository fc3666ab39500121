"""Streams: what a generator yields -> what is read from it, in both colours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, closing
from typing import TypeVar

ItemT = TypeVar("ItemT")
ReadT = TypeVar("ReadT")


def read_stream(
    items: Generator[ItemT, None, None], read: Callable[[ItemT], Iterable[ReadT]]
) -> Generator[ReadT, None, None]:
    """Yield what is read from each item; leaving early closes the source."""
    with closing(items):
        for item in items:
            yield from read(item)


async def aread_stream(
    items: AsyncGenerator[ItemT, None], read: Callable[[ItemT], Iterable[ReadT]]
) -> AsyncGenerator[ReadT, None]:
    """Yield what is read from each item; leaving early closes the source."""
    async with aclosing(items):
        async for item in items:
            for found in read(item):
                yield found
