"""What both engines share: limits, requests, logs and the SSL context."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import ssl
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import islice
from typing import Any, TypeAlias

import httpx

from workersai._http.families import Family, Kinds
from workersai._http.outgoing import Outgoing
from workersai._secrets import redact
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
    _sent.set(outgoing.secrets)
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


_sent: ContextVar[tuple[str, ...]] = ContextVar("secrets", default=())
"""The secrets of the last request that this thread or task sent."""


class _Mask(logging.Filter):
    """Masks what an HTTP library logs of a request: accounts in URLs, and secrets sent back."""

    _ACCOUNT = re.compile(r"(?<=/accounts/)[0-9a-fA-F]{32}")

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if (masked := redact(self._ACCOUNT.sub("***", text), _sent.get())) != text:
            record.msg, record.args = masked, ()
        return True


_mask = _Mask()
_LOGGERS = ("", ".connection", ".http11", ".http2", ".proxy", ".socks")
"""Of a library's transport, below its name: a filter hears only its own logger."""


def mask_accounts(family: Family) -> None:
    """Keep secrets out of what the library logs, whoever listens."""
    name = family.library.__name__
    transport = name.replace("httpx", "httpcore")
    for logger in (name, *(transport + below for below in _LOGGERS)):
        logging.getLogger(logger).addFilter(_mask)  # once, however often it is added


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
