"""Connections of the async engine: used again only while silent, ended even without their loop."""

from __future__ import annotations

import asyncio
import contextlib
import select
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from workersai._http.clocks import Clocks

__all__ = ["Connector", "current_clocks"]

current_clocks: ContextVar[Clocks | None] = ContextVar("clocks", default=None)
"""The clocks of the request that a task is sending."""


class Connector(aiohttp.TCPConnector):
    """aiohttp's connector, which would hand out a connection that holds somebody's bytes.

    What a server sends on an idle connection would be read as the answer to the next request.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # A protocol forgets its transport before that has let go of its socket.
        self._transports: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Return a connection that is new, or that nothing has come over since its last answer."""
        while True:
            connection: Any = await super().connect(*args, **kwargs)
            protocol, transport = connection.protocol, connection.transport
            is_used = protocol in self._transports
            if is_used and (protocol.should_close or _is_readable(transport)):
                connection.close()
                continue
            self._transports[protocol] = transport
            if (clocks := current_clocks.get()) is not None:
                clocks.is_stale = is_used
            return connection

    def break_off(self) -> int:
        """End the connections in use, and return how many there are.

        `close` would end them too, but without a word to who reads from one: it would wait until
        its time is over.
        """
        for protocol in (used := list(self._acquired)):
            if protocol.transport is not None:
                protocol.transport.abort()
        return len(used)

    def abandon(self) -> None:
        """Give up every socket of a closed event loop, without a warning."""
        for transport in list(self._transports.values()):
            _end(transport)


def _is_readable(transport: asyncio.BaseTransport) -> bool:
    """Say whether the event loop has yet to read something: bytes, or the end."""
    socket = transport.get_extra_info("socket")
    if not hasattr(select, "poll"):
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def _end(transport: Any) -> None:
    """Do for a transport what its loop would do, which it would ask and which is closed."""
    with contextlib.suppress(RuntimeError):  # the loop is closed
        transport.abort()
    encrypted = getattr(transport, "_ssl_protocol", None)
    below = transport if encrypted is None else encrypted._transport  # noqa: SLF001
    # asyncio's own transports have it; those of other loops close with their loop.
    finish = getattr(below, "_call_connection_lost", None)
    if finish is not None:
        with contextlib.suppress(RuntimeError, AttributeError):
            finish(None)
