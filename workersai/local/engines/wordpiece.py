"""Text -> the token ids of BERT's uncased WordPiece vocabulary, in plain Python."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files

__all__ = ["encode"]

_UNKNOWN, _START, _END = 100, 101, 102
_LONGEST_WORD = 100
_UNSEEN = frozenset({"Cc", "Cf", "Co"})
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def encode(text: str, limit: int) -> list[int]:
    """Token ids of a text, cut to `limit` with the start and end marks included."""
    ids = [piece for word in _words(text) for piece in _pieces(word)]
    return [_START, *ids[: limit - 2], _END]


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, int]:
    data = files("workersai.local.engines").joinpath("bert-base-uncased-vocab.txt")
    return {word: place for place, word in enumerate(data.read_text("utf-8").split("\n"))}


def _words(text: str) -> Iterator[str]:
    """Lower-case words without accents; marks and Chinese characters stand alone."""
    word = ""
    for char in unicodedata.normalize("NFD", "".join(_cleaned(text)).lower()):
        kind = unicodedata.category(char)
        if kind == "Mn":
            continue
        if char.isspace() or kind == "Zs" or _stands_alone(char, kind):
            if word:
                yield word
            word = ""
            if not (char.isspace() or kind == "Zs"):
                yield char
        else:
            word += char
    if word:
        yield word


def _cleaned(text: str) -> Iterator[str]:
    for char in text:
        if char in "\t\n\r":
            yield " "
        elif char not in "\0\ufffd" and unicodedata.category(char) not in _UNSEEN:
            yield char


def _stands_alone(char: str, kind: str) -> bool:
    ascii_mark = char.isascii() and not char.isalnum() and not char.isspace()
    return ascii_mark or kind.startswith("P") or any(a <= ord(char) <= b for a, b in _CHINESE)


@lru_cache(maxsize=8192)
def _pieces(word: str) -> tuple[int, ...]:
    """The longest known beginnings of a word, one after the other; unknown if any part is."""
    vocabulary = _vocabulary()
    if len(word) > _LONGEST_WORD:
        return (_UNKNOWN,)
    ids: list[int] = []
    start = 0
    while start < len(word):
        mark = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if mark + word[start:end] in vocabulary), None)
        if end is None:
            return (_UNKNOWN,)
        ids.append(vocabulary[mark + word[start:end]])
        start = end
    return tuple(ids)
