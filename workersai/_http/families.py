"""Turn exceptions of an HTTP library into this package's errors.

The library is httpx, or httpx2 if the user passes such a client. Both have the same names, but
their exceptions have no common base class.
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
    """The parts of an HTTP library that the engines use.

    Attributes:
        library: The module.
        failures: All exceptions that sending and reading may raise.
    """

    library: Any
    failures: Kinds
    _timeouts: Kinds = field(repr=False)
    _connecting: Kinds = field(repr=False)
    _unreadable: Kinds = field(repr=False)
    _below: Kinds = field(repr=False)

    @classmethod
    def of(cls, library: Any, aiohttp: Any) -> Family:
        """Collect the classes of a library, and those of aiohttp, which may carry its requests."""
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
        """Return our error for a library's exception; it keeps no reference to the exception."""
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
        """Return whether the answer was not HTTP, as opposed to a closed connection."""
        text = str(cause)
        return isinstance(cause, self.library.RemoteProtocolError) and not (
            "disconnected" in text or "closed connection" in text
        )


_read = functools.cache(Family.of)


def httpx_family() -> Family:
    """Return httpx as a family; it is imported here."""
    import httpx  # noqa: PLC0415 - most processes do not need it

    return _read(httpx, sys.modules.get("aiohttp"))


def family_of(client: object, kind: str) -> Family:
    """Return the library of a user's own client.

    Args:
        client: The client.
        kind: The required class: `Client` or `AsyncClient`.

    Raises:
        ConfigurationError: If it comes from neither httpx nor httpx2, or is async where a sync
            one is needed, or the other way round.
    """
    for base in type(client).__mro__:
        library = base.__module__.partition(".")[0]
        if base.__name__ == kind and library in _LIBRARIES:
            return _read(sys.modules[library], sys.modules.get("aiohttp"))
    raise ConfigurationError(
        f"the HTTP client must be an httpx.{kind} (or httpx2's), not a {type(client).__name__}",
        parameter="http_client",
    )
