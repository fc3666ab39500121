"""Many calls at once: a server that obeys its prompts, and three async callers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import httpx
from httpx_aiohttp import HttpxAiohttpClient
from llama_index.core.llms import ChatMessage

from langchain_workersai import ChatWorkersAI
from llamaindex_workersai import WorkersAI
from tests.faults.speakers import make_http_client
from workersai import AsyncClient, TextDelta
from workersai._http import aio_pool
from workersai._http.aio_pool import AsyncPool
from workersai.client import retries as _exchange
from workersai.errors import WorkersAIError

ACCOUNT = "0" * 32
TOKEN = "a-token-of-the-tests"
MODEL = "@cf/nobody/unheard-of"
FACES = ("client", "langchain", "llamaindex")
OWN = tuple(f"client-{library}" for library in ("aiohttp", "httpx2", "httpx"))
"""The client over an HTTP client of the user's own."""
STORMPROOF = (*FACES, "client-aiohttp", "client-httpx2")
"""Without httpx 0.28's own async pool, which loses places to cancels, whoever uses it."""
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}"
_DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"

# ------------------------------------------------------------------------------------- server


def _token(text: str) -> bytes:
    event = b"data: " + json.dumps({"response": text}).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


class Server:
    """Does what the last message of a request says.

    `count ID N` streams N tokens, `say ID` answers plainly, `hang` never answers, `stall` stops
    after a token, `busy` refuses, `cut` breaks the connection after a token, `junk` sends an event
    that is no JSON, `drop` hangs up at once.
    """

    def __init__(self) -> None:
        self.port = 0
        self.open: set[asyncio.StreamWriter] = set()

    async def serve(self, ready: Callable[[int], Any]) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]
        ready(self.port)
        async with server:
            await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        verb, *words = str(body["messages"][-1]["content"]).split()
        if verb == "count":
            await self._count(writer, words[0], int(words[1]))
        elif verb == "say":
            answer = json.dumps({"response": words[0]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ")
            writer.write(b"%d\r\n\r\n%b" % (len(answer), answer))
        elif verb == "busy":
            writer.write(_BUSY)
        elif verb == "junk":
            writer.write(_HEAD + _token("a") + b"9\r\ndata: {\n\n\r\n0\r\n\r\n")
        else:
            if verb in ("stall", "cut"):
                writer.write(_HEAD + _token("a"))
            if verb in ("hang", "stall"):
                await reader.read(1)  # until the client hangs up
            return False
        await writer.drain()
        return True

    async def _count(self, writer: asyncio.StreamWriter, name: str, tokens: int) -> None:
        writer.write(_HEAD)
        for number in range(tokens):
            writer.write(_token(f"{name}.{number} "))
            if number % 10 == 9:
                await asyncio.sleep(0)
                if writer.transport.is_closing():
                    raise ConnectionResetError
        writer.write(_DONE)


@contextmanager
def server_in_a_thread() -> Iterator[Server]:
    """Run a server in a thread, so that tests can inspect its open connections."""
    server, ready, loop = Server(), threading.Event(), asyncio.new_event_loop()
    task = loop.create_task(server.serve(lambda _: ready.set()))

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.run_until_complete(_end_all())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(5)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(5)


async def _end_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _serve(ready: Connection) -> None:
    asyncio.run(Server().serve(ready.send))


@contextmanager
def server_in_a_process() -> Iterator[int]:
    """Run a server in another process, which leaves this one its CPU time; return its port."""
    parent, child = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(child,), daemon=True)
    process.start()
    try:
        yield parent.recv()
    finally:
        process.terminate()
        process.join()


# ------------------------------------------------------------------------------------ callers


class Caller:
    """One object of a face, asked asynchronously with any prompt.

    A name may have a second part: the library of an HTTP client of the user's own, which has as
    many connections as the parameter says.
    """

    def __init__(self, name: str, port: int, connections: int = 1000, **settings: Any) -> None:
        self.face, *library = name.split("-")
        self._own: Any = None
        if library:
            limits = httpx.Limits(max_connections=connections)
            self._own = make_http_client("async", library[0], limits=limits)
            settings["http_client"] = self._own
        make: Any = {"client": AsyncClient, "langchain": ChatWorkersAI, "llamaindex": WorkersAI}
        self.it: Any = make[self.face](
            model=MODEL,
            account_id=ACCOUNT,
            api_token=TOKEN,
            base_url=f"http://127.0.0.1:{port}",
            **({"context_window": 4096} if self.face == "llamaindex" else {}),
            **settings,
        )

    @property
    def http_client(self) -> Any:
        """The HTTP client below, of the running event loop where it is ours."""
        if self._own is not None:
            return self._own
        client: AsyncClient = self.it if self.face == "client" else self.it._async_client()
        engine: Any = client._sender._engine
        return engine._used[asyncio.get_running_loop()].pool

    async def aclose(self) -> None:
        await self.it.aclose()
        if self._own is not None:
            await self._own.aclose()

    async def ask(self, prompt: str) -> str:
        if self.face == "client":
            text: str = (await self.it.chat([{"role": "user", "content": prompt}])).text
        elif self.face == "langchain":
            text = (await self.it.ainvoke(prompt)).text
        else:
            answer = await self.it.achat([ChatMessage(role="user", content=prompt)])
            text = answer.message.content
        return str(text)

    async def stream(self, prompt: str) -> AsyncGenerator[str, None]:
        """Yield the pieces of the text; the garbage collector closes the face's own generator."""
        if self.face == "client":
            async for event in self.it.stream_chat([{"role": "user", "content": prompt}]):
                if isinstance(event, TextDelta):
                    yield event.text
        elif self.face == "langchain":
            async for chunk in self.it.astream(prompt):
                yield str(chunk.text)
        else:
            messages = [ChatMessage(role="user", content=prompt)]
            async for response in await self.it.astream_chat(messages):
                yield response.delta or ""

    async def read(self, prompt: str) -> str:
        async with aclosing(self.stream(prompt)) as pieces:
            return "".join([piece async for piece in pieces])


async def count_together(caller: Caller, streams: int, tokens: int) -> int:
    """Read streams at the same time; return how many differ from what the server sent."""
    found = await asyncio.gather(
        *(caller.read(f"count {name} {tokens}") for name in range(streams)), return_exceptions=True
    )
    right = ["".join(f"{name}.{i} " for i in range(tokens)) for name in range(streams)]
    return sum(text != wanted for text, wanted in zip(found, right, strict=True))


# -------------------------------------------------------------------------------- cancellation


@dataclass(frozen=True)
class Aftermath:
    """What a storm of cancels left behind.

    Attributes:
        cancels: How many tasks were cancelled before they were done.
        lost_slots: Places in the pool that nothing uses and nobody can have.
        orphans: Connections that the server holds and the pool does not.
        descriptors: Open files after all was closed, less those before.
        is_alive: Whether the next calls succeeded.
    """

    cancels: int
    lost_slots: int
    orphans: int
    descriptors: int
    is_alive: bool

    @property
    def is_clean(self) -> bool:
        return self.is_alive and not (self.lost_slots or self.orphans or self.descriptors > 0)


PROMPTS = ("count a 5", "count b 200", "say c", "hang", "stall", "busy", "drop", "cut", "junk")
POOL = 4
TASKS = 16


async def storm(name: str, server: Server, cancels: int, seed: int = 0) -> Aftermath:
    """Cancel tasks of every kind, once or twice, at different moments, in a pool of four."""
    before, chance = descriptors(), random.Random(seed)
    caller = Caller(name, server.port, POOL, timeout=10)
    cancelled = 0
    await caller.ask("say warm")
    while cancelled < cancels:
        tasks = [asyncio.create_task(_one(caller, chance)) for _ in range(TASKS)]
        for task in chance.sample(tasks, TASKS):
            await _wait_a_little(chance)
            cancelled += task.cancel()
            if chance.random() < 0.5:
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(50):  # the loop closes dropped streams in its next steps
        await asyncio.sleep(0.002)
    lost, idle = _pool(caller.http_client)
    orphans = len(server.open) - idle
    answers = await asyncio.gather(*(caller.ask("say alive") for _ in range(TASKS)))
    await caller.aclose()
    await asyncio.sleep(0.05)
    left = descriptors() - before
    return Aftermath(cancelled, lost, orphans, left, answers == ["alive"] * TASKS)


async def _one(caller: Caller, chance: random.Random) -> None:
    prompt = chance.choice(PROMPTS)
    with contextlib.suppress(WorkersAIError):
        if prompt.startswith("say") or chance.random() < 0.2:
            await caller.ask(prompt)
        else:
            async for _ in caller.stream(prompt):
                pass


async def _wait_a_little(chance: random.Random) -> None:
    if chance.random() < 0.3:
        await asyncio.sleep(chance.random() * 0.002)
    else:
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all there is


def _pool(http_client: Any) -> tuple[int, int]:
    """Return how many connections of the pool are in use, and how many are idle."""
    if isinstance(http_client, AsyncPool):
        return http_client._places + len(http_client._waiters), len(http_client._idle)
    transport = http_client._transport
    if isinstance(http_client, HttpxAiohttpClient):
        connector = transport.client.connector
        taken = len(connector._acquired) + sum(map(len, connector._waiters.values()))
        return taken, sum(len(idle) for idle in connector._conns.values())
    pool = transport._pool
    idle = sum(connection.is_idle() for connection in pool.connections)
    return len(pool.connections) - idle + len(pool._requests), idle


@contextmanager
def quick_retries(seconds: float = 0.002) -> Iterator[None]:
    """Make retries wait for almost nothing, so that cancels hit all moments alike."""
    usual, _exchange._FIRST_DELAY = _exchange._FIRST_DELAY, seconds
    try:
        yield
    finally:
        _exchange._FIRST_DELAY = usual


@contextmanager
def small_pool(size: int = POOL) -> Iterator[None]:
    """Make new async clients open few connections."""
    usual, aio_pool.MAX_OPEN = aio_pool.MAX_OPEN, size
    try:
        yield
    finally:
        aio_pool.MAX_OPEN = usual
