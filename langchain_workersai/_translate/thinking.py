"""A stream's events with `<think>` in their text -> LangChain chunks with reasoning."""

from __future__ import annotations

from langchain_core.outputs import ChatGenerationChunk

from langchain_workersai._translate.chunks import ChunkStream
from workersai.integration import RoundEvent, ThinkingEvents


class ThinkingStream:
    """As `ChunkStream`, of a stream whose text has reasoning in it."""

    def __init__(self, *, model: str, has_functions: bool = False) -> None:
        """Begin.

        Args:
            model: As of `ChunkStream`.
            has_functions: As of `ChunkStream`.
        """
        self._events = ThinkingEvents()
        self._chunks = ChunkStream(model=model, has_functions=has_functions)

    def feed(self, event: RoundEvent) -> tuple[ChatGenerationChunk, ...]:
        """Read one event."""
        return tuple(chunk for e in self._events.feed(event) for chunk in self._chunks.feed(e))
