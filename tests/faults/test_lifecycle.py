"""Event loops, threads, forks, copies and interpreter exit."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks, in_a_fork
from tests.faults.crowd import FACES, Caller, Server, descriptors, server_in_a_thread
from tests.faults.scripts import TEXT
from tests.faults.speakers import SIX, Speaker
from tests.faults.test_cancellation import token_then_wait
from tests.workersai.loopback import WAIT
from tests.workersai.talking import ACCOUNT, TOKEN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def crowd_server(loopback: None) -> Iterator[Server]:
    with server_in_a_thread() as server:
        yield server


@pytest.mark.parametrize("face", FACES)
def test_event_loops_in_a_row(crowd_server: Server, face: str) -> None:
    """One object works in every `asyncio.run`, and the number of descriptors does not grow."""
    caller = Caller(face, crowd_server.port)

    async def main() -> tuple[str, str]:
        return await caller.ask("say hello"), await caller.read("count a 2")

    assert asyncio.run(main()) == ("hello", "a.0 a.1 ")
    before = descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            assert asyncio.run(main()) == ("hello", "a.0 a.1 ")
        gc.collect()
    assert descriptors() - before <= 2


@pytest.mark.parametrize("face", FACES)
def test_event_loops_of_several_threads(crowd_server: Server, face: str) -> None:
    """With loops in four threads, every task gets its own answer."""
    caller = Caller(face, crowd_server.port)

    async def eight(name: str) -> list[str]:
        return list(await asyncio.gather(*(caller.ask(f"say {name}-{i}") for i in range(8))))

    def several(thread: int) -> list[str]:
        return [text for n in range(20) for text in asyncio.run(eight(f"{thread}-{n}"))]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(several, range(4)))
    assert found == [[f"{t}-{n}-{i}" for n in range(20) for i in range(8)] for t in range(4)]
    gc.collect()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("is_used_again", [True, False], ids=["used again", "dropped"])
def test_event_loops_that_are_just_closed(
    crowd_server: Server, face: str, is_used_again: bool
) -> None:
    """A loop that is closed with open connections leaves no warning and no descriptor.

    The object may be used in another loop or dropped. Some frameworks close loops so.
    """

    def in_a_loop(caller: Caller) -> Caller:
        async def main() -> tuple[str, str]:
            return await caller.ask("say hello"), await caller.read("count a 2")

        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(main()) == ("hello", "a.0 a.1 ")
        loop.close()
        return caller

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
        before = descriptors()
        used = in_a_loop(Caller(face, crowd_server.port))
        for _ in range(10):
            used = in_a_loop(used if is_used_again else Caller(face, crowd_server.port))
            gc.collect()
            assert descriptors() - before <= 3  # connections and their server ends
        del used
        gc.collect()


@pytest.mark.parametrize("speaker_name", ["client-sync", "langchain-sync", "llamaindex-sync"])
def test_threads_that_start_together(speaks: Speaks, serve: Serve) -> None:
    """Thirty-two first calls in threads succeed, and later calls reuse their connections."""
    gate = threading.Barrier(32)
    server = serve(scripts.well)
    speaker = speaks(server)

    def call(_: int) -> str:
        gate.wait(WAIT)
        return speaker.ask()

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(call, range(32))) == [TEXT] * 32
    opened = server.connections
    assert opened <= 32
    assert [speaker.ask() for _ in range(10)] == [TEXT] * 10
    assert server.connections == opened


@pytest.mark.parametrize("speaker_name", SIX)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_after_use(speaks: Speaks, serve: Serve) -> None:
    """Parent and child call at the same time, and each gets its own answers."""
    server = serve(lambda peer, seen: peer.answer(b'{"response":"connection %d"}' % peer.number))
    speaker = speaks(server)
    assert speaker.ask() == "connection 1"

    def fifty() -> set[str]:
        return {speaker.ask() for _ in range(50)}

    def of_the_child() -> bytes:
        if speaker.is_async:
            speaker._loop = asyncio.new_event_loop()  # not its parent's loop
        return ",".join(fifty()).encode()

    theirs = in_a_fork(of_the_child)
    assert fifty() == {"connection 1"}
    assert theirs() == "connection 2"


EXIT = {
    "sync": """
        import sys
        from tests.faults.speakers import SIX, Speaker

        names = [name for name in SIX if name.endswith("-sync")]
        talks = [Speaker(name, base_url=sys.argv[1]).open() for name in names]
        print(*map(next, talks))
    """,
    "async": """
        import asyncio, sys
        from urllib.parse import urlsplit
        from tests.faults.crowd import FACES, Caller

        async def main():
            port = urlsplit(sys.argv[1]).port
            streams.extend(Caller(face, port).stream("Hello") for face in FACES)
            print(*[await anext(stream) for stream in streams])

        streams = []
        asyncio.run(main())
    """,
}


def test_interpreter_that_ends_with_live_streams(serve: Serve) -> None:
    """With open streams, `-X dev` exits at once, with code 0 and without output."""
    server = serve(token_then_wait)
    running = [
        subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", textwrap.dedent(code), server.base_url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for code in EXIT.values()
    ]
    for process in running:
        output, noise = process.communicate(timeout=30)
        assert (process.returncode, output) == (0, "Hel Hel Hel\n")
        lines = [line for line in noise.splitlines() if "workersai" in line or "Error" in line]
        assert lines == []
        assert "Traceback" not in noise


# ----------------------------------------------------------------------- copies, sync and async


@pytest.mark.parametrize("how", ["pickle", "deepcopy", "copy"])
def test_copies_work_or_say_why_not(
    speaks: Speaks, serve: Serve, monkeypatch: pytest.MonkeyPatch, speaker_name: str, how: str
) -> None:
    """A face's object can be copied and pickled; a client raises an error that says why not."""
    server = serve(scripts.well)
    speaker = speaks(server)
    speaker.ask()
    twin: Any = {
        "pickle": lambda it: pickle.loads(pickle.dumps(it)),
        "deepcopy": copy.deepcopy,
        "copy": copy.copy,
    }[how]
    if speaker.face == "client":
        with pytest.raises(TypeError, match="token"):
            twin(speaker.it)
        return
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
    speaker.it = twin(speaker.it)
    assert speaker.ask() == TEXT


def test_sync_calls_inside_a_running_loop(serve: Serve) -> None:
    """Sync calls work inside a running loop, as in a notebook."""
    server = serve(scripts.well)

    async def main() -> list[str]:
        texts = []
        for name in ("client-sync", "langchain-sync", "llamaindex-sync"):
            speaker = Speaker(name, base_url=server.base_url)
            texts += [speaker.ask(), speaker.read()]
            speaker.close()
        return texts

    assert asyncio.run(main()) == [TEXT] * 6


@pytest.mark.parametrize("face", FACES)
def test_async_calls_do_not_block_the_loop(
    crowd_server: Server, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    """An async call blocks the loop with no sleep, file access, name lookup or socket read."""
    caller = Caller(face, crowd_server.port)
    loop_thread = threading.get_ident()
    blocked: list[str] = []

    def watch(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == loop_thread:
                blocked.append(f"{owner.__name__}.{name}")
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    async def main() -> tuple[str, str]:
        return await caller.ask("say hello"), await caller.read("count a 2")

    asyncio.run(main())  # imports happen in the first call only
    for owner, name in (
        (time, "sleep"),
        (socket, "getaddrinfo"),
        (socket, "create_connection"),
        (os, "open"),
    ):
        watch(owner, name)
    assert asyncio.run(main()) == ("hello", "a.0 a.1 ")
    monkeypatch.undo()
    assert blocked == []
    gc.collect()
