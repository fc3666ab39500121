"""Text with `<think>` tags -> what is said and what is thought, apart.

Some models (deepseek-r1 was seen to) write their reasoning into the answer between these tags
instead of into a field of its own. Taking it out is a choice, because text is text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from workersai.events import ReasoningDelta, TextDelta
from workersai.results import ChatResult, Choice

__all__ = ["ThinkSplitter", "without_think_tags"]

Delta: TypeAlias = ReasoningDelta | TextDelta

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Splits the text of one answer at the tags, however it is cut into pieces.

    A tag that is never closed means that the model was cut off while it thought: what follows it
    is reasoning.
    """

    def __init__(self) -> None:
        self._held = ""
        self._is_inside = False
        self._is_after_tag = False

    def feed(self, text: str) -> list[Delta]:
        """Read a piece; what may be the beginning of a tag waits for the next one."""
        deltas: list[Delta] = []
        rest = self._held + text
        while (tag := _CLOSE if self._is_inside else _OPEN) in rest:
            before, _, rest = rest.partition(tag)
            deltas += self._said(before)
            self._is_inside = not self._is_inside
            self._is_after_tag = True
        begun = next((size for size in range(len(tag) - 1, 0, -1) if rest.endswith(tag[:size])), 0)
        self._held = rest[len(rest) - begun :]
        return deltas + self._said(rest[: len(rest) - begun])

    def close(self) -> list[Delta]:
        """Return what was held back after all."""
        held, self._held = self._held, ""
        return self._said(held)

    def _said(self, text: str) -> list[Delta]:
        # The line breaks after a tag belong to it.
        text = text.lstrip() if self._is_after_tag else text
        if not text:
            return []
        self._is_after_tag = False
        return [ReasoningDelta(text)] if self._is_inside else [TextDelta(text)]


def without_think_tags(result: ChatResult) -> ChatResult:
    """Return a whole answer with the reasoning taken out of its text, choice by choice."""
    return replace(result, choices=tuple(map(_split, result.choices)))


def _split(choice: Choice) -> Choice:
    splitter = ThinkSplitter()
    deltas = splitter.feed(choice.text) + splitter.close()
    thought = "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return replace(choice, text=said, reasoning=choice.reasoning + thought)
