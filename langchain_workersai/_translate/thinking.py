"""A stream's events with `<think>` in their text -> the same stream with reasoning."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from workersai import ChatEvent, TextDelta, ThinkSplitter

Out_co = TypeVar("Out_co", covariant=True)


class Feed(Protocol[Out_co]):
    """What reads a stream's events."""

    def feed(self, event: ChatEvent) -> tuple[Out_co, ...]:
        """Read one event."""
        ...


class ThinkingStream(Generic[Out_co]):
    """Takes reasoning out of the text of a stream on its way to another reader."""

    def __init__(self, reader: Feed[Out_co]) -> None:
        """Begin.

        Args:
            reader: What reads the events then.
        """
        self._reader = reader
        self._splitter = ThinkSplitter()

    def feed(self, event: ChatEvent) -> tuple[Out_co, ...]:
        """Read one event, as the reader does."""
        if isinstance(event, TextDelta) and event.logprobs is None:
            deltas = self._splitter.feed(event.text)
            return tuple(out for delta in deltas for out in self._reader.feed(delta))
        before = tuple(out for d in self._splitter.close() for out in self._reader.feed(d))
        return (*before, *self._reader.feed(event))
