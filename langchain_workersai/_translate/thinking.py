"""Convert the events of a stream with `<think>` tags to LangChain chunks with reasoning."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_workersai._translate.chunks import ChunkStream
from workersai import ModelProfile as ModelFacts
from workersai.integration import RoundEvent, ThinkingEvents


class ThinkingStream:
    """As `ChunkStream`, for a stream whose text contains reasoning."""

    def __init__(
        self,
        *,
        model: str,
        has_functions: bool = False,
        facts: ModelFacts | None = None,
        run_id: str | None = None,
    ) -> None:
        """Prepare for a stream.

        Args:
            model: As in `ChunkStream`.
            has_functions: As in `ChunkStream`.
            facts: As in `ChunkStream`.
            run_id: As in `ChunkStream`.
        """
        self._events = ThinkingEvents()
        self._chunks = ChunkStream(
            model=model, has_functions=has_functions, facts=facts, run_id=run_id
        )

    def feed(self, event: RoundEvent) -> tuple[ChatGenerationChunk, ...]:
        """Convert one event."""
        return tuple(chunk for e in self._events.feed(event) for chunk in self._chunks.feed(e))

    def messages(self, event: RoundEvent) -> Sequence[AIMessageChunk]:
        """As `ChunkStream.messages`."""
        return [made for e in self._events.feed(event) for made in self._chunks.messages(e)]
