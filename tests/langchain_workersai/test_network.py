"""What the network does to calls: proxies, and servers that fall silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import langchain_core.exceptions as core
import pytest

import langchain_workersai as face
from langchain_workersai import ChatWorkersAI, Timeout, WorkersAIEmbeddings
from tests.langchain_workersai.scripted import ACCOUNT, GRANITE, collect

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"response":"Hel","p":"a"}\n\n'

Answer = Callable[[socket.socket, bytes], None]
Serve = Callable[[Answer], str]


@pytest.fixture
def serve(loopback: None) -> Iterator[Serve]:
    """Start raw servers that do one thing to each connection; hang up at the end."""
    opened: list[socket.socket] = []

    def start(answer: Answer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        threading.Thread(target=accept, args=(listener, answer), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def accept(listener: socket.socket, answer: Answer) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            answer(connection, connection.recv(65536))

    yield start
    for sock in opened:
        sock.close()


def begin(connection: socket.socket, request: bytes = b"") -> None:
    """Send the beginning of a stream, and then nothing."""
    connection.sendall(HEAD + b"%x\r\n%s\r\n" % (len(EVENT), EVENT))


def hang_up(connection: socket.socket, request: bytes) -> None:
    """Send the beginning of a stream, and close."""
    begin(connection)
    connection.shutdown(socket.SHUT_RDWR)


def model(url: str, **settings: Any) -> ChatWorkersAI:
    return ChatWorkersAI(GRANITE, account_id=ACCOUNT, api_token="t", base_url=url, **settings)


async def test_a_stalled_stream_ends_with_a_typed_timeout(serve: Serve) -> None:
    """A stream that falls silent raises after `idle`, sync and async, and keeps what came."""
    llm = model(serve(begin), timeout=Timeout(idle=0.2), max_retries=0)
    got: list[Any] = []
    with pytest.raises(face.APITimeoutError) as caught:
        got.extend(llm.stream("hi"))
    assert [chunk.content for chunk in got] == ["Hel"]
    assert isinstance(caught.value, core.ModelTimeoutError)
    assert caught.value.phase == "idle"
    assert caught.value.partial is not None
    with pytest.raises(face.APITimeoutError):
        await collect(llm)
    await llm.aclose()
    llm.close()


async def test_a_connection_that_breaks_is_typed(serve: Serve) -> None:
    """A server that hangs up in the middle of an answer is an error of the connection."""
    llm = model(serve(hang_up), max_retries=0)
    with pytest.raises(core.ModelConnectionError) as caught:
        list(llm.stream("hi"))
    assert isinstance(caught.value, face.WorkersAIError)
    assert caught.value.partial is not None
    with pytest.raises(core.ModelConnectionError):
        await collect(llm)
    await llm.aclose()
    llm.close()


async def test_silence_before_the_answer_is_typed(serve: Serve) -> None:
    """A server that never answers runs into the call's own clock, embeddings included."""
    url = serve(lambda connection, request: None)
    llm = model(url, timeout=0.2, max_retries=0)
    with pytest.raises(core.ModelTimeoutError):
        llm.invoke("hi")
    with pytest.raises(core.ModelTimeoutError):
        await llm.ainvoke("hi")
    embeddings = WorkersAIEmbeddings(
        "@cf/baai/bge-m3",
        account_id=ACCOUNT,
        api_token="t",
        base_url=url,
        timeout=0.2,
        max_retries=0,
    )
    with pytest.raises(core.ModelTimeoutError):
        embeddings.embed_query("hi")
    await llm.aclose()
    llm.close()
    embeddings.close()


def test_by_default_no_call_waits_for_ever() -> None:
    """Every time limit is finite by default."""
    clocks = Timeout()
    assert all(
        0 < getattr(clocks, name) < 3600 for name in ("connect", "first_byte", "idle", "total")
    )
