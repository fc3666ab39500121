"""One client in threads, event loops and forked processes."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.workersai.conftest import Serve
from tests.workersai.http.scripts import (
    make,
    well,
)
from tests.workersai.loopback import WAIT, Peer, Seen
from tests.workersai.talking import (
    ACCOUNT,
    GLM,
    HELLO,
    TOKEN,
)
from workersai import (
    AsyncClient,
    ChatFinish,
    Client,
    ConfigurationError,
)


def test_threads_share_a_client(serve: Serve) -> None:
    """Sixteen first calls in threads share connections, and each gets its own answer."""
    gate = threading.Barrier(16)

    def echo(peer: Peer, seen: Seen) -> None:
        said = seen.json["messages"][0]["content"]
        peer.answer(f'{{"response":"{said}"}}'.encode())

    server = serve(echo)
    with make(Client, server) as client, ThreadPoolExecutor(16) as pool:

        def call(number: int) -> str:
            gate.wait(WAIT)
            found = [
                client.chat([{"role": "user", "content": f"{number}-{i}"}]).text for i in range(5)
            ]
            return ",".join(found)

        found = list(pool.map(call, range(16)))
    assert found == [",".join(f"{n}-{i}" for i in range(5)) for n in range(16)]
    assert server.connections <= 16


def test_event_loops_in_a_row(serve: Serve) -> None:
    """One async client works in successive `asyncio.run` calls without a warning."""
    server = serve(well)
    client = make(AsyncClient, server)

    async def main() -> list[str]:
        events = [event async for event in client.stream_chat(HELLO)]
        assert isinstance(events[-1], ChatFinish)
        return [(await client.chat(HELLO)).text for _ in range(2)]

    for _ in range(3):
        assert asyncio.run(main()) == ["Hello", "Hello"]
    gc.collect()
    assert len(server.requests) == 9
    assert server.connections == 3


def test_event_loops_side_by_side(serve: Serve) -> None:
    """One async client works in the loops of several threads at the same time."""
    server = serve(well)
    client = make(AsyncClient, server)

    async def main() -> list[str]:
        results = await asyncio.gather(*(client.chat(HELLO) for _ in range(8)))
        return [result.text for result in results]

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(asyncio.run, main()) for _ in range(4)]
        assert [run.result() for run in runs] == [["Hello"] * 8] * 4
    gc.collect()


def test_a_forked_process_has_its_own_connections(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forked process opens its own connection, and the parent's stays open."""
    server = serve(well)
    client = make(Client, server)
    client.chat(HELLO)
    parent = os.getpid()
    own = client._sender._engine._pool
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    client.chat(HELLO)
    assert server.connections == 2
    client.close()
    assert len(own._idle) == 1
    monkeypatch.undo()


def test_a_sync_call_inside_a_running_loop(serve: Serve) -> None:
    """A sync client works inside a running loop, as in a notebook."""
    server = serve(well)

    async def main() -> str:
        with make(Client, server) as client:
            text: str = client.chat(HELLO).text
            return text

    assert asyncio.run(main()) == "Hello"


def test_a_call_outside_asyncio_says_what_to_do() -> None:
    """Under another kind of loop, such as trio's, a call raises and names `Client`."""
    call = AsyncClient(GLM, account_id=ACCOUNT, api_token=TOKEN).chat(HELLO)
    with pytest.raises(ConfigurationError, match="call Client in a thread"):
        call.send(None)
