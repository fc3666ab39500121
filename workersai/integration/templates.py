"""Texts with `{column}` in them -> the text of a row."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any

from workersai.errors import ConfigurationError

__all__ = ["Template"]


class Template:
    """A text in which `{column}` stands for a row's value; `{{` and `}}` are braces.

    Args:
        text: The text.
        parameter: What the argument is called.

    Raises:
        ConfigurationError: If it is no text, or a brace in it begins no column.
    """

    def __init__(self, text: str, parameter: str) -> None:
        if not isinstance(text, str):
            raise ConfigurationError(
                f"{parameter} must be text, not {type(text).__name__}", parameter=parameter
            )
        if parameter == "prompt" and not text.strip():
            raise ConfigurationError(
                "prompt must not be blank: pass a message with {column}s in it", parameter="prompt"
            )
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as error:
            raise _malformed(parameter, str(error)) from None
        for _, name, spec, conversion in parsed:
            if name is not None and (not name or spec or conversion):
                raise _malformed(parameter, f"{{{name}}} must be the name of a column alone")
        self._parts = [(literal, name) for literal, name, _, _ in parsed]

    @property
    def columns(self) -> list[str]:
        """The columns that it names, each once."""
        return list(dict.fromkeys(name for _, name in self._parts if name is not None))

    def fill(self, record: Mapping[str, Any]) -> str:
        """Put a row's values in; a value that is no text is written as JSON.

        Raises:
            ConfigurationError: If the row has no such column.
        """
        return "".join(literal + self._value(record, name) for literal, name in self._parts)

    def _value(self, record: Mapping[str, Any], name: str | None) -> str:
        if name is None:
            return ""
        if record.get(name) is None:
            raise ConfigurationError(f"the row has no {name!r}", parameter="prompt")
        value = record[name]
        if isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False, default=str)


def _malformed(parameter: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{parameter}: {reason}; write {{column}} for a value, {{{{ and }}}} for braces",
        parameter=parameter,
    )
