"""Send requests with an HTTP client of the user's own, which builds them as it builds its own.

So its headers, cookies, params, auth, hooks, proxies and TLS settings apply. If both set a header,
ours is sent. A call does not change the client, and sends the token only to the host of `base_url`:
a request to another host, or through a proxy unencrypted, raises an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from workersai._clocks import Clocks
from workersai._http.destination import Destination, misused
from workersai._http.families import Kinds, family_of
from workersai._http.shared import read_rest
from workersai._http.user_aiohttp import (
    aiohttp_transport,
    goes_through_a_proxy,
    session_cookies_kept,
)
from workersai._http.user_auth import guarded_auth
from workersai._http.user_cookies import CookieGuard
from workersai._outgoing import Outgoing
from workersai._secrets import secrets_in_header
from workersai.errors import ConfigurationError

__all__ = ["ReuseWatch", "UserClient", "read_to_end", "shielded"]

_OTHER_LOOP = re.compile("event loop is closed|different (event )?loop", re.IGNORECASE)


class _Known:
    """The state that all engines with the same client share."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.cookies = CookieGuard()


_known: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()
"""By client; created at first use, in each process."""


class UserClient:
    """A user's own HTTP client.

    Attributes:
        client: The client.
        family: The library it comes from.

    Raises:
        ConfigurationError: If it comes from neither httpx nor httpx2, or is sync where an async
            one is needed.
    """

    def __init__(self, client: Any, kind: str) -> None:
        self.client = client
        self.family = family_of(client, kind)

    @property
    def secrets(self) -> list[str]:
        """Secrets in the headers that the client adds."""
        headers = self.client.headers.items()
        return [secret for header in headers for secret in secrets_in_header(*header)]

    def send(self, outgoing: Outgoing, clocks: Clocks, limits: dict[str, Any]) -> Any:
        """Send a request and return httpx's response with its body unread.

        Args:
            outgoing: The request.
            clocks: They are informed whether the connection was used before.
            limits: httpx's timeouts.

        Raises:
            ConfigurationError: If the client is closed, or would send the token to another host.
        """
        known, destination = self._get(), Destination(outgoing, self.family)
        watch = ReuseWatch(clocks, destination)
        request = self._build(outgoing, {"timeout": limits, "trace": watch.hear}, destination)
        auth = self._auth_for(request, destination)
        with known.cookies.watching(self.client, str(request.url)):
            return self.client.send(request, stream=True, auth=auth, follow_redirects=False)

    async def send_async(self, outgoing: Outgoing, clocks: Clocks, limits: dict[str, Any]) -> Any:
        """As `send`."""
        known, destination = self._get(), Destination(outgoing, self.family)
        watch = ReuseWatch(clocks, destination)
        request = self._build(outgoing, {"timeout": limits, "trace": watch.hear_async}, destination)
        auth = self._auth_for(request, destination)
        with known.cookies.watching(self.client, str(request.url)):
            if (transport := aiohttp_transport(self.client, request.url)) is None:
                return await self.client.send(
                    request, stream=True, auth=auth, follow_redirects=False
                )
            if destination.is_plain and goes_through_a_proxy(transport):
                raise destination.elsewhere()
            with session_cookies_kept(transport) as answers:
                response = await self.client.send(
                    request, stream=True, auth=auth, follow_redirects=False
                )
                answers.append(response)
            return response

    def _build(
        self, outgoing: Outgoing, extensions: dict[str, Any], destination: Destination
    ) -> Any:
        request = self.client.build_request(
            outgoing.method,
            outgoing.url,
            headers=outgoing.headers,
            content=outgoing.content or None,
            params=outgoing.params or None,
            extensions=extensions,
        )
        destination.claim(request)
        return request

    def _auth_for(self, request: Any, destination: Destination) -> Any:
        def check(sent: Any) -> None:
            if sent is request:
                destination.claim(sent)
            else:
                destination.take_back_token(sent)

        return guarded_auth(self.family.library, self.client.auth, check)

    def _get(self) -> _Known:
        """Check that the client can be used; return its shared state.

        Raises:
            ConfigurationError: If it is closed, or was used before this process was forked: parent
                and child would read each other's answers from shared connections.
        """
        if self.client.is_closed:
            raise misused("the HTTP client is closed")
        known = _known.setdefault(self.client, _Known())
        if known.pid != os.getpid():
            raise misused(
                "the HTTP client was used before this process was forked, and shares its "
                "connections with the other process: create one after the fork"
            )
        return known

    def misuse(self, error: RuntimeError) -> ConfigurationError | None:
        """Return the error for a misused client, or `None` if *error* means something else."""
        if self.client.is_closed:
            return misused("the HTTP client was closed during a request")
        if _OTHER_LOOP.search(str(error)):  # asyncio's messages; errors of hooks are passed on
            return misused(
                "the HTTP client has connections of another event loop and can only be used "
                "in that one: pass one for each loop, or none, so that each loop gets its own"
            )
        return None


class ReuseWatch:
    """Learns from httpx's `trace` extension which connection a request uses, and where it goes.

    An engine without this extension reports nothing. Then a request is never treated as one that
    met a closing connection.
    """

    def __init__(self, clocks: Clocks, destination: Destination) -> None:
        self._clocks = clocks
        self._destination = destination
        self._is_new = False

    def hear(self, event: str, info: Any) -> None:
        if ".connect_" in event:
            self._is_new = True
            if event.endswith(".connect_tcp.started"):
                self._destination.check_connection(info["host"], info["port"])
        elif event.endswith(".send_request_headers.started"):
            self._destination.check_request(info["request"])
            self._clocks.is_stale = not self._is_new
        elif event.endswith(".receive_response_headers.complete"):
            self._clocks.is_stale = False

    async def hear_async(self, event: str, info: Any) -> None:
        self.hear(event, info)


def shielded(closing: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Finish a close even if the waiting task is cancelled a second time.

    The pools of httpx and httpx2 free a slot only at the end of a close.
    """

    async def close() -> None:
        await asyncio.shield(asyncio.ensure_future(closing()))

    return close


def read_to_end(response: Any, chunks: Iterator[bytes], seconds: float, failures: Kinds) -> None:
    """Read the rest of an unneeded body, so that its connection can be kept.

    A running read keeps the timeout that it began with, so the socket is shut down when the time
    is up.
    """
    if response.http_version == "HTTP/2":
        return  # its connections carry other answers too, and survive an unread one
    stream = response.extensions.get("network_stream")
    below = None if stream is None else stream.get_extra_info("socket")
    if not isinstance(below, socket.socket):
        return
    alarm = threading.Timer(seconds, _shut_down, [below])
    alarm.daemon = True
    alarm.start()
    try:
        read_rest(chunks, failures)
    finally:
        alarm.cancel()
        alarm.join()  # release the connection only when the alarm is off


def _shut_down(below: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the server may have closed it already
        socket.socket.shutdown(below, socket.SHUT_RDWR)
