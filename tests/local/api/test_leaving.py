"""A client that disconnects while an engine works in a thread."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

from workersai.local.api.app import _closing


async def test_a_working_engine_is_not_closed() -> None:
    """The server does not close the generator of an engine that is still running."""
    working, finish = threading.Event(), threading.Event()

    def engine() -> Iterator[bytes]:
        yield b"one"
        working.set()
        finish.wait(5)
        yield b"two"

    async def first_only() -> AsyncIterator[bytes]:
        yield b"one"

    events = engine()
    assert next(events) == b"one"
    thread = threading.Thread(target=lambda: next(events))
    thread.start()
    working.wait(5)
    assert [data async for data in _closing(first_only(), events)] == [b"one"]
    finish.set()
    thread.join()
