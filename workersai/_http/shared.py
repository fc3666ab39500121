"""What both engines share: limits, requests and the SSL context."""

from __future__ import annotations

import contextlib
import functools
import ssl
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias

import httpx

from workersai._http.families import Family, Kinds
from workersai._http.outgoing import Outgoing
from workersai.errors import APITimeoutError

HTTPClient: TypeAlias = httpx.Client
AsyncHTTPClient: TypeAlias = httpx.AsyncClient

MAX_CONNECTIONS = 1000
MAX_IDLE_CONNECTIONS = 100
IDLE_SECONDS = 30.0

MAX_REST = 32
"""How many reads the rest of an answer may take; whoever sends more has no end in sight."""

LIMITS = httpx.Limits(
    max_connections=MAX_CONNECTIONS,
    max_keepalive_connections=MAX_IDLE_CONNECTIONS,
    keepalive_expiry=IDLE_SECONDS,
)


def build_request(outgoing: Outgoing, family: Family, extensions: dict[str, Any]) -> httpx.Request:
    """Write a request as its library has it."""
    request: httpx.Request = family.library.Request(
        outgoing.method,
        parse_url(family, outgoing.url),
        headers=outgoing.headers,
        content=outgoing.content or None,
        params=outgoing.params or None,
        extensions=extensions,
    )
    return request


@functools.lru_cache(maxsize=128)
def parse_url(family: Family, url: str) -> Any:
    """Parse a URL once: a client asks few of them, and often."""
    return family.library.URL(url)


def read_rest(chunks: Iterator[bytes], failures: Kinds) -> None:
    """Read on while an end may still come."""
    with contextlib.suppress(APITimeoutError, *failures):
        for _ in islice(chunks, MAX_REST):
            pass


def ssl_context_for(url: str) -> ssl.SSLContext:
    """Return the shared context; plain http, which is loopback only, needs none that is loaded."""
    return (
        shared_ssl_context()
        if url.startswith("https:")
        else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )


@functools.cache
def shared_ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()
