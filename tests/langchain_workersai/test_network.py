"""Calls over a network that fails: silent servers and broken connections."""

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
    """Start servers that handle each connection with one function; close them at the end."""
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
    """Send the beginning of a stream and then nothing."""
    connection.sendall(HEAD + b"%x\r\n%s\r\n" % (len(EVENT), EVENT))


def hang_up(connection: socket.socket, request: bytes) -> None:
    """Send the beginning of a stream and close the connection."""
    begin(connection)
    connection.shutdown(socket.SHUT_RDWR)


def model(url: str, **settings: Any) -> ChatWorkersAI:
    return ChatWorkersAI(GRANITE, account_id=ACCOUNT, api_token="t", base_url=url, **settings)


async def test_a_stalled_stream_ends_with_a_typed_timeout(serve: Serve) -> None:
    """A stream that falls silent raises APITimeoutError after `idle`, with the text received."""
    llm = model(serve(begin), timeout=Timeout(idle=0.2), max_retries=0)
    chunks: list[Any] = []
    with pytest.raises(face.APITimeoutError) as caught:
        chunks.extend(llm.stream("hi"))
    assert [chunk.content for chunk in chunks] == ["Hel"]
    assert isinstance(caught.value, core.ModelTimeoutError)
    assert caught.value.phase == "idle"
    assert caught.value.partial is not None
    with pytest.raises(face.APITimeoutError):
        await collect(llm)
    await llm.aclose()
    llm.close()


async def test_a_connection_that_breaks_is_typed(serve: Serve) -> None:
    """A server that closes the connection in the middle of an answer raises a connection error."""
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
    """A call to a server that never answers raises LangChain's timeout error."""
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


def test_each_time_limit_is_finite_by_default() -> None:
    """Each default time limit is below an hour."""
    timeout = Timeout()
    assert all(
        0 < getattr(timeout, name) < 3600 for name in ("connect", "first_byte", "idle", "total")
    )
