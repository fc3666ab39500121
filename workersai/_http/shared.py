"""What both engines share: limits, clocks, errors in our terms, and decompression."""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Literal, TypeAlias

import aiohttp
import httpx

from workersai._exchange import Timeout
from workersai._secrets import Secrets, redact
from workersai.errors import APIConnectionError, APITimeoutError, ResponseError, WorkersAIError

HTTPClient: TypeAlias = httpx.Client
AsyncHTTPClient: TypeAlias = httpx.AsyncClient

MAX_CONNECTIONS = 1000
MAX_IDLE_CONNECTIONS = 100
IDLE_SECONDS = 30.0
DRAIN_SECONDS = 0.1
_MAX_STEP_BYTES = 16 << 20
_SHORTEST = 0.001

LIMITS = httpx.Limits(
    max_connections=MAX_CONNECTIONS,
    max_keepalive_connections=MAX_IDLE_CONNECTIONS,
    keepalive_expiry=IDLE_SECONDS,
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request, ready to go; its repr shows neither the token nor the account."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    params: Mapping[str, str]
    secrets: Secrets


class Clocks:
    """The clocks of one attempt.

    The idle clock starts when the next bytes are waited for, so the time that a consumer takes
    over its events does not count.
    """

    __slots__ = ("_deadline", "_limit", "_phase", "_timeout", "is_fresh")

    def __init__(self, timeout: Timeout, deadline: float) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._limit = deadline
        self._phase: Literal["first_byte", "idle"] = "first_byte"
        self.is_fresh = False
        """Set when the answer begins and when an event comes: the idle clock starts anew."""

    def extensions(self) -> dict[str, dict[str, float]]:
        """Return what httpx needs to know to send the request."""
        left = max(self._deadline - time.monotonic(), _SHORTEST)
        connect = min(self._timeout.connect, left)
        read = min(self._timeout.first_byte, left)
        return {"timeout": {"connect": connect, "pool": connect, "read": read, "write": read}}

    def wait(self) -> float:
        """Return the seconds that the next bytes may take."""
        now = time.monotonic()
        if self.is_fresh:
            self.is_fresh = False
            self._phase = "idle"
            self._limit = min(now + self._timeout.idle, self._deadline)
        return max(self._limit - now, _SHORTEST)

    def expired(self, *, is_connecting: bool = False) -> APITimeoutError:
        """Return the error for the clock that ran out."""
        if time.monotonic() >= self._deadline:
            return APITimeoutError(
                f"The call was not done within its total of {self._timeout.total:g} s",
                phase="total",
            )
        phase: Literal["connect", "first_byte", "idle"]
        phase = "connect" if is_connecting else self._phase
        seconds = getattr(self._timeout, phase)
        return APITimeoutError(
            f"{_WAITED_FOR[phase]} within {seconds:g} s (timeout {phase!r})", phase=phase
        )


_WAITED_FOR = {
    "connect": "No connection could be made",
    "first_byte": "No answer began",
    "idle": "No event of the stream came",
}

# ------------------------------------------------------------------------------- errors

FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    aiohttp.ClientError,
    asyncio.TimeoutError,
    OSError,
    zlib.error,
)
_CONNECT_TIMEOUTS = (httpx.ConnectTimeout, httpx.PoolTimeout, aiohttp.ConnectionTimeoutError)
_UNREADABLE = (httpx.DecodingError, httpx.InvalidURL, aiohttp.ClientResponseError, zlib.error)
_USER_INFO = re.compile(r"//[^/@\s]*@")


def translate(error: BaseException, clocks: Clocks, outgoing: Outgoing) -> WorkersAIError:
    """Say in our terms what a library raised; the result keeps no reference to it."""
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    if isinstance(cause, (httpx.TimeoutException, asyncio.TimeoutError)):
        return clocks.expired(is_connecting=isinstance(cause, _CONNECT_TIMEOUTS))
    text = redact(_USER_INFO.sub("//", str(cause)), outgoing.secrets)
    host = httpx.URL(outgoing.url).host
    reason = f"{type(cause).__name__}: {ascii(text[:200])[1:-1]}"
    if isinstance(cause, _UNREADABLE) or _is_protocol_error(cause):
        return ResponseError(f"The answer of {host} could not be read ({reason})")
    return APIConnectionError(f"The connection to {host} failed ({reason})")


def _is_protocol_error(cause: BaseException) -> bool:
    """Tell an answer that is no HTTP from a connection that was closed."""
    if not isinstance(cause, httpx.RemoteProtocolError):
        return isinstance(cause, httpx.LocalProtocolError)
    text = str(cause)
    return not ("disconnected" in text or "closed connection" in text)


# ------------------------------------------------------------------------ decompression


class Decoder:
    """gzip and deflate, a bounded step at a time; `identity` was asked for, so this is rare."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=47)

    def decode(self, data: bytes) -> bytes:
        """Return what *data* decompresses to."""
        decoded = self._inflate.decompress(data, _MAX_STEP_BYTES)
        if self._inflate.unconsumed_tail:
            raise ResponseError(f"a piece of the answer inflates beyond {_MAX_STEP_BYTES} bytes")
        return decoded

    def close(self) -> None:
        """Check that the compressed data was whole."""
        if not self._inflate.eof:
            raise ResponseError("the compressed answer is cut short")


def decoder_for(headers: Mapping[str, str]) -> Decoder | None:
    """Choose the decoder of a body; what was not asked for and is not common raises."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return Decoder()
    raise ResponseError(f"the answer is compressed with {encoding!r}, which was not asked for")


# -------------------------------------------------------------------- clients and requests


def build_request(outgoing: Outgoing, clocks: Clocks) -> httpx.Request:
    return httpx.Request(
        outgoing.method,
        outgoing.url,
        headers=outgoing.headers,
        content=outgoing.content or None,
        params=outgoing.params or None,
        extensions=clocks.extensions(),
    )


def refuse_cookies(client: HTTPClient | AsyncHTTPClient) -> None:
    """One tenant's cookie must not travel with another's request."""
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))


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
