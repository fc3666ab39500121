"""Build the request for the account's model catalogue."""

from __future__ import annotations

import re

from workersai._wire import Request
from workersai.errors import ConfigurationError

__all__ = ["models_request"]

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def models_request(
    *,
    search: str | None = None,
    task: str | None = None,
    author: str | None = None,
    hide_experimental: bool | None = None,
) -> Request:
    """Build the request for the account's model catalogue.

    Raises:
        ConfigurationError: If a filter is not a string.
    """
    hide = None if hide_experimental is None else str(hide_experimental).lower()
    filters = {"search": search, "task": task, "author": author, "hide_experimental": hide}
    params = {name: value for name, value in filters.items() if value is not None}
    for name, value in params.items():
        if not isinstance(value, str) or _SURROGATE.search(value):
            raise ConfigurationError(f"{name}={value!r} must be text", parameter=name)
    return Request("/models/search", params=params)
