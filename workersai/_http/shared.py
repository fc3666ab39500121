"""What both engines share: limits, requests, logs and the SSL context."""

from __future__ import annotations

import functools
import logging
import re
import ssl
from typing import Any, TypeAlias

import httpx

from workersai._http.families import Family
from workersai._http.outgoing import Outgoing

HTTPClient: TypeAlias = httpx.Client
AsyncHTTPClient: TypeAlias = httpx.AsyncClient

MAX_CONNECTIONS = 1000
MAX_IDLE_CONNECTIONS = 100
IDLE_SECONDS = 30.0

LIMITS = httpx.Limits(
    max_connections=MAX_CONNECTIONS,
    max_keepalive_connections=MAX_IDLE_CONNECTIONS,
    keepalive_expiry=IDLE_SECONDS,
)


def build_request(outgoing: Outgoing, family: Family, timeouts: dict[str, Any]) -> httpx.Request:
    """Write a request as its library has it; *timeouts* are those of httpx's extension."""
    request: httpx.Request = family.library.Request(
        outgoing.method,
        parse_url(family, outgoing.url),
        headers=outgoing.headers,
        content=outgoing.content or None,
        params=outgoing.params or None,
        extensions={"timeout": timeouts},
    )
    return request


@functools.lru_cache(maxsize=128)
def parse_url(family: Family, url: str) -> Any:
    """Parse a URL once: a client asks few of them, and often."""
    return family.library.URL(url)


class _MaskAccounts(logging.Filter):
    """Masks the account id in the URLs that an HTTP library logs for each request."""

    _ACCOUNT = re.compile(r"(?<=/accounts/)[0-9a-fA-F]{32}")

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if (masked := self._ACCOUNT.sub("***", text)) != text:
            record.msg, record.args = masked, ()
        return True


_mask = _MaskAccounts()


def mask_accounts(family: Family) -> None:
    """Keep the account id out of what the library logs, whoever listens."""
    logging.getLogger(family.library.__name__).addFilter(_mask)  # once, however often it is added


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
