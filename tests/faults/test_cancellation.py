"""Cancelled and abandoned calls leave no task, slot, connection or descriptor behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.crowd import (
    FACES,
    OWN,
    STORMPROOF,
    Caller,
    Server,
    count_together,
    quick_retries,
    server_in_a_thread,
    small_pool,
    storm,
)
from tests.faults.speakers import ALL, Speaker, Talk
from tests.workersai.loopback import Loopback, Peer, Seen


@pytest.fixture(scope="module")
def crowd_server(loopback: None) -> Iterator[Server]:
    with server_in_a_thread() as server:
        yield server


@pytest.mark.parametrize("face", STORMPROOF)
def test_storm_of_cancels(crowd_server: Server, monkeypatch: pytest.MonkeyPatch, face: str) -> None:
    """Cancels at any moment lose no slot, no connection and no descriptor."""
    with small_pool(), quick_retries(), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = asyncio.run(storm(face, crowd_server, 250))
    gc.collect()
    assert found.is_clean, found


@pytest.mark.parametrize("face", [*FACES, *OWN])
def test_crowd_of_streams(crowd_server: Server, face: str) -> None:
    """Two hundred concurrent streams lose, double and reorder no token."""

    async def main() -> int:
        caller = Caller(face, crowd_server.port)
        wrong = await count_together(caller, 200, 20)
        await caller.aclose()
        return wrong

    assert asyncio.run(main()) == 0


# -------------------------------------------------------------------------- leaving a stream


def token_then_wait(peer: Peer, seen: Seen) -> None:
    """Send a token, and then wait until the client hangs up."""
    peer.begin()
    peer.chunk(scripts.EVENTS[0])
    peer.wait_for_hang_up()


def sees_hang_up_within(server: Loopback, seconds: float) -> bool:
    """Return whether the server sees the client hang up in time."""
    return server.gone.wait(seconds) and len(server.requests) == 1


def stumble(talk: Talk) -> None:
    """Raise an error at the first token."""
    for text in talk:
        raise ZeroDivisionError(text)


def leave(speaker: Speaker, how: str) -> Any:
    """Read one token of a stream, and leave the stream in one of several ways."""
    talk = speaker.open()
    if how == "break":
        for text in talk:
            assert text == scripts.TOKENS[0]
            break
        return None
    if how == "error":
        with pytest.raises(ZeroDivisionError):
            stumble(talk)
        return None
    assert next(talk) == scripts.TOKENS[0]
    if how == "close":
        talk.close()
        return talk
    return None  # drop the last reference


@pytest.mark.parametrize("how", ["close", "drop", "break", "error"])
def test_stream_that_is_left(speaks: Speaks, serve: Serve, how: str) -> None:
    """A stream that is left in any way closes its connection in 0.5 s, without a warning."""
    server = serve(token_then_wait)
    speaker = speaks(server)
    held = leave(speaker, how)
    gc.collect()
    speaker.turn()
    assert sees_hang_up_within(server, 0.5)
    del held


@pytest.mark.parametrize("face", [*FACES, *OWN])
@pytest.mark.parametrize("how", ["cancel", "timeout", "break", "error"])
async def test_task_that_stops_in_a_stream(serve: Serve, face: str, how: str) -> None:
    """A task that is cancelled, times out or breaks ends at once, and the server sees it."""
    server = serve(token_then_wait)
    caller = Caller(face, server.port)
    began = asyncio.Event()

    async def read() -> None:
        async for _ in caller.stream("Hello"):
            began.set()
            if how == "break":
                break
            if how == "error":
                raise ZeroDivisionError

    task = asyncio.create_task(read())
    await began.wait()
    start = time.monotonic()
    if how == "cancel":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    elif how == "timeout":
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(task, 0.05)
    elif how == "error":
        with pytest.raises(ZeroDivisionError):
            await task
    else:
        await task
    assert time.monotonic() - start < 2
    assert await asyncio.to_thread(sees_hang_up_within, server, 0.5)
    await caller.aclose()


@pytest.mark.parametrize("speaker_name", [name for name in ALL if "-sync" in name])
def test_keyboard_interrupt_in_a_stream(speaks: Speaks, serve: Serve) -> None:
    """Ctrl-C during a wait for a token is raised unchanged, and the connection closes."""
    main = threading.main_thread().ident
    assert main is not None

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(scripts.EVENTS[0])
        peer.server.release.wait(0.05)
        signal.pthread_kill(main, signal.SIGINT)
        peer.wait_for_hang_up()

    server = serve(script)
    talk = speaks(server).open()
    assert next(talk) == scripts.TOKENS[0]
    # A process that was started in the background may ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(talk)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sees_hang_up_within(server, 0.5)


@pytest.mark.parametrize("face", FACES)
async def test_cancel_in_backoff(serve: Serve, face: str) -> None:
    """A call that waits for its retry ends at once when it is cancelled."""
    has_request = threading.Event()

    def script(peer: Peer, seen: Seen) -> None:
        peer.answer(b"{}", "503 Busy", "text/plain", "retry-after: 30")
        has_request.set()

    server = serve(script)
    caller = Caller(face, server.port)
    task = asyncio.create_task(caller.ask("Hello"))
    assert await asyncio.to_thread(has_request.wait, 5)
    await asyncio.sleep(0.05)
    task.cancel()
    start = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - start < 2
    assert len(server.requests) == 1
    await caller.aclose()


def test_generator_that_is_held(serve: Serve) -> None:
    """A stream that is kept unread and then closed releases its connection at that time."""
    server = serve(token_then_wait)
    caller = Caller("client", server.port)

    async def main() -> None:
        stream = caller.stream("Hello")
        await anext(stream)
        assert not server.gone.is_set()
        await stream.aclose()
        assert await asyncio.to_thread(sees_hang_up_within, server, 0.5)
        await caller.aclose()

    asyncio.run(main())
