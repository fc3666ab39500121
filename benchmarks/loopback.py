"""A server that answers at once with bytes made beforehand, in a process of its own.

It measures nothing and decides nothing: whatever is timed against it is the client.
"""

from __future__ import annotations

import asyncio
import functools
import json
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

EVENTS = 2000
ONE_BY_ONE = "0" * 32
"""The account whose streams come an event a read, as a model writes them."""
IN_BURSTS = "1" * 32
"""The account whose streams come as fast as the socket takes them."""
PAUSE_SECONDS = 0.0002
MODEL = "@cf/ibm-granite/granite-4.0-h-micro"
_USAGE = {"prompt_tokens": 20, "completion_tokens": EVENTS, "total_tokens": EVENTS + 20}


def _chunk(token: str) -> bytes:
    """The fields that a current chat model's chunks have on the native route."""
    delta = {"content": token, "reasoning_content": None}
    choice = {"delta": delta, "finish_reason": None, "index": 0, "logprobs": None}
    usage = {"prompt_tokens": 0, "completion_tokens": 1, "total_tokens": 1}
    details = {"prompt_tokens_details": {"cached_tokens": 0}, "neurons": 0.027}
    event = {
        "choices": [{**choice, "matched_stop": None}],
        "created": 1791402526,
        "id": "f962a0c1",
        "model": MODEL,
        "object": "chat.completion.chunk",
        "p": "abcdefghijkl",
        "usage": {**usage, **details},
    }
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _stream() -> list[bytes]:
    """An HTTP chunk an event, as a server sends that flushes each token."""
    finish = {"choices": [{"delta": {}, "finish_reason": "stop", "index": 0}], "model": MODEL}
    tail = {"response": "", "usage": {**_USAGE, "neurons": 1.77}}
    end = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in (finish, tail)]
    events = [*(_chunk(f" token{i}") for i in range(EVENTS)), *end, b"data: [DONE]\n\n"]
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return [head, *(b"%x\r\n%b\r\n" % (len(event), event) for event in events), b"0\r\n\r\n"]


def _whole() -> bytes:
    message = {"role": "assistant", "content": "Forty-two."}
    result = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "model": MODEL,
        "object": "chat.completion",
        "usage": _USAGE,
    }
    body = json.dumps({"result": result, "success": True, "errors": [], "messages": []}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


@functools.cache
def _made_beforehand() -> tuple[list[bytes], bytes]:
    return _stream(), _whole()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    stream, whole = _made_beforehand()
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
            if b'"stream":true' not in body.replace(b" ", b""):
                writer.write(whole)
            elif IN_BURSTS.encode() in head:
                writer.write(b"".join(stream))
            else:
                await _one_by_one(writer, stream)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _one_by_one(writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
    """Send each event when the one before has been read, as far as a server can tell."""
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(PAUSE_SECONDS)


def _serve(ready: Connection) -> None:
    async def main() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def loopback() -> Iterator[str]:
    """Run the server and give its root URL."""
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(child,), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{parent.recv()}/client/v4"
    finally:
        process.terminate()
        process.join()
