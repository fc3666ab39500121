"""Decide which tools to call, and which part of the text belongs to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workersai.local.engines.base import ChatJob, ToolSpec
from workersai.local.engines.words import last_user_text, stem, trailing_tool_results, words_of

__all__ = ["PlannedCall", "Score", "plan_calls", "shared_words"]

Score = Callable[[str, tuple[ToolSpec, ...]], Sequence[float]]
"""A function that scores how well each tool fits a text; a negative score is no fit."""

_MEANINGFUL = 2
"""Shared words that a call needs: one of the tool's name, or two of its description."""


@dataclass(frozen=True)
class PlannedCall:
    """One tool to call, and the part of the user's text with its arguments."""

    tool: ToolSpec
    text: str


def shared_words(text: str, tools: tuple[ToolSpec, ...]) -> list[float]:
    """Score tools by words shared with the text; below zero, there are too few for a call."""
    return [_shared_count(tool, text) - _MEANINGFUL for tool in tools]


def plan_calls(job: ChatJob, score: Score = shared_words) -> list[PlannedCall]:
    """Choose the tools to call for a job; none if it forbids them or no tool fits.

    Args:
        job: The request.
        score: Compares tools; the one with the highest score is called. If the model may decide, it
            is called only if the score is not negative.
    """
    if not job.tools or job.tool_choice == "none":
        return []
    text = last_user_text(job)
    if job.named_tool is not None:
        return [PlannedCall(tool, text) for tool in job.tools if tool.name == job.named_tool]
    if job.tool_choice == "auto" and trailing_tool_results(job):
        return []
    named = _named_in(text, job.tools)
    if len(named) > 1 and job.parallel:
        return _segments(named, text)
    scores = score(text, job.tools)
    best = max(range(len(scores)), key=scores.__getitem__)
    if job.tool_choice == "auto" and scores[best] < 0:
        return []
    return [PlannedCall(job.tools[best], text)]


def _shared_count(tool: ToolSpec, text: str) -> int:
    words = set(words_of(text))
    in_name = words & set(words_of(tool.name))
    in_description = words & set(words_of(tool.description))
    spelled_out = 10 if tool.name.lower() in text.lower() else 0
    return spelled_out + 2 * len(in_name) + len(in_description - in_name)


def _named_in(text: str, tools: tuple[ToolSpec, ...]) -> list[tuple[int, ToolSpec]]:
    """Find the tools that the text names in full, with their places, in the order of the text."""
    words_in_text = set(words_of(text))
    named = [tool for tool in tools if _is_named(tool, text, words_in_text)]
    whole = [
        tool
        for tool in named
        if not any(set(words_of(tool.name)) < set(words_of(other.name)) for other in named)
    ]
    return sorted(((_place(tool, text), tool) for tool in whole), key=lambda pair: pair[0])


def _is_named(tool: ToolSpec, text: str, words_in_text: set[str]) -> bool:
    words = set(words_of(tool.name))
    return tool.name.lower() in text.lower() or (bool(words) and words <= words_in_text)


def _place(tool: ToolSpec, text: str) -> int:
    lowered = text.lower()
    spelled_out = lowered.find(tool.name.lower())
    if spelled_out >= 0:
        return spelled_out
    places = [lowered.find(stem(word)) for word in words_of(tool.name)]
    return min((place for place in places if place >= 0), default=0)


def _segments(named: list[tuple[int, ToolSpec]], text: str) -> list[PlannedCall]:
    """Give every tool the part of the text from its own name to the next tool's."""
    starts = [0, *(place for place, _ in named[1:])]
    ends = [*starts[1:], len(text)]
    return [
        PlannedCall(tool, text[start:end] if start < end else text)
        for (_, tool), start, end in zip(named, starts, ends, strict=True)
    ]
