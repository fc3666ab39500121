"""Convert the return value of a binding to status, headers, and the bytes of a body."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from workersai._binding.call import BindingCall
from workersai._binding.errors import from_thrown
from workersai._binding.js import JavaScript
from workersai._clocks import Clocks
from workersai._wire import is_error_status
from workersai.errors import APIConnectionError, WorkersAIError

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit

__all__ = ["AsyncBindingAnswer", "Exchange", "Head", "SyncBindingAnswer", "read_head"]

_LATE = (asyncio.TimeoutError, TimeoutError)  # two classes before 3.11
_CLOSING_SECONDS = 0.1
_MAX_REST = 32
"""The number of reads for the rest of an answer; after more, the body is cancelled."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call through a binding.

    Attributes:
        js: JavaScript.
        call: The call.
        clocks: The clocks of the attempt.
        secrets: Texts that must not appear in errors.
        controller: The `AbortController` of the call.
    """

    js: JavaScript
    call: BindingCall
    clocks: Clocks
    secrets: tuple[str, ...] = field(repr=False)
    controller: Any = field(repr=False)

    def failure(self, error: Exception) -> WorkersAIError:
        """Convert an exception of JavaScript."""
        return from_thrown(error, self.clocks, model=self.call.model, secrets=self.secrets)


@dataclass(frozen=True, slots=True)
class Head:
    """The return value of a binding.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        body: A `ReadableStream`, if the body is one.
        content: The body, if it is complete.
    """

    status: int
    headers: dict[str, str] = field(repr=False)
    body: Any = field(default=None, repr=False)
    content: bytes = field(default=b"", repr=False)


def read_head(js: JavaScript, found: Any, call: BindingCall) -> Head:
    """Read the return value of `run` or `models`.

    `run` returns the requested `Response`. But it stores its options in the binding while it waits
    (source of workerd, `ai-api.ts`). If another call begins meanwhile and does not ask for a
    `Response`, `run` may return only the body or the parsed answer.

    Args:
        js: JavaScript.
        found: A `Response`, also in the wrapper of Cloudflare's Python SDK; a `ReadableStream`; or
            a value.
        call: The call.
    """
    found = getattr(found, "js_object", found)
    if hasattr(found, "arrayBuffer"):
        body = None if js.is_nothing(found.body) else found.body
        return Head(found.status, js.headers_of(found), body)
    if hasattr(found, "getReader"):
        kind = "text/event-stream" if call.is_stream else "application/octet-stream"
        return Head(200, {"content-type": kind}, found)
    text = js.to_text(found)
    if call.model is None:
        text = f'{{"result":{text},"success":true}}'
    return Head(200, {"content-type": "application/json"}, None, text.encode())


class AsyncBindingAnswer:
    """A running answer.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        is_error: Whether the status is an error.
    """

    def __init__(self, head: Head, exchange: Exchange, active: set[AsyncBindingAnswer]) -> None:
        self.status, self.headers = head.status, head.headers
        self.is_error = is_error_status(self.status)
        exchange.clocks.begin_body(is_error=self.is_error)
        self._exchange = exchange
        self._content = head.content
        self._reader = None if head.body is None else head.body.getReader()
        self._is_broken_off = False
        self._bytes = self._read()
        self._active = active
        active.add(self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """As `workersai._engine.SyncAnswer.__iter__`."""
        return self._bytes

    async def _read(self) -> AsyncGenerator[bytes, None]:
        while (data := await self.next()) is not None:
            yield data

    async def next(self) -> bytes | None:
        """Wait for the next bytes; `None` at the end.

        Raises:
            APIConnectionError: If the body broke off, or a clock ran out.
        """
        if (reader := self._reader) is None:
            content, self._content = self._content, b""
            return content or None
        if self._is_broken_off:
            raise APIConnectionError("The answer was closed by its owner")
        try:
            async with time_limit(self._exchange.clocks.wait()):
                chunk = await reader.read()
        except _LATE:
            failure: WorkersAIError = self._exchange.clocks.expired()
        except self._exchange.js.thrown as error:
            failure = self._exchange.failure(error)
        else:
            if not chunk.done:
                data: bytes = chunk.value.to_bytes()
                return data
            reader.releaseLock()
            self._reader = None
            return None
        raise failure

    def break_off(self) -> Any:
        """Cancel the body and abort the request; return an awaitable for it, if there is one."""
        self._active.discard(self)
        if self._reader is None or self._is_broken_off:
            return None
        self._is_broken_off = True
        cancelling = self._reader.cancel()
        self._exchange.controller.abort()
        return cancelling

    async def aclose(self, *, is_done: bool = False) -> None:
        """Release the body: read its rest if that is not needed any more, or else cancel it."""
        try:
            await self._bytes.aclose()
            if is_done:
                await self._drain()
        finally:
            await self.cancel()

    async def cancel(self) -> None:
        """Break off, and give JavaScript a moment to do it."""
        cancelling = self.break_off()
        if cancelling is not None:
            with contextlib.suppress(*_LATE, self._exchange.js.thrown):
                async with time_limit(_CLOSING_SECONDS):
                    await cancelling

    async def _drain(self) -> None:
        self._exchange.clocks.drain()
        with contextlib.suppress(WorkersAIError):
            for _ in range(_MAX_REST):
                if await self.next() is None:
                    break


class SyncBindingAnswer:
    """As `AsyncBindingAnswer`, for functions that are not coroutines."""

    def __init__(self, answer: AsyncBindingAnswer, js: JavaScript) -> None:
        self.status, self.headers, self.is_error = answer.status, answer.headers, answer.is_error
        self._answer, self._js = answer, js
        self._bytes = self._read()

    def __iter__(self) -> Iterator[bytes]:
        """As `workersai._engine.SyncAnswer.__iter__`."""
        return self._bytes

    def _read(self) -> Iterator[bytes]:
        while (data := self._js.wait(self._answer.next())) is not None:
            yield data

    def close(self, *, is_done: bool = False) -> None:
        """As `AsyncBindingAnswer.aclose`; awaits nothing where Python cannot be suspended."""
        if self._js.can_wait():
            self._js.wait(self._answer.aclose(is_done=is_done))
        else:
            self._answer.break_off()
