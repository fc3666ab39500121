"""Group texts that arrive one by one into chunks, each of which fits into one request.

`packing` sorts a whole list by length; here the end of the texts is unknown, and the order is kept.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from workersai._checks import is_blank
from workersai._json import HALVES, has_halves
from workersai._request.packing import estimate_tokens, most_tokens

__all__ = ["Chunk", "Chunker", "text_fault"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Successive texts.

    Attributes:
        first: The position of the first one.
        texts: The entries as passed; they are not checked yet.
    """

    first: int
    texts: list[Any]


def text_fault(text: Any, blank_text: str | None) -> str | None:
    """Return why a text cannot have a vector with any model; `None` if it may have one.

    Args:
        text: The value in place of a text.
        blank_text: The text to embed in place of a blank one.
    """
    if not isinstance(text, str):
        return f"must be a string, not {type(text).__name__}"
    if blank_text is None and is_blank(text):
        return (
            "is blank and has no vector; leave it out, or pass blank_text, which is embedded in "
            "place of blank documents"
        )
    if has_halves(text):
        return HALVES
    return None


class Chunker:
    """Takes texts and returns a chunk whenever one is full.

    Args:
        most: How many texts a chunk may have.
        budget: Tokens allowed in a request, counted as texts times longest; `None` for no limit.
        longest: Tokens allowed in a text; a longer text goes alone; `None` for no limit.
        is_cut: Whether the server cuts longer texts, so that each counts as *longest* at most.
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
        """Tokens allowed in a request, as far as known."""
        return self._budget

    def lower(self, budget: int) -> None:
        """Reduce the budget after a refusal."""
        with self._lock:
            self._budget = min(self._budget or budget, budget)

    def add(self, text: Any) -> Chunk | None:
        """Add a text; return a chunk if one is full now, with or without this text."""
        full = self.rest() if self._texts and not self._fits(text) else None
        self._texts.append(text)
        return self.rest() if len(self._texts) == self.most else full

    def rest(self) -> Chunk | None:
        """Return the remaining texts as a chunk; `None` if there are none."""
        if not self._texts:
            return None
        chunk = Chunk(self._place, self._texts)
        self._place += len(self._texts)
        self._texts, self._bound, self._estimate = [], 0, None
        return chunk

    def _fits(self, text: Any) -> bool:
        """Return whether a text fits into the current chunk."""
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
