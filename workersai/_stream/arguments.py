"""Join the pieces of one tool call's arguments, and release text as early as is safe.

Streams distort arguments in ways that are undone here. They send JSON text of JSON text (granite),
cut a character or an escape in two, and start over: a piece repeats everything before it. A piece
that starts over may also be nested JSON (`{"a":` twice is either one text, or one piece and its
repetition), so it waits until the end of the stream, where only one of the readings is complete.
"""

from __future__ import annotations

import re
from typing import Any

from workersai._json import REPLACEMENT, has_halves, join_surrogates, parse_text

__all__ = ["Arguments"]

_CERTAIN = 3
"""So many pieces in a row, each an extension of the one before it, cannot be nested JSON."""

_MAX_CHECKS = 64
"""How often a call's arguments are parsed during the stream; bounds the cost of hostile ones."""

_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    r"|(?P<cut>\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?\Z"
    r"|\\(?:u[0-9a-fA-F]{0,3})?\Z)"  # at the end: cut off, or its other half may follow
    r"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|\\.",
    re.DOTALL,
)


class Arguments:
    """The arguments of one tool call during the stream."""

    __slots__ = (
        "_checks",
        "_cut",
        "_doubt",
        "_grown",
        "_half",
        "_is_text",
        "_length",
        "_pieces",
        "_unsent",
    )

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._unsent: list[str] = []
        self._is_text: bool | None = None  # whether it is JSON text of JSON text; `None` at first
        self._half = ""  # the first half of a character
        self._cut = ""  # the beginning of an escape
        self._doubt: list[str] = []  # pieces since one that seemed to start over
        self._grown = 0  # how many of them in a row extend the one before
        self._checks = _MAX_CHECKS

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, piece: str) -> None:
        """Add a piece of the text."""
        if self._half or has_halves(piece):
            piece, self._half = join_surrogates(self._half + piece)
        if not piece:
            return
        if self._grown == _CERTAIN and self._is_begun_by(piece):
            self._append(piece[self._length :])
        elif self._doubt or self._seems_to_start_over(piece):
            self._add_in_doubt(piece)
        else:
            self._append(piece)

    def _append(self, piece: str) -> None:
        if not piece:
            return
        if self._is_text is None and (start := piece.lstrip()):
            self._is_text = start[0] == '"'
        self._pieces.append(piece)
        self._unsent.append(piece)
        self._length += len(piece)

    def _seems_to_start_over(self, piece: str) -> bool:
        has_begun = self._is_text is not None
        return has_begun and (self._is_begun_by(piece) or self._is_followed_by(piece))

    def _is_begun_by(self, piece: str) -> bool:
        """Return whether a piece begins with everything that has arrived."""
        return (
            len(piece) >= self._length
            and piece[0] == self._pieces[0][0]
            and piece.startswith(self._whole())
        )

    def _is_followed_by(self, piece: str) -> bool:
        """Return whether the arguments are a complete object and a piece begins another one."""
        if not (self._checks and self._pieces and piece.lstrip()[:1] == "{"):
            return False
        if self._doubt or self._pieces[-1].rstrip()[-1:] != "}":
            return False
        self._checks -= 1
        return _object_of(self._whole()) is not None

    def is_complete(self) -> bool:
        """Return whether the text so far is a whole object."""
        if not (self._checks and self._pieces) or self._pieces[-1].rstrip()[-1:] not in ("}", '"'):
            return False
        self._checks -= 1
        return _object_of(self._whole()) is not None

    def ends_before(self, piece: str) -> bool:
        """Return whether a piece can only belong to another call, as it is not a repetition."""
        if not self._is_followed_by(piece):
            return False
        whole = self._whole()
        return piece != whole and _object_of(piece) != _object_of(whole)

    def _add_in_doubt(self, piece: str) -> None:
        before = self._doubt[-1] if self._doubt else self._whole()
        is_longer = len(piece) > len(before) and piece.startswith(before)
        self._doubt.append(piece)
        self._grown = self._grown + 1 if is_longer and self._grown >= 0 else -1
        if self._grown == _CERTAIN:
            self._doubt.clear()
            self._append(piece[self._length :])

    def _whole(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def settle(self) -> int:
        """Join buffered pieces; return the number of characters so far."""
        self._whole()
        self._unsent = ["".join(self._unsent)] if self._unsent else []
        if self._grown < 0:
            self._doubt = ["".join(self._doubt)]
        return self._length + sum(map(len, self._doubt))

    def release(self) -> str:
        """Return the text that is safe to pass on now.

        JSON text of JSON text is held back: it can be decoded only when it is complete.
        """
        if self._is_text is not False or not self._unsent:
            return ""
        text = self._cut + "".join(self._unsent)
        self._unsent.clear()
        if "\\" not in text:
            return text
        text, self._cut = _mend_escapes(text)
        return text

    def close(self) -> str:
        """End the text; return the part that was not released yet."""
        if self._half:
            self._half = ""
            self.add(REPLACEMENT)
        if self._doubt:
            self._decide()
        if self._is_text:
            return "".join(_mend_escapes(_undo(self._whole())))
        if self._is_text is None:
            return self._whole()
        return self.release() + self._cut

    def _decide(self) -> None:
        """Choose the reading that is a JSON object: one text, a repetition, or the last piece."""
        came, doubt = self._whole(), self._doubt
        self._doubt = []
        more = "".join(doubt)
        if _object_of(came + more) is None:
            ways = (_after, [more]), (_after, doubt), (_before_repetition, doubt)
            readings = (read(came, pieces) for read, pieces in ways)
            more = next((rest for rest in readings if rest is not None), more)
        self._append(more)

    def text(self) -> str:
        """Return all text so far."""
        return self._whole() + "".join(self._doubt) + (REPLACEMENT if self._half else "")


def _object_of(text: str) -> dict[str, Any] | None:
    """Parse arguments; return `None` if they are not a complete object."""
    value: Any = text
    for _ in range(3):  # JSON text, and JSON text of JSON text
        if not isinstance(value, str) or not value.strip():
            break
        try:
            value = parse_text(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _after(came: str, pieces: list[str]) -> str | None:
    """Return what repetitions add to the text before them.

    Args:
        came: Some or all of the arguments.
        pieces: The last one is a complete object; earlier ones may be, too.

    Returns:
        The rest of the arguments; `None` if the pieces are not repetitions.
    """
    nonblank = [piece for piece in pieces if piece.strip()]
    if not nonblank or (value := _object_of(nonblank[-1])) is None:
        return None
    rest = "" if value == _object_of(came) else None
    for piece in reversed(nonblank):
        if _object_of(piece) != value:
            break
        if piece.startswith(came):
            rest = piece[len(came) :]
    return rest


def _before_repetition(came: str, pieces: list[str]) -> str | None:
    """Return the pieces that complete the arguments, if all later pieces repeat the object.

    Args:
        came: The beginning of the arguments.
        pieces: The rest of them, then the whole object again, once or several times.

    Returns:
        The rest of the arguments; `None` if there is no such split among the first `_MAX_CHECKS`.
    """
    ends = [end for end in range(1, len(pieces)) if pieces[end - 1].rstrip()[-1:] == "}"]
    for end in ends[:_MAX_CHECKS]:
        rest = "".join(pieces[:end])
        value = _object_of(came + rest)
        if value is not None and _repeat(value, pieces[end:]):
            return rest
    return None


def _repeat(value: dict[str, Any], pieces: list[str]) -> bool:
    """Return whether the pieces, joined or one by one, repeat the object."""
    if _object_of("".join(pieces)) == value:
        return True
    return all(_object_of(piece) == value for piece in pieces if piece.strip())


def _undo(text: str) -> str:
    try:
        inner = parse_text(text)
    except ValueError:
        return text
    return inner if isinstance(inner, str) else text


def _mend_escapes(text: str) -> tuple[str, str]:
    r"""Replace escaped halves of surrogate pairs by `\ufffd`.

    Returns:
        The text, and an incomplete escape at its end.
    """
    cut = ""

    def mended(escape: re.Match[str]) -> str:
        nonlocal cut
        if (rest := escape.group("cut")) is not None:
            cut = rest
            return ""
        return r"\ufffd" if escape.group("half") else escape.group()

    return _ESCAPE.sub(mended, text), cut
