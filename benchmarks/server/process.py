"""The server: it answers at once with bytes made beforehand, in a process of its own.

It measures nothing. As it runs in another process, the CPU time of this one is the contestant's.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.server import answers
from benchmarks.server.accounts import Account
from benchmarks.server.answers import Route

PAUSE_SECONDS = 0.0003
"""Seconds between two events that are sent one by one; longer than any contestant needs."""
SLOW_SECONDS = 0.05
"""Seconds that the slow server needs for a batch of texts."""
TOGETHER_SECONDS = 0.7
"""Seconds that a stream waits in its middle for other streams to begin."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATH = re.compile(rb"/accounts/([0-9a-f]{32})/ai/(run|v1)")
_STREAMS = re.compile(rb'"stream": ?true')


class Answering(asyncio.Protocol):
    """One connection, kept open; one request at a time."""

    def __init__(self) -> None:
        self._came = b""
        self._out: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._out = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        end = self._came.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._came, 0, end + 2)
        size = end + 4 + (int(length[1]) if length else 0)
        if len(self._came) >= size:
            head, body, self._came = self._came[:end], self._came[end + 4 : size], self._came[size:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        found = _PATH.search(head)
        if found is None:
            self._out.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        account = Account.of(found[1].decode())
        route: Route = "run" if found[2] == b"run" else "openai"
        if account.kind in ("vectors", "slow"):
            self._embed(account, body, route)
        elif _STREAMS.search(body):
            self._stream(account, body, route)
        else:
            self._out.write(answers.plain(account, body, route))

    def _embed(self, account: Account, body: bytes, route: Route) -> None:
        asked = json.loads(body)
        texts = asked["text" if route == "run" else "input"]
        answer = answers.vectors([texts] if isinstance(texts, str) else texts, account, route)
        if account.kind == "slow":
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._out.write, answer)
        else:
            self._out.write(answer)

    def _stream(self, account: Account, body: bytes, route: Route) -> None:
        if account.kind == "agent":
            self._out.write(answers.agent(account, body, route))
        elif account.kind == "one_by_one":
            for piece in answers.stream(account, route):
                self._out.write(piece)
                time.sleep(PAUSE_SECONDS)  # one such stream at a time; a loop's clock is coarser
        elif account.kind == "together":
            pieces = answers.stream(account, route)
            half = len(pieces) // 2
            self._out.write(b"".join(pieces[:half]))
            later = asyncio.get_running_loop().call_later
            later(TOGETHER_SECONDS, self._out.write, b"".join(pieces[half:]))
        else:
            self._out.write(answers.joined(account, route))


def _serve(ready: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=4096)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def serving() -> Iterator[str]:
    """Run the server and give the root of its API."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        yield f"http://127.0.0.1:{here.recv()}/client/v4"
    finally:
        here.close()
        process.terminate()
        process.join()
        process.close()
