"""Streams: what a generator yields -> what is read from it, in both colours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, closing
from typing import Any, TypeVar

from workersai import ChatResult
from workersai.integration import partial_as

ItemT = TypeVar("ItemT")
ReadT = TypeVar("ReadT")


def read_stream(
    items: Generator[ItemT, None, None],
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
    items: AsyncGenerator[ItemT, None],
    read: Callable[[ItemT], Iterable[ReadT]],
    partial: Callable[[ChatResult], Any],
) -> AsyncGenerator[ReadT, None]:
    """As `read_stream`, awaited."""
    with partial_as(partial):
        async with aclosing(items):
            async for item in items:
                for found in read(item):
                    yield found
