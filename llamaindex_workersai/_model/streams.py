"""Convert the items of a stream, which arrive in lists, sync and async."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, closing
from itertools import chain
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

from llamaindex_workersai._model.usage import Reporting
from workersai import ChatResult
from workersai.integration import partial_as

ItemT = TypeVar("ItemT")
ReadT = TypeVar("ReadT", bound=ChatResponse | CompletionResponse)


def read_stream(
    lists: Generator[Sequence[ItemT], None, None],
    read: Reporting[ItemT, ReadT],
    partial: Callable[[ChatResult], Any],
) -> Generator[ReadT, None, None]:
    """Yield the converted items; leaving early closes the source.

    Args:
        lists: The items, in the lists in which they arrive.
        read: Converts one item.
        partial: Converts the part of an answer that arrived before its stream broke.
    """
    with partial_as(partial), closing(lists), read:
        for items in lists:
            yield from chain.from_iterable(map(read, items))


async def aread_stream(
    lists: AsyncGenerator[Sequence[ItemT], None],
    read: Reporting[ItemT, ReadT],
    partial: Callable[[ChatResult], Any],
) -> AsyncGenerator[ReadT, None]:
    """As `read_stream`, asynchronously."""
    with partial_as(partial), read:
        async with aclosing(lists):
            async for items in lists:
                for found in chain.from_iterable(map(read, items)):
                    yield found
