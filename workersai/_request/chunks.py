"""Texts that come one by one -> chunks of neighbours, each of which a model takes in one request.

`packing` sorts a whole list by length; here the list has no end that could be waited for, and the
order stays.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from workersai._checks import is_blank
from workersai._json import has_halves
from workersai._request.packing import estimate_tokens, most_tokens

__all__ = ["Chunk", "Chunker", "text_fault"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbours among the texts.

    Attributes:
        first: The place of the first one.
        texts: What came; no entry was checked yet.
    """

    first: int
    texts: list[Any]


def text_fault(text: Any, blank_text: str | None) -> str | None:
    """Say why a text has no vector, whatever the model is; `None` if it may have one.

    Args:
        text: What came where a text should.
        blank_text: What is embedded in the place of a blank text.
    """
    if not isinstance(text, str):
        return f"must be a string, not {type(text).__name__}"
    if blank_text is None and is_blank(text):
        return (
            "is blank and has no vector; leave it out, or pass blank_text, which is embedded in "
            "the place of blank documents"
        )
    if has_halves(text):
        return "holds a lone surrogate (half of an emoji), which cannot be encoded as UTF-8"
    return None


class Chunker:
    """Takes texts and hands out a chunk whenever one is full.

    Args:
        most: How many texts a chunk may have.
        budget: Tokens a request may have, counted as texts times longest; `None` for no limit.
        longest: Tokens a text may have, so that a longer one goes alone; `None` for no limit.
        is_cut: Whether the server cuts longer texts, so that none counts more than *longest*.
    """

    def __init__(self, most: int, *, budget: int | None, longest: int | None, is_cut: bool) -> None:
        self.most = most
        self._budget = budget
        self._longest = longest
        self._is_cut = is_cut
        self._lock = threading.Lock()
        self._place = 0
        self._texts: list[Any] = []
        self._bound = 0
        self._estimate: int | None = None

    @property
    def budget(self) -> int | None:
        """Tokens a request may have, as far as is known by now."""
        return self._budget

    def lower(self, budget: int) -> None:
        """Learn from a refusal that fewer tokens fit."""
        with self._lock:
            self._budget = min(self._budget or budget, budget)

    def add(self, text: Any) -> Chunk | None:
        """Take a text; return the chunk that is full with it, or without it."""
        full = self.rest() if self._texts and not self._fits(text) else None
        self._texts.append(text)
        return self.rest() if len(self._texts) == self.most else full

    def rest(self) -> Chunk | None:
        """Return what no chunk has yet; `None` if that is nothing."""
        if not self._texts:
            return None
        chunk = Chunk(self._place, self._texts)
        self._place += len(self._texts)
        self._texts, self._bound, self._estimate = [], 0, None
        return chunk

    def _fits(self, text: Any) -> bool:
        """Say whether a text fits with those that wait."""
        if self._budget is None or not isinstance(text, str):
            return True
        if not self._bound:
            self._bound = max(map(self._at_most, self._texts))
        bound = max(self._bound, self._at_most(text))
        if (len(self._texts) + 1) * bound > self._budget:
            return self._fits_by_estimate(text)
        self._bound = bound
        return True

    def _fits_by_estimate(self, text: str) -> bool:
        if self._estimate is None:
            self._estimate = max(map(self._estimated, self._texts))
        longest = max(self._estimate, self._estimated(text))
        is_alone = self._longest is not None and longest > self._longest
        if is_alone or (len(self._texts) + 1) * longest > (self._budget or 0):
            return False
        self._estimate, self._bound = longest, max(self._bound, self._at_most(text))
        return True

    def _at_most(self, text: Any) -> int:
        return self._cut(most_tokens(text)) if isinstance(text, str) else 0

    def _estimated(self, text: Any) -> int:
        return self._cut(estimate_tokens(text)) if isinstance(text, str) else 0

    def _cut(self, tokens: int) -> int:
        return min(tokens, self._longest) if self._is_cut and self._longest else tokens
