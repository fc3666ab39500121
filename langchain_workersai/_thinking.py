"""Answers with `<think>` in their text -> answers with reasoning.

Some models (deepseek-r1 was seen to) write their reasoning into the answer between these tags
instead of into a field of its own. Taking it out is a choice, because text is text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from workersai import ChatEvent, ChatResult, Choice, ReasoningDelta, TextDelta

OPEN, CLOSE = "<think>", "</think>"

Out_co = TypeVar("Out_co", covariant=True)


class Feed(Protocol[Out_co]):
    """What reads a stream's events."""

    def feed(self, event: ChatEvent) -> tuple[Out_co, ...]:
        """Read one event."""
        ...


class ThinkSplitter:
    """Splits text at the tags, however it is cut into pieces."""

    def __init__(self) -> None:
        """Begin outside of the tags."""
        self._held = ""
        self._inside = False
        self._fresh = False

    def feed(self, text: str) -> list[ReasoningDelta | TextDelta]:
        """Read a piece; the beginning of what may be a tag waits for the next one."""
        rest, deltas = self._held + text, []
        while (place := rest.find(tag := CLOSE if self._inside else OPEN)) >= 0:
            deltas += self._said(rest[:place])
            rest = rest[place + len(tag) :]
            self._inside = not self._inside
            self._fresh = True
        held = next((n for n in range(len(tag) - 1, 0, -1) if rest.endswith(tag[:n])), 0)
        self._held = rest[len(rest) - held :]
        return deltas + self._said(rest[: len(rest) - held])

    def close(self) -> list[ReasoningDelta | TextDelta]:
        """What was held after all."""
        held, self._held = self._held, ""
        return self._said(held)

    def _said(self, text: str) -> list[ReasoningDelta | TextDelta]:
        # The line breaks around the tags belong to them.
        text = text.lstrip() if self._fresh else text
        if not text:
            return []
        self._fresh = False
        return [ReasoningDelta(text)] if self._inside else [TextDelta(text)]


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


def without_think_tags(result: ChatResult) -> ChatResult:
    """Take reasoning out of the text of a whole answer."""
    return replace(result, choices=tuple(_split(choice) for choice in result.choices))


def _split(choice: Choice) -> Choice:
    splitter = ThinkSplitter()
    deltas = splitter.feed(choice.text) + splitter.close()
    thought = "".join(d.text for d in deltas if isinstance(d, ReasoningDelta))
    said = "".join(d.text for d in deltas if isinstance(d, TextDelta))
    return replace(choice, text=said, reasoning=choice.reasoning + thought)
