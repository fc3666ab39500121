"""Texts -> batches that a model takes in one request, sized without a tokenizer.

A model's page limits how many texts a request may hold. bge-m3 also limits the number of texts
times the tokens of the longest one (seen in refusals: 18 x 3,371 and 50 x 1,624 tokens against
60,000). Token counts are estimated here; where an estimate was too low and the server refuses the
batch, the batch is packed again for half the size.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence

__all__ = ["Packing", "estimate_tokens"]

# Measured against tokenizers: prose in Latin letters has one token in 3.5 to 4.5 letters, Greek,
# Cyrillic, Hebrew and Arabic one in 2.5 or more; of other scripts, digits and signs each counts.
_PIECES = re.compile(
    r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]{1,4}"
    r"|[\u0370-\u07ff]{1,2}"
    r"|[^\sA-Za-z\u00c0-\u024f\u1e00-\u1eff\u0370-\u07ff]"
)
_SPECIAL = 3
"""Tokens that a tokenizer puts around a text."""


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens: for prose 1 to 1.8 times what tokenizers count.

    Random letters (base64) and long compounds can have up to 1.6 times as many as estimated.
    """
    return len(_PIECES.findall(text)) + _SPECIAL


def most_tokens(text: str) -> int:
    """Return a number of tokens that no tokenizer exceeds; much too high for prose."""
    length = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return length + _SPECIAL


class Packing:
    """The texts of one call, packed into batches that can be packed again.

    Batches keep the caller's order as long as nothing but the number of texts limits them. Where
    tokens do, the longest texts go first: a text that no request can hold is then found before
    anything is paid for, and texts of one length share a batch.

    Args:
        texts: Stay as they are.
        most: How many texts a request may have.
        budget: Tokens a request may have, counted as texts times longest; `None` for no limit.
        longest: Tokens a text may have, so that a longer one goes alone; `None` for no limit.
        is_cut: Whether the server cuts longer texts, so that none counts more than *longest*.
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
        """Count the batches that wait."""
        return len(self._batches)

    def take(self) -> list[int] | None:
        """Return the places of the texts of the next batch, `None` if no text waits."""
        with self._lock:
            return self._batches.popleft() if self._batches else None

    def put_back(self, places: list[int]) -> None:
        """Take a batch back that the server refused as too much, to be sent as smaller ones.

        All that waits is packed again, because its sizes were estimated alike. *places* are two
        or more.
        """
        with self._lock:
            if self._is_stopped:
                return
            size = len(places) * max(self._measured()[place] for place in places)
            self._budget = min(self._budget or size, size // 2)
            self._pack([*places, *(place for batch in self._batches for place in batch)])

    def stop(self) -> None:
        """Hand out nothing more."""
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
        """Say whether batches of the largest number fit, whatever the tokenizer is."""
        if self._sizes is not None:
            return False  # they were estimated because they do not, or the server refused them
        longest = max((most_tokens(self._texts[place]) for place in places), default=0)
        is_short = self._longest is None or longest <= self._longest
        return is_short and min(self._most, len(places)) * longest <= (self._budget or 0)

    def _count(self, size: int, budget: int) -> int:
        """Return how many texts fit with one of *size*, the longest of them."""
        if self._longest is not None and size > self._longest:
            return 1
        return max(1, min(self._most, budget // size))

    def _measured(self) -> list[int]:
        if self._sizes is None:
            sizes = map(estimate_tokens, self._texts)
            limit = self._longest if self._is_cut else None
            self._sizes = [size if limit is None else min(size, limit) for size in sizes]
        return self._sizes
