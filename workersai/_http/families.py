"""What an HTTP library raises -> errors in our terms.

The library is httpx, or httpx2 where a user brings a client of it: both have the same names, and
their exceptions have no base in common.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
import zlib
from dataclasses import dataclass, field
from typing import Any

from workersai._clocks import Clocks
from workersai._http.targets import parse_target
from workersai._outgoing import Outgoing
from workersai._secrets import redact
from workersai.errors import APIConnectionError, ConfigurationError, ResponseError, WorkersAIError

__all__ = ["Family", "family_of", "httpx_family"]

_LIBRARIES = ("httpx", "httpx2")
_ELSEWHERE = (asyncio.TimeoutError, OSError, zlib.error)
_USER_INFO = re.compile(r"//[^/@\s]*@")

Kinds = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """An HTTP library, as far as the engines need to know it.

    Attributes:
        library: The module.
        failures: All that sending and reading may raise.
    """

    library: Any
    failures: Kinds
    _timeouts: Kinds = field(repr=False)
    _connecting: Kinds = field(repr=False)
    _unreadable: Kinds = field(repr=False)
    _below: Kinds = field(repr=False)

    @classmethod
    def of(cls, library: Any, aiohttp: Any) -> Family:
        """Read the names of a library, and of aiohttp, which may carry its requests."""
        below: Kinds = () if aiohttp is None else (aiohttp.ClientError,)
        connecting: Kinds = (library.ConnectTimeout, library.ConnectError, library.PoolTimeout)
        unreadable: Kinds = (
            library.DecodingError,
            library.InvalidURL,
            library.LocalProtocolError,
            zlib.error,
        )
        if aiohttp is not None:
            connecting += (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError)
            unreadable += (aiohttp.ClientResponseError,)
        return cls(
            library,
            (library.HTTPError, library.InvalidURL, library.StreamError, *below, *_ELSEWHERE),
            (library.TimeoutException, asyncio.TimeoutError),
            connecting,
            unreadable,
            below,
        )

    def translate(self, error: BaseException, clocks: Clocks, outgoing: Outgoing) -> WorkersAIError:
        """Say in our terms what was raised; the result keeps no reference to it."""
        cause = error.__cause__ if isinstance(error.__cause__, self._below) else error
        is_connecting = isinstance(cause, self._connecting)
        if isinstance(cause, self._timeouts):
            return clocks.expired(is_connecting=is_connecting)
        text = redact(_USER_INFO.sub("//", str(cause)), outgoing.secrets)
        host = parse_target(outgoing.url).host
        reason = f"{type(cause).__name__}: {ascii(text[:200])[1:-1]}"
        if isinstance(cause, self._unreadable) or self._is_no_http(cause):
            return ResponseError(f"The answer of {host} could not be read ({reason})")
        failure = APIConnectionError(f"The connection to {host} failed ({reason})")
        failure.is_retryable = clocks.may_repeat(is_connecting=is_connecting)
        return failure

    def _is_no_http(self, cause: BaseException) -> bool:
        """Tell an answer that is no HTTP from a connection that was closed."""
        text = str(cause)
        return isinstance(cause, self.library.RemoteProtocolError) and not (
            "disconnected" in text or "closed connection" in text
        )


_read = functools.cache(Family.of)


def httpx_family() -> Family:
    """Return httpx as a family; it is imported only now."""
    import httpx  # noqa: PLC0415 - most processes never need it

    return _read(httpx, sys.modules.get("aiohttp"))


def family_of(client: object, kind: str) -> Family:
    """Tell which library a user's own client comes from.

    Args:
        client: The client.
        kind: The class it must have: `Client` or `AsyncClient`.

    Raises:
        ConfigurationError: If it comes from neither httpx nor httpx2, or is async where a sync
            one is needed, or the other way round.
    """
    for base in type(client).__mro__:
        library = base.__module__.partition(".")[0]
        if base.__name__ == kind and library in _LIBRARIES:
            return _read(sys.modules[library], sys.modules.get("aiohttp"))
    raise ConfigurationError(
        f"an HTTP client of your own must be an httpx.{kind} here, not a {type(client).__name__}",
        parameter="http_client",
    )
