"""Checks of counts, flags, seconds and lists that callers pass."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from numbers import Integral, Number
from operator import index
from typing import Any, SupportsFloat

from workersai.errors import ConfigurationError

__all__ = [
    "check_callback",
    "check_count",
    "check_flag",
    "check_items",
    "check_seconds",
    "check_texts",
    "fill_blank",
    "is_blank",
    "plain_number",
]


def plain_number(value: Any) -> Any:
    """Return a number of another library, such as numpy, as Python's own; other values unchanged.

    A `Decimal` or a `Fraction` becomes a `float`.
    """
    if isinstance(value, (int, float, str)) or not isinstance(value, Number):
        return value
    if isinstance(value, Integral):
        return index(value)
    return float(value) if isinstance(value, SupportsFloat) else value


def check_count(name: str, value: int, least: int) -> int:
    """Return *value* if it is a whole number of at least *least*.

    Raises:
        ConfigurationError: If it is not a whole number, or is less than *least*.
    """
    value = plain_number(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(
            f"{name}={value!r} must be a whole number, {least} or more", parameter=name
        )
    return value


def check_flag(name: str, value: bool) -> bool:
    """Return *value* if it is a flag.

    Raises:
        ConfigurationError: If it is neither `True` nor `False`.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(
            f"{name} must be True or False, not {type(value).__name__}", parameter=name
        )
    return value


def check_callback(name: str, value: object) -> None:
    """Check that *value* can be called, or is `None`.

    Raises:
        ConfigurationError: If it is something else.
    """
    if value is not None and not callable(value):
        raise ConfigurationError(
            f"{name} must be a function, not {type(value).__name__}", parameter=name
        )


def check_seconds(name: str, value: float, *, parameter: str | None = None) -> float:
    """Return *value* if it is a number of seconds that a program can wait for.

    Args:
        name: What the seconds are for, as the message names it.
        value: What the caller passed.
        parameter: The argument to name in the error, if *name* is only a part of it.

    Raises:
        ConfigurationError: If it is not a number, not above 0, or longer than a lock can wait.
    """
    value = plain_number(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 < value < threading.TIMEOUT_MAX:
        raise ConfigurationError(
            f"{name}={value!r} must be a number of seconds between 0 and "
            f"{threading.TIMEOUT_MAX:.0f}",
            parameter=parameter or name,
        )
    return value


def check_items(name: str, items: Any) -> list[Any]:
    """Return the items as a list. An iterator is read once, here.

    Raises:
        ConfigurationError: If it is not iterable, or is a single string.
    """
    if isinstance(items, (str, bytes, bytearray, Mapping)) or not isinstance(items, Iterable):
        raise ConfigurationError(
            f"{name} must be a list, not {type(items).__name__}", parameter=name
        )
    return list(items)


def check_texts(name: str, texts: Any) -> list[str]:
    """Return a list of texts; blank texts are allowed.

    Raises:
        ConfigurationError: If it is not a list, or an entry is not a string.
    """
    listed = check_items(name, texts)
    for position, text in enumerate(listed):
        if not isinstance(text, str):
            raise ConfigurationError(
                f"{name}[{position}] must be a string, not {type(text).__name__}", parameter=name
            )
    return listed


def is_blank(text: str) -> bool:
    """Return whether a text is blank. bge-m3 refuses texts that consist of newlines."""
    return not text or text.isspace()


def fill_blank(texts: Any, blank_text: str | None) -> list[str]:
    """Return the texts to embed, with *blank_text* in place of each blank text.

    Args:
        texts: A list of texts; it is not modified.
        blank_text: The text to embed in place of a blank one; `None` if there is no replacement.

    Raises:
        ConfigurationError: If an entry is not a string, or texts are blank and `blank_text` is
            `None`; the error names all blank texts.
    """
    listed = check_texts("texts", texts)
    if blank_text is not None and (not isinstance(blank_text, str) or is_blank(blank_text)):
        raise ConfigurationError(
            "blank_text must be a text with visible characters", parameter="blank_text"
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
