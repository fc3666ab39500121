"""What the raw socket server does in the tests of both engines."""

from __future__ import annotations

from typing import Any

from tests.workersai.loopback import Loopback, Peer, Seen
from tests.workersai.talking import (
    ACCOUNT,
    TOKEN,
    UNKNOWN,
    answer,
    stream,
)

HELLO_BODY = answer("native_text")


NATIVE = stream("native")


FIRST = b'data: {"response":"Hel"}\n\n'


def well(peer: Peer, seen: Seen) -> None:
    """Answer as Workers AI does."""
    if b'"stream":true' in seen.body:
        peer.stream(NATIVE)
    else:
        peer.answer(HELLO_BODY)


def hang(peer: Peer, seen: Seen) -> None:
    """Accept and never answer."""
    peer.wait_for_hang_up()


def stall(peer: Peer, seen: Seen) -> None:
    """Begin a stream and send nothing more."""
    peer.begin()
    peer.chunk(FIRST)
    peer.wait_for_hang_up()


def cut_chunks(peer: Peer, seen: Seen) -> None:
    peer.begin()
    peer.chunk(FIRST)
    peer.hang_up()


def cut_length(peer: Peer, seen: Seen) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n")
    peer.send(FIRST)
    peer.hang_up()


def reset(peer: Peer, seen: Seen) -> None:
    peer.begin()
    peer.chunk(FIRST)
    peer.server.release.wait(0.05)  # a reset may overtake the bytes that were sent before it
    peer.hang_up(reset=True)


def make(cls: type[Any], server: Loopback, **settings: Any) -> Any:
    return cls(UNKNOWN, account_id=ACCOUNT, api_token=TOKEN, base_url=server.base_url, **settings)


def refuse(peer: Peer, seen: Seen) -> None:
    """Echo the credentials in an error."""
    peer.answer(f'{{"errors":[{{"message":"{seen.head!r}"}}]}}'.encode(), "400 Bad Request")
