"""Counts, seconds and lists: what to accept where one is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workersai.errors import ConfigurationError

__all__ = [
    "check_count",
    "check_items",
    "check_seconds",
    "check_texts",
    "is_blank",
    "name_places",
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


def name_places(name: str, places: Sequence[int]) -> str:
    """Write positions of a list for an error: `texts[2], texts[7]`."""
    return ", ".join(f"{name}[{place}]" for place in places)
