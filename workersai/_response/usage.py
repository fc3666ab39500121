"""Read the usage of a call from the different reports of servers.

A stream reports usage in one of three ways, and only the whole stream shows which: each chunk
reports its own part, each chunk reports the sum so far, or one chunk reports everything. A last
native chunk, without `choices`, then repeats the sum; reports of zeros appear in between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeGuard, TypeVar

from workersai.results import Usage

__all__ = ["UsageLedger", "add_usages", "is_number", "parse_usage", "with_neurons"]

N = TypeVar("N", int, float)

_LARGEST = sys.float_info.max
_MOST = 2**53
"""A larger count is ignored: checkpoints and databases refuse integers above 64 bits."""


def parse_usage(usage: Any) -> Usage | None:
    """Read a usage object; return `None` if it is missing or has no counts.

    Fields may be null, missing or float; `neurons` is Cloudflare's billing unit.
    """
    if not isinstance(usage, dict):
        return None
    prompt = _count(usage, "prompt_tokens", "input_tokens") or 0
    completion = _count(usage, "completion_tokens", "output_tokens") or 0
    details = usage.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, dict) else None
    spent = usage.get("completion_tokens_details")
    reasoning = _count(spent if isinstance(spent, dict) else usage, "reasoning_tokens")
    neurons = usage.get("neurons")
    found = Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_count(usage, "total_tokens") or prompt + completion,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        neurons=float(neurons) if is_number(neurons) else None,
    )
    return found if found.total_tokens or found.neurons else None


def with_neurons(usage: Usage | None, neurons: float | None) -> Usage | None:
    """Add the neurons from a header to a usage whose body has none."""
    if neurons is None or (usage is not None and usage.neurons is not None):
        return usage
    return replace(usage or Usage(), neurons=neurons)


def _count(values: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        if is_number(value := values.get(name)) and 0 <= value <= _MOST:
            return int(value)
    return None


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a JSON value is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -_LARGEST <= value <= _LARGEST


class UsageLedger:
    """Collects the usage reports of one stream; it keeps sums, not the reports."""

    def __init__(self) -> None:
        self._chunks = _Reports()
        self._tails = _Reports()

    def add(self, report: Any, *, is_tail: bool) -> None:
        """Add a report; *is_tail* means that it came on a native chunk, without `choices`."""
        (self._tails if is_tail else self._chunks).add(report)

    def total(self) -> Usage | None:
        """Return the usage of the whole stream, `None` if no report has counts."""
        return self._tails.total() or self._chunks.total()


class _Reports:
    """The reports of one kind. Equal ones in a row, as most streams have them, are read once."""

    __slots__ = ("_has_prompt", "_last", "_lasts", "_most", "_sum")

    def __init__(self) -> None:
        self._last: Any = None
        self._lasts = 0  # how often it came, since it was read
        self._sum: Usage | None = None
        self._most: Usage | None = None
        self._has_prompt: set[bool] = set()

    def add(self, report: Any) -> None:
        if report == self._last:
            self._lasts += 1
            return
        self._settle()
        self._last, self._lasts = report, 1

    def _settle(self) -> None:
        """Add the last report to the sums, as often as it came."""
        usage, times = parse_usage(self._last), self._lasts
        self._lasts = 0
        if usage is None or not times:
            return
        self._has_prompt.add(usage.prompt_tokens > 0)
        many = _times(usage, times)
        self._sum = many if self._sum is None else self._sum + many
        self._most = usage if self._most is None else _larger(self._most, usage)

    def total(self) -> Usage | None:
        self._settle()
        # If only some report the prompt, each reports its own part.
        return self._sum if len(self._has_prompt) > 1 else self._most


def _times(usage: Usage, times: int) -> Usage:
    return Usage(
        prompt_tokens=usage.prompt_tokens * times,
        completion_tokens=usage.completion_tokens * times,
        total_tokens=usage.total_tokens * times,
        cached_tokens=None if usage.cached_tokens is None else usage.cached_tokens * times,
        reasoning_tokens=None if usage.reasoning_tokens is None else usage.reasoning_tokens * times,
        neurons=None if usage.neurons is None else usage.neurons * times,
    )


def _larger(one: Usage, other: Usage) -> Usage:
    return Usage(
        prompt_tokens=max(one.prompt_tokens, other.prompt_tokens),
        completion_tokens=max(one.completion_tokens, other.completion_tokens),
        total_tokens=max(one.total_tokens, other.total_tokens),
        cached_tokens=_fold(max, [one.cached_tokens, other.cached_tokens]),
        reasoning_tokens=_fold(max, [one.reasoning_tokens, other.reasoning_tokens]),
        neurons=_fold(max, [one.neurons, other.neurons]),
    )


def add_usages(usages: list[Usage]) -> Usage:
    """Sum reports field by field; a field that no report has stays `None`."""
    return Usage(
        prompt_tokens=sum(u.prompt_tokens for u in usages),
        completion_tokens=sum(u.completion_tokens for u in usages),
        total_tokens=sum(u.total_tokens for u in usages),
        cached_tokens=_fold(sum, [u.cached_tokens for u in usages]),
        reasoning_tokens=_fold(sum, [u.reasoning_tokens for u in usages]),
        neurons=_fold(sum, [u.neurons for u in usages]),
    )


def _fold(fold: Callable[[list[N]], N], values: list[N | None]) -> N | None:
    reported = [value for value in values if value is not None]
    return fold(reported) if reported else None
