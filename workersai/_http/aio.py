"""Async calls, over httpx with the aiohttp engine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple, cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

from workersai._http.clocks import Clocks
from workersai._http.connector import Connector, current_clocks
from workersai._http.families import HTTPX, Family
from workersai._http.inflate import decoder_for
from workersai._http.logs import mask_logs
from workersai._http.outgoing import Outgoing
from workersai._http.shared import (
    IDLE_SECONDS,
    MAX_CONNECTIONS,
    MAX_REST,
    AsyncHTTPClient,
    build_request,
    shared_ssl_context,
    ssl_context_for,
)
from workersai._http.user_clients import UserClient, shielded
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, WorkersAIError

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit  # comes with aiohttp where Python has none

__all__ = ["AsyncAnswer", "AsyncEngine"]


class _AsyncClient(HttpxAiohttpClient):
    """httpx over aiohttp with our limits and no cookies, through the environment's proxies too."""

    def _init_transport(self, verify: Any = True, *_: Any, **__: Any) -> httpx.AsyncBaseTransport:
        return _aiohttp_transport(verify)

    def _init_proxy_transport(
        self, proxy: httpx.Proxy, verify: Any = True, *_: Any, **__: Any
    ) -> httpx.AsyncBaseTransport:
        return _aiohttp_transport(verify, _with_header(proxy))

    async def begin(self, request: httpx.Request) -> httpx.Response:
        """Send a request without what `send` adds: cookies, redirects, auth and a log line."""
        return await self._transport_for_url(request.url).handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections; who still waits for an answer is told at once."""
        try:
            if sum(connector.break_off() for connector in self._connectors()):
                await asyncio.sleep(0)  # the event loop tells them
        finally:  # a loop that ends may cancel whoever closes
            await super().aclose()

    def _connectors(self) -> Iterator[Connector]:
        for transport in (self._transport, *self._mounts.values()):
            session = getattr(transport, "client", None)  # not there yet without a request
            connector = getattr(session, "connector", None)  # nor any more, after a close
            if isinstance(connector, Connector):
                yield connector

    def abandon(self) -> None:
        """Close without the event loop, which is closed."""
        for connector in self._connectors():
            connector.abandon()
        closing = super().aclose()
        with contextlib.suppress(StopIteration):
            closing.send(None)  # nothing is left to wait for: it runs to its end at once
        closing.close()


def _with_header(proxy: httpx.Proxy) -> httpx.Proxy:
    """Move a proxy's credentials into its headers: aiohttp warns of its own form of them."""
    if proxy.raw_auth is None:
        return proxy
    basic = base64.b64encode(b":".join(proxy.raw_auth)).decode()
    headers = {**proxy.headers, "authorization": f"Basic {basic}"}
    return httpx.Proxy(proxy.url, ssl_context=proxy.ssl_context, headers=headers)


def _aiohttp_transport(
    context: ssl.SSLContext, proxy: httpx.Proxy | None = None
) -> AiohttpTransport:
    def session() -> aiohttp.ClientSession:
        connector = Connector(limit=MAX_CONNECTIONS, keepalive_timeout=IDLE_SECONDS, ssl=context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=context, proxy=proxy, client=session)


async def _keep_client(context: ssl.SSLContext) -> AsyncGenerator[_AsyncClient, None]:
    """Hold a client open until its event loop shuts its asynchronous generators down.

    `asyncio.run` does so before it closes the loop, which closes the connections in good order
    although nobody called `aclose`.
    """
    client = _AsyncClient(verify=context, timeout=None)
    try:
        yield client
    finally:
        await client.aclose()


class _Kept(NamedTuple):
    loop: asyncio.AbstractEventLoop
    client: _AsyncClient
    keeper: AsyncGenerator[_AsyncClient, None]


def _abandon_closed(kept: dict[tuple[int, int], _Kept]) -> None:
    """Close what event loops left open that were closed without a chance to do so."""
    for key, entry in list(kept.items()):
        if entry.loop.is_closed() and kept.pop(key, None) is not None:
            entry.client.abandon()


class AsyncEngine:
    """Sends requests over aiohttp, with the user's client or one of its own an event loop."""

    def __init__(self, user_client: AsyncHTTPClient | None = None) -> None:
        self._user = None if user_client is None else UserClient(user_client, "AsyncClient")
        self._family = HTTPX if self._user is None else self._user.family
        self._kept: dict[tuple[int, int], _Kept] = {}
        self.secrets = [] if self._user is None else self._user.secrets
        mask_logs(self._family.library.__name__)
        weakref.finalize(self, _abandon_closed, self._kept)

    async def open(self, outgoing: Outgoing, clocks: Clocks) -> AsyncAnswer:
        """Send a request and wait for the head of its answer.

        Raises:
            APIConnectionError: If there is no answer.
            ResponseError: If it is not HTTP.
        """
        current = current_clocks.set(clocks)
        try:
            return await self._send(outgoing, clocks)
        except APIConnectionError as error:
            if not clocks.met_a_closing_connection(error):
                raise
        finally:
            current_clocks.reset(current)
        # The server closed an idle connection just then. That is nobody's failure: ask again.
        return await self._send(outgoing, clocks)

    async def _send(self, outgoing: Outgoing, clocks: Clocks) -> AsyncAnswer:
        failure: WorkersAIError
        try:
            connect, wait = clocks.connect(), clocks.wait()
            limits = {"connect": connect, "pool": connect, "read": wait, "write": wait}
            async with time_limit(wait):
                response = await self._begin(outgoing, clocks, limits)
        except self._family.failures as error:
            failure = self._family.translate(error, clocks, outgoing)
        except RuntimeError as error:
            if self._user is None or (misuse := self._user.misuse(error)) is None:
                raise
            failure = misuse
        else:
            closing = response.aclose if self._user is None else shielded(response.aclose)
            return AsyncAnswer(response, clocks, outgoing, self._family, closing)
        raise failure

    async def _begin(
        self, outgoing: Outgoing, clocks: Clocks, limits: dict[str, Any]
    ) -> httpx.Response:
        if self._user is not None:
            response: httpx.Response = await self._user.send_async(outgoing, clocks, limits)
            return response
        client = await self._client(outgoing.url)
        return await client.begin(build_request(outgoing, self._family, {"timeout": limits}))

    async def _client(self, url: str) -> _AsyncClient:
        loop = asyncio.get_running_loop()
        if (kept := self._live(loop)) is None:
            if url.startswith("https:"):
                await asyncio.to_thread(shared_ssl_context)  # reads certificates for 30 ms
            kept = self._live(loop) or await self._keep(loop, ssl_context_for(url))
        return kept.client

    def _live(self, loop: asyncio.AbstractEventLoop) -> _Kept | None:
        kept = self._kept.get((os.getpid(), id(loop)))
        is_live = kept is not None and kept.loop is loop and not kept.client.is_closed
        return kept if is_live else None

    async def _keep(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext) -> _Kept:
        _abandon_closed(self._kept)
        keeper = _keep_client(context)
        # The generator runs to its `yield` without giving way, so no other task comes between.
        kept = _Kept(loop, await keeper.__anext__(), keeper)
        self._kept[os.getpid(), id(loop)] = kept
        return kept

    async def aclose(self) -> None:
        """Close this loop's connections; the next call opens new ones. A user's client stays."""
        kept = self._kept.pop((os.getpid(), id(asyncio.get_running_loop())), None)
        if kept is not None:
            await kept.keeper.aclose()


class AsyncAnswer:
    """The head of an answer, and its body while it comes."""

    def __init__(
        self,
        response: httpx.Response,
        clocks: Clocks,
        outgoing: Outgoing,
        family: Family,
        closing: Callable[[], Awaitable[None]],
    ) -> None:
        self.status = response.status_code
        self.is_error = is_error_status(self.status)
        clocks.begin_body(is_error=self.is_error)
        self.headers = dict(response.headers)
        self._closing = closing
        self._clocks = clocks
        self._outgoing = outgoing
        self._family = family
        stream = cast("httpx.AsyncByteStream", response.stream)
        self._chunks: AsyncIterator[bytes] = aiter(stream)
        self._bytes = self._read()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """As `SyncAnswer.__iter__`."""
        return self._bytes

    async def _read(self) -> AsyncGenerator[bytes, None]:
        decoder = decoder_for(self.headers)
        try:
            while True:
                async with time_limit(self._clocks.wait()):
                    data = await anext(self._chunks, None)
                if data is None:
                    break
                if decoder is None:
                    yield data
                    continue
                for piece in decoder.decode(data):
                    yield piece
            if decoder is not None:
                decoder.close()
        except self._family.failures as error:
            failure = self._family.translate(error, self._clocks, self._outgoing)
        else:
            return
        raise failure

    async def aclose(self, *, is_done: bool = False) -> None:
        """Let go of the connection; after a whole answer it is kept for the next request."""
        try:
            await self._bytes.aclose()
            if is_done:
                # Without an end in sight the connection goes.
                with contextlib.suppress(*self._family.failures):
                    async with time_limit(self._clocks.drain()):
                        for _ in range(MAX_REST):
                            if await anext(self._chunks, None) is None:
                                break
        finally:
            await self._closing()
