"""Pack texts into batches that fit into one request each, without a tokenizer.

A model's page limits how many texts a request may have. bge-m3 also limits the number of texts
times the tokens of the longest one (observed refusals: 18 x 3,371 and 50 x 1,624 tokens against
60,000). Token counts are estimated here. If an estimate was too low and the server refuses the
batch, the batch is packed again for half the size.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence

__all__ = ["Packing", "estimate_tokens"]

# Measured with tokenizers: prose in Latin script has one token for 3.5 to 4.5 letters, Greek,
# Cyrillic, Hebrew and Arabic one for 2.5 or more; in other scripts, and for digits and signs, each
# character counts as one.
_PIECES = re.compile(
    r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{1,4}"
    r"|[\u0370-\u07ff]{1,2}"
    r"|[^\sA-Za-z\u00c0-\u024f\u1e00-\u1eff\u0370-\u07ff]"
)
_SPECIAL = 3
"""Tokens that a tokenizer adds around a text."""


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text; for prose 1 to 1.8 times the real number.

    Random letters (base64) and long compounds can have up to 1.6 times the estimate.
    """
    return len(_PIECES.findall(text)) + _SPECIAL


def most_tokens(text: str) -> int:
    """Return an upper bound of a text's tokens for any tokenizer; far too high for prose."""
    length = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return length + _SPECIAL


class Packing:
    """The texts of one call in batches, which can be packed again.

    Batches keep the caller's order if only the number of texts limits them. If tokens limit them,
    the longest texts go first: a text that is too long is then found before any request is paid
    for, and texts of similar length share a batch.

    Args:
        texts: The texts; they are not modified.
        most: How many texts a request may have.
        budget: Tokens allowed in a request, counted as texts times longest; `None` for no limit.
        longest: Tokens allowed in a text; a longer text goes alone; `None` for no limit.
        is_cut: Whether the server cuts longer texts, so that each counts as *longest* at most.
    """

    def __init__(
        self,
        texts: Sequence[str],
        most: int,
        *,
        budget: int | None = None,
        longest: int | None = None,
        is_cut: bool = False,
    ) -> None:
        self._texts = texts
        self._most = most
        self._budget = budget
        self._longest = longest
        self._is_cut = is_cut
        self._sizes: list[int] | None = None
        self._batches: deque[list[int]] = deque()
        self._lock = threading.Lock()
        self._is_stopped = False
        self._pack(list(range(len(texts))))

    def __len__(self) -> int:
        """Return the number of batches that are left."""
        return len(self._batches)

    @property
    def budget(self) -> int | None:
        """Tokens a request may have, as far as is known by now."""
        return self._budget

    def take(self) -> list[int] | None:
        """Return the positions of the next batch's texts, `None` if no text is left."""
        with self._lock:
            return self._batches.popleft() if self._batches else None

    def put_back(self, places: list[int]) -> None:
        """Take back a batch that the server refused as too large; it is sent in smaller batches.

        All remaining texts are packed again, because their sizes come from the same estimate.
        *places* must have two or more entries.
        """
        with self._lock:
            if self._is_stopped:
                return
            size = len(places) * max(self._measured()[place] for place in places)
            self._budget = min(self._budget or size, size // 2)
            self._pack([*places, *(place for batch in self._batches for place in batch)])

    def stop(self) -> None:
        """Hand out no more batches."""
        with self._lock:
            self._is_stopped = True
            self._batches.clear()

    def _pack(self, places: list[int]) -> None:
        self._batches.clear()
        if self._budget is None or self._surely_fits(places):
            steps = range(0, len(places), self._most)
            self._batches.extend(places[step : step + self._most] for step in steps)
            return
        sizes = self._measured()
        places.sort(key=lambda place: (-sizes[place], place))
        first = 0
        while first < len(places):
            count = self._count(sizes[places[first]], self._budget)
            self._batches.append(places[first : first + count])
            first += count

    def _surely_fits(self, places: list[int]) -> bool:
        """Return whether batches of the largest number fit with any tokenizer."""
        if self._sizes is not None:
            return False  # an upper bound does not fit, or the server refused a batch
        longest = max((most_tokens(self._texts[place]) for place in places), default=0)
        is_short = self._longest is None or longest <= self._longest
        return is_short and min(self._most, len(places)) * longest <= (self._budget or 0)

    def _count(self, size: int, budget: int) -> int:
        """Return how many texts fit together with one of *size*, the longest of them."""
        if self._longest is not None and size > self._longest:
            return 1
        return max(1, min(self._most, budget // size))

    def _measured(self) -> list[int]:
        if self._sizes is None:
            sizes = map(estimate_tokens, self._texts)
            limit = self._longest if self._is_cut else None
            self._sizes = [size if limit is None else min(size, limit) for size in sizes]
        return self._sizes
