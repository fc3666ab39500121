"""Differences of httpx over aiohttp in a user's own client: proxies and cookies.

`httpx_aiohttp` does not call httpx's `trace` extension, and its sessions have their own cookies.
Both are found in the transport that the client would use.
"""

from __future__ import annotations

import contextlib
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from workersai.errors import ConfigurationError

__all__ = ["aiohttp_transport", "goes_through_a_proxy", "session_cookies_kept"]


def aiohttp_transport(client: Any, url: Any) -> Any | None:
    """Return the aiohttp transport that a client uses for a URL; `None` if it uses another one.

    Raises:
        ConfigurationError: If this version of httpx has no `AsyncClient._transport_for_url`, which
            is the only way to find the transport: without it, a proxy between the client and a
            plain-http URL would not be detected.
    """
    library = sys.modules.get("httpx_aiohttp")
    if library is None or not isinstance(client, sys.modules["httpx"].AsyncClient):
        return None
    if not hasattr(client, "_transport_for_url"):
        raise ConfigurationError(
            "an HTTP client of your own over aiohttp needs httpx 0.28: with this version of httpx, "
            "the transport for a URL cannot be found, and a proxy would not be detected",
            parameter="http_async_client",
        )
    transport = client._transport_for_url(url)  # noqa: SLF001 - checked above
    return transport if isinstance(transport, library.AiohttpTransport) else None


def goes_through_a_proxy(transport: Any) -> bool:
    """Return whether plain-http requests over the transport go to a proxy."""
    session = transport.client
    from_environment = getattr(session, "trust_env", False) and urllib.request.getproxies()
    return bool(transport.proxy or from_environment)


@contextlib.contextmanager
def session_cookies_kept(transport: Any) -> Iterator[list[Any]]:
    """Restore a session's cookies after a request.

    aiohttp stores cookies before it returns the answer, so they are removed again. No other code
    runs in the event loop in between, unless a hook of the client's owner awaits something.

    Yields:
        A list for the answer; the cookies that this answer sets are removed.
    """
    before = _cookies_of(transport)
    answers: list[Any] = []
    yield answers
    for answer in answers:
        _take_out(transport.client.cookie_jar, answer, before)


Key = tuple[str, str, str]


def _cookies_of(transport: Any) -> dict[Key, Any]:
    jar = getattr(transport.client, "cookie_jar", ())  # the session begins with the first request
    return {_key(cookie): cookie for cookie in jar}


def _key(cookie: Any) -> Key:
    return cookie["domain"], cookie["path"], cookie.key


def _take_out(jar: Any, answer: Any, before: Mapping[Key, Any]) -> None:
    lines = answer.headers.get_list("set-cookie")
    names = {line.partition("=")[0].strip() for line in lines}
    new = [it for it in jar if it.key in names and before.get(_key(it)) is not it]
    if not new:
        return
    ids = set(map(id, new))
    jar.clear(lambda cookie: id(cookie) in ids)
    for cookie in new:
        if (old := before.get(_key(cookie))) is not None:
            _put_back(jar, old, answer.request.url.host)


def _put_back(jar: Any, cookie: Any, host: str) -> None:
    from yarl import URL  # noqa: PLC0415 - installed with aiohttp

    cookie = cookie.copy()
    domain = cookie["domain"] or host
    cookie["domain"] = "" if domain == host else domain  # most are for this host alone
    jar.update_cookies({cookie.key: cookie}, URL.build(scheme="https", host=host, path="/"))
