"""HTTP clients of the user's own: what engines do in their own sockets, by what a library offers.

They are used as they are, so nothing here changes one. What their sockets cannot be told, the
extensions of httpx's requests and answers can.
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

from workersai._http.clocks import Clocks
from workersai._http.families import Kinds, family_of
from workersai._http.shared import read_rest
from workersai.errors import ConfigurationError

__all__ = ["ReuseWatch", "UserClient", "read_to_end", "shielded"]

_OTHER_LOOP = re.compile("event loop is closed|different (event )?loop", re.IGNORECASE)
_first_users: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
"""The process that first used a client, whichever engine it did so through."""


class UserClient:
    """A user's own HTTP client.

    Attributes:
        family: The library it comes from.

    Raises:
        ConfigurationError: If it is none of httpx or httpx2, or of the other colour.
    """

    def __init__(self, client: Any, kind: str) -> None:
        self._client = client
        self.family = family_of(client, kind)

    def get(self) -> Any:
        """Return the client.

        Raises:
            ConfigurationError: If it is closed, or was used before this process was forked: parent
                and child would read each other's answers from the connections they share.
        """
        if self._client.is_closed:
            raise _misused("the HTTP client is closed")
        if _first_users.setdefault(self._client, os.getpid()) != os.getpid():
            raise _misused(
                "the HTTP client was used before this process was forked, and its connections are "
                "the other process's too: make one after the fork"
            )
        return self._client

    def misuse(self, error: RuntimeError) -> ConfigurationError | None:
        """Say what a client's error means that is about how it is used, and not of its family."""
        if self._client.is_closed:
            return _misused("the HTTP client was closed under a request")
        if _OTHER_LOOP.search(str(error)):  # asyncio's own words; a hook's error stays its owner's
            return _misused(
                "the HTTP client has connections of another event loop, and serves only that one: "
                "bring one for each loop, or none, and there will be one for each"
            )
        return None


def _misused(text: str) -> ConfigurationError:
    return ConfigurationError(text, parameter="http_client")


class ReuseWatch:
    """Hears from httpx's `trace` extension whether a request goes over a connection used before.

    An engine that does not know the extension tells nothing, and a request over it is never taken
    for one that met a connection which the server was just closing.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._is_new = False

    def hear(self, event: str, _: object) -> None:
        if ".connect_" in event:
            self._is_new = True
        elif event.endswith(".send_request_headers.started"):
            self._clocks.is_stale = not self._is_new
        elif event.endswith(".receive_response_headers.complete"):
            self._clocks.is_stale = False

    async def hear_async(self, event: str, info: object) -> None:
        self.hear(event, info)


def shielded(closing: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Let a close go on although who waits for it is cancelled a second time.

    The pools of httpx and httpx2 give a place back at the end of a close, and only there.
    """

    async def close() -> None:
        await asyncio.shield(asyncio.ensure_future(closing()))

    return close


def read_to_end(response: Any, chunks: Iterator[bytes], seconds: float, failures: Kinds) -> None:
    """Read the rest of a body that is not worth waiting for, so that its connection can be kept.

    A read under way knows no other clock than the one it began with: when the time is up, the
    socket is shut down under it.
    """
    if response.http_version == "HTTP/2":
        return  # whose connections carry other answers too, and outlive an unread one
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
        alarm.join()  # the connection is not anybody else's before its alarm is off


def _shut_down(below: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was first
        socket.socket.shutdown(below, socket.SHUT_RDWR)
