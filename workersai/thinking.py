"""Split text with `<think>` tags into answer and reasoning.

Some models (observed: deepseek-r1 and qwq) write their reasoning into the answer between these
tags instead of into a separate field; qwq sometimes omits the opening tag. Splitting is optional,
because the tags may also be ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias, overload

from workersai.events import (
    AskedAgain,
    ChatEvent,
    ChatFinish,
    ReasoningDelta,
    RoundEvent,
    TextDelta,
)
from workersai.results import ChatChoice, ChatResult

__all__ = ["ThinkSplitter", "ThinkingEvents", "without_think_tags"]

Delta: TypeAlias = ReasoningDelta | TextDelta

_TAG = re.compile(r"<(?P<closes>/?)think>", re.IGNORECASE)
_CUT_TAG = re.compile(r"</?(?:t(?:h(?:i(?:nk?)?)?)?)?\Z", re.IGNORECASE)


class ThinkSplitter:
    """Splits the text of one answer at the tags, wherever the stream cuts it.

    - Text between the tags is reasoning. If a tag is never closed, the model was cut off while it
      reasoned.
    - Text before a closing tag without an opening one is reasoning too. So text is held back until
      the first tag, or until the end: only then is it known to be text.
    - An opening tag inside the reasoning may open a nested part, or only be mentioned. So text
      after the next closing tag is held back too, until another closing tag decides, or the end.
    - A closing tag without an opening one is dropped directly after another closing tag, and is
      text elsewhere.

    Args:
        has_reasoning: Whether the answer has a separate reasoning field. Then the text does not
            begin with reasoning, and is not held back for the first tag.
    """

    def __init__(self, *, has_reasoning: bool = False) -> None:
        self._cut = ""  # possibly the beginning of a tag
        self._held: list[str] = []  # text that is reasoning if a closing tag follows
        self._is_inside = False
        self._unclosed = 0 if has_reasoning else 1  # closing tags that may lack an opening one
        self._is_after_tag = False
        self._is_after_close = False

    def feed(self, text: str) -> list[Delta]:
        """Read a piece; the possible beginning of a tag is kept until the next piece.

        Args:
            text: The next piece of the answer's text.
        """
        deltas: list[Delta] = []
        text = self._cut + text
        start = 0
        for tag in _TAG.finditer(text):
            deltas += self._read(text[start : tag.start()])
            deltas += self._close_tag(tag.group()) if tag.group("closes") else self._open_tag()
            start = tag.end()
        rest = text[start:]
        cut = _CUT_TAG.search(rest)
        self._cut = cut.group() if cut else ""
        return deltas + self._read(rest[: len(rest) - len(self._cut)])

    def release(self) -> list[Delta]:
        """Return held-back text as text: a separate reasoning field has arrived."""
        self._unclosed = 0
        return self._let_go()

    def close(self) -> list[Delta]:
        """End the answer; return what is still held back."""
        cut, self._cut = self._cut, ""
        return self._read(cut) + self._let_go()

    def _open_tag(self) -> list[Delta]:
        if self._is_inside:
            self._unclosed += 1
            return []
        self._unclosed = 0
        deltas = self._let_go()
        self._is_inside = self._is_after_tag = True
        return deltas if any(delta.text.strip() for delta in deltas) else []

    def _close_tag(self, tag: str) -> list[Delta]:
        if self._is_inside:
            self._is_inside = False
        elif self._unclosed:
            self._unclosed -= 1
        else:
            return [] if self._is_after_close else self._read(tag)
        reasoning = "".join(self._held).lstrip()
        self._held.clear()
        self._is_after_tag = self._is_after_close = True
        return [ReasoningDelta(reasoning)] if reasoning else []

    def _read(self, text: str) -> list[Delta]:
        # Line breaks after a tag belong to the tag.
        text = text.lstrip() if self._is_after_tag else text
        if not text:
            return []
        self._is_after_tag = self._is_after_close = False
        if self._is_inside:
            return [ReasoningDelta(text)]
        if self._unclosed:
            self._held.append(text)
            return []
        return [TextDelta(text)]

    def _let_go(self) -> list[Delta]:
        text = "".join(self._held)
        self._held.clear()
        return [TextDelta(text)] if text else []


class ThinkingEvents:
    """Takes the reasoning out of the text of one stream's events."""

    def __init__(self) -> None:
        self._splitter = ThinkSplitter()

    @overload
    def feed(self, event: ChatEvent) -> list[ChatEvent]: ...
    @overload
    def feed(self, event: RoundEvent) -> list[RoundEvent]: ...
    def feed(self, event: RoundEvent) -> Sequence[RoundEvent]:
        """Read one event; return the events to pass on."""
        if isinstance(event, TextDelta):
            return _with_logprobs(self._splitter.feed(event.text), event)
        if isinstance(event, ReasoningDelta):
            return [*self._splitter.release(), event]
        if not isinstance(event, (AskedAgain, ChatFinish)):
            return [event]
        ended, self._splitter = self._splitter, ThinkSplitter()
        return [*ended.close(), event]


def _with_logprobs(deltas: list[Delta], event: TextDelta) -> list[ChatEvent]:
    """Attach the log probabilities of a piece of text to the first event it became."""
    if not event.logprobs:
        return [*deltas]
    at = next((i for i, delta in enumerate(deltas) if isinstance(delta, TextDelta)), None)
    if at is None:
        return [TextDelta("", event.logprobs), *deltas]
    return [*deltas[:at], TextDelta(deltas[at].text, event.logprobs), *deltas[at + 1 :]]


def without_think_tags(result: ChatResult) -> ChatResult:
    """Return a whole answer with the reasoning of each choice taken out of its text.

    Args:
        result: The answer of a model that writes `<think>` tags into its text, such as
            `@cf/deepseek-ai/deepseek-r1-distill-qwen-32b`; it is not changed.
    """
    return replace(result, choices=tuple(map(_split, result.choices)))


def _split(choice: ChatChoice) -> ChatChoice:
    splitter = ThinkSplitter(has_reasoning=bool(choice.reasoning))
    deltas = splitter.feed(choice.text) + splitter.close()
    reasoning = "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return replace(choice, text=text, reasoning=choice.reasoning + reasoning)
