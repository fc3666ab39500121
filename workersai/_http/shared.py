"""Limits and helpers for both engines."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from itertools import islice
from types import ModuleType
from typing import Any

from workersai._http.families import Family, Kinds
from workersai.errors import APITimeoutError

MAX_REST = 32
"""The number of reads for the rest of an answer; after more, the connection is closed."""


@functools.lru_cache(maxsize=128)
def parse_url(family: Family, url: str) -> Any:
    """Parse a URL; the result is cached, because a client uses few URLs, and often."""
    return family.library.URL(url)


def read_rest(chunks: Iterator[bytes], failures: Kinds) -> None:
    """Read the rest of an answer, up to a limit."""
    with contextlib.suppress(APITimeoutError, *failures):
        for _ in islice(chunks, MAX_REST):
            pass


def is_patched(transport: str, method: str) -> bool:
    """Return whether code listens in on httpx, as recorders and mocks of tests do.

    They replace a method of httpx's transports or of httpcore's pools. Our own connections would
    bypass them, so requests go through httpx then.
    """
    httpx, httpcore = sys.modules.get("httpx"), sys.modules.get("httpcore")
    pool = "ConnectionPool" if transport == "HTTPTransport" else "AsyncConnectionPool"
    return _is_replaced(httpx, transport, method) or _is_replaced(httpcore, pool, method)


def _is_replaced(library: ModuleType | None, owner: str, method: str) -> bool:
    if library is None or (kind := getattr(library, owner, None)) is None:
        return False  # not imported, so not patched
    found = getattr(kind, method)
    return hasattr(found, "__wrapped__") or not found.__module__.startswith(library.__name__)
