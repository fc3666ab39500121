"""Vectors and relevance from shared words alone: no model, the same on every machine."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

from workersai.local.engines.words import tokens_of, words_of

__all__ = ["cosine", "relevance", "sigmoid", "vector"]

_GRAM = 3
_GRAM_WEIGHT = 0.25
"""Letter groups match inflected words; a shared whole word still counts four times as much."""
_WIDE = 4096
"""Dimensions for relevance; its vectors are not returned, so collisions cost only accuracy."""


def _features(text: str) -> Iterator[tuple[str, float]]:
    words = words_of(text) or [token.strip().lower() for token in tokens_of(text)] or [""]
    for word in words:
        yield f"w:{word}", 1.0
        padded = f"^{word}$"
        for start in range(len(padded) - _GRAM + 1):
            yield f"g:{padded[start : start + _GRAM]}", _GRAM_WEIGHT


def _sparse(text: str, dimensions: int) -> dict[int, float]:
    """Hash features into buckets, each with a sign, so that collisions cancel out."""
    buckets: dict[int, float] = {}
    for feature, weight in _features(text):
        digest = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
        sign = 1.0 if digest & 1 else -1.0
        place = (digest >> 1) % dimensions
        buckets[place] = buckets.get(place, 0.0) + sign * weight
    return buckets


@lru_cache(maxsize=4096)
def vector(text: str, dimensions: int) -> tuple[float, ...]:
    """Return the unit vector of a text; the cosine of two measures how many words they share."""
    buckets = _sparse(text, dimensions)
    length = math.sqrt(sum(weight * weight for weight in buckets.values()))
    if length == 0.0:
        buckets, length = {0: 1.0}, 1.0
    return tuple(round(buckets.get(place, 0.0) / length, 7) for place in range(dimensions))


def cosine(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the cosine of two unit vectors."""
    return sum(a * b for a, b in zip(left, right, strict=True))


def sigmoid(value: float) -> float:
    """Map a number to a value between 0 and 1."""
    return 1.0 / (1.0 + math.exp(-value))


def relevance(query: str, contexts: Sequence[str]) -> tuple[float, ...]:
    """Return the relevance of each context to a query, between 0 and 1."""
    asked = vector(query, _WIDE)
    return tuple(sigmoid(12 * (cosine(asked, vector(text, _WIDE)) - 0.3)) for text in contexts)
