"""Counts, seconds and lists: what to accept where one is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from workersai.errors import ConfigurationError

__all__ = [
    "check_count",
    "check_items",
    "check_seconds",
    "check_texts",
    "fill_blank",
    "is_blank",
]


def check_count(name: str, value: int, least: int) -> int:
    """Return a number of things that is one.

    Raises:
        ConfigurationError: If it is no whole number, or less than *least*.
    """
    if not isinstance(value, int) or value < least:
        raise ConfigurationError(f"{name}={value!r} must be {least} or more", parameter=name)
    return value


def check_seconds(name: str, value: float, *, parameter: str | None = None) -> float:
    """Return a number of seconds that one can wait for.

    Args:
        name: What the seconds are for, as the message names it.
        value: What was passed.
        parameter: The argument to blame, if *name* is only a part of it.

    Raises:
        ConfigurationError: If it is no number, not above 0, or longer than a clock can run.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 < value < threading.TIMEOUT_MAX:
        raise ConfigurationError(
            f"{name}={value!r} must be a number of seconds between 0 and "
            f"{threading.TIMEOUT_MAX:.0f}",
            parameter=parameter or name,
        )
    return value


def check_items(name: str, given: Any) -> list[Any]:
    """Return a list of what was given, read once: an iterator has no second time.

    Raises:
        ConfigurationError: If it is no list or the like, or a single text.
    """
    if isinstance(given, (str, bytes, bytearray, Mapping)) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"{name} must be a list, not {type(given).__name__}", parameter=name
        )
    return list(given)


def check_texts(name: str, given: Any) -> list[str]:
    """Return a list of texts, blank ones included.

    Raises:
        ConfigurationError: If it is no list, or an entry is no text.
    """
    listed = check_items(name, given)
    for position, text in enumerate(listed):
        if not isinstance(text, str):
            raise ConfigurationError(
                f"{name}[{position}] must be a string, not {type(text).__name__}", parameter=name
            )
    return listed


def is_blank(text: str) -> bool:
    """Say whether a text has nothing in it for a model; newlines alone are refused by bge-m3."""
    return not text or text.isspace()


def fill_blank(texts: Any, blank_text: str | None) -> list[str]:
    """Return the texts to embed, with the caller's own text in the place of each blank one.

    Args:
        texts: A list of texts; stays as it is.
        blank_text: What to embed in the place of a blank text; `None` for nothing.

    Raises:
        ConfigurationError: If an entry is no text, or texts are blank and there is nothing to
            put in their place; the error names all of them.
    """
    listed = check_texts("texts", texts)
    if blank_text is not None and (not isinstance(blank_text, str) or is_blank(blank_text)):
        raise ConfigurationError(
            "blank_text must be a text that is not blank", parameter="blank_text"
        )
    blank = [place for place, text in enumerate(listed) if is_blank(text)]
    if blank and blank_text is None:
        places = ", ".join(f"texts[{place}]" for place in blank)
        raise ConfigurationError(
            f"{places}: a blank text has no vector; leave it out, or pass blank_text, which is "
            "embedded in the place of blank documents",
            parameter="texts",
        )
    return [blank_text if blank_text and is_blank(text) else text for text in listed]
