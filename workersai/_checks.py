"""Counts, seconds and lists: what to accept where one is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workersai.errors import ConfigurationError

__all__ = ["check_count", "check_items", "check_seconds", "check_texts"]


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


def check_texts(parameter: str, texts: Sequence[str]) -> list[str]:
    listed = check_items(parameter, texts)
    for position, text in enumerate(listed):
        if not isinstance(text, str) or not text:
            raise ConfigurationError(
                f"{parameter}[{position}] must be a non-empty string, not {text!r}",
                parameter=parameter,
            )
    return listed
