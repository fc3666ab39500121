"""What the fault server does: one function for each fault, named after it."""

from __future__ import annotations

import gzip
import json
import zlib

from tests.workersai.loopback import WAIT, Peer, Script, Seen

TOKENS = ("Hel", "lo, ", "world")
TEXT = "".join(TOKENS)
SSE = "text/event-stream"
JSON = "application/json"


def event(**fields: object) -> bytes:
    """Return an event as Workers AI writes it."""
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


EVENTS = [event(response=token) for token in TOKENS]
DONE = b"data: [DONE]\n\n"
STREAM = b"".join([*EVENTS, DONE])
WHOLE = json.dumps({"result": {"response": TEXT}, "success": True, "errors": []}).encode()


def wants_stream(seen: Seen) -> bool:
    return b'"stream":true' in seen.body


def well(peer: Peer, seen: Seen) -> None:
    """Answer as Workers AI does."""
    if "/ai/run/" in seen.path and "text" in seen.json:
        vectors = [[float(i), 1.0] for i, _ in enumerate(seen.json["text"])]
        peer.answer(json.dumps({"result": {"data": vectors}, "success": True}).encode())
    elif wants_stream(seen):
        peer.stream(STREAM)
    else:
        peer.answer(WHOLE)


def refuse(status: str, code: int = 0, *headers: str) -> Script:
    """Answer every request with an error."""
    body = json.dumps({"success": False, "errors": [{"code": code, "message": "no"}]}).encode()
    return lambda peer, _: peer.answer(body, status, JSON, *headers)


# --------------------------------------------------------------- streams that stop too early


def three_tokens(peer: Peer) -> None:
    """Begin a stream, with time between its three tokens for a reader to take each."""
    peer.begin()
    for piece in EVENTS:
        peer.chunk(piece)


def break_off(peer: Peer, *, reset: bool = False) -> None:
    """Reset the connection after the reader took the bytes; aiohttp hangs up at any cut."""
    peer.server.release.wait(0.03)
    peer.hang_up(reset=reset)


def reset(peer: Peer, seen: Seen) -> None:
    three_tokens(peer)
    break_off(peer, reset=True)


def cut_between_events(peer: Peer, seen: Seen) -> None:
    three_tokens(peer)
    break_off(peer)


def cut_inside_an_event(peer: Peer, seen: Seen) -> None:
    three_tokens(peer)
    peer.send(b"ff\r\ndata: {")
    break_off(peer)


def short_length(peer: Peer, seen: Seen) -> None:
    peer.send(f"HTTP/1.1 200 OK\r\ncontent-type: {SSE}\r\ncontent-length: 9999\r\n\r\n".encode())
    peer.send(b"".join(EVENTS))
    break_off(peer)


def close_delimited(peer: Peer, seen: Seen) -> None:
    peer.send(f"HTTP/1.1 200 OK\r\ncontent-type: {SSE}\r\n\r\n".encode() + b"".join(EVENTS))
    peer.hang_up()


def clean_end(peer: Peer, seen: Seen) -> None:
    peer.stream(b"".join(EVENTS))


def cut_gzip(peer: Peer, seen: Seen) -> None:
    """Send a compressed stream that is flushed after the tokens and cut before its end."""
    deflate = zlib.compressobj(wbits=31)
    body = deflate.compress(b"".join(EVENTS)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    peer.answer(body, "200 OK", SSE, "content-encoding: gzip")


CUTS = {
    "reset": reset,
    "chunked, between events": cut_between_events,
    "chunked, inside an event": cut_inside_an_event,
    "content-length": short_length,
    "close-delimited": close_delimited,
    "clean chunked end": clean_end,
    "gzip": cut_gzip,
}

# ------------------------------------------------------------------- servers that take too long


def hang(peer: Peer, seen: Seen) -> None:
    """Accept and never answer."""
    peer.wait_for_hang_up()


def stall(peer: Peer, seen: Seen) -> None:
    """Send a token and nothing more."""
    peer.begin()
    peer.chunk(EVENTS[0])
    peer.wait_for_hang_up()


def ping(peer: Peer, seen: Seen) -> None:
    """Send a token and then comments without end."""
    peer.begin()
    peer.chunk(EVENTS[0])
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(_PING)


_PING = b"8\r\n: ping\n\n\r\n"


def flood(peer: Peer, seen: Seen) -> None:
    """Send a token and then comments without end and without a pause."""
    peer.begin()
    peer.chunk(EVENTS[0])
    _pour(peer)


def flood_after_done(peer: Peer, seen: Seen) -> None:
    """Send a whole stream, and then comments without end and without a pause."""
    peer.begin()
    peer.chunk(STREAM)
    _pour(peer)


def ping_after_done(peer: Peer, seen: Seen) -> None:
    """Send a whole stream, and then comments without end."""
    peer.begin()
    peer.chunk(STREAM)
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(_PING)


def _pour(peer: Peer) -> None:
    while not peer.server.release.is_set():
        peer.sock.sendall(_PING * 1000)


def slow_head(peer: Peer, seen: Seen) -> None:
    """Send the head of an answer a byte at a time, without end."""
    peer.sock.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b"y")


def slow_body(peer: Peer, seen: Seen) -> None:
    """Send a whole answer and then a space at a time, without end."""
    peer.begin(JSON)
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b"1\r\n \r\n")


def slow_error(peer: Peer, seen: Seen) -> None:
    """Send an error whose body never ends."""
    peer.sock.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 9999\r\n\r\n")
    while not peer.server.release.wait(0.01):
        peer.sock.sendall(b" ")


def stalled_error(peer: Peer, seen: Seen) -> None:
    """Send an error whose body never begins."""
    peer.sock.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 9999\r\n\r\n")
    peer.server.release.wait(WAIT)


def open_after_done(peer: Peer, seen: Seen) -> None:
    """Send a whole stream and hold the socket open."""
    peer.begin()
    peer.chunk(STREAM)
    peer.server.release.wait(WAIT)


# ----------------------------------------------------------------------------- no HTTP, or too much

NOT_HTTP = {
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "a header of 200 kB": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    "a status in letters": b"HTTP/1.1 abc OK\r\n\r\n",
}


def endless(status: str = "200 OK", kind: str = JSON, piece: bytes = b" " * (1 << 20)) -> Script:
    """Send a body of up to 512 MiB until the client hangs up."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.sock.sendall(f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n\r\n".encode())
        for _ in range((512 << 20) // len(piece)):
            peer.sock.sendall(piece)
        peer.hang_up()

    return script


def gzip_bomb() -> bytes:
    """Return 512 MiB of spaces in half a MiB; no client should read to its end."""
    deflate = zlib.compressobj(9, wbits=31)
    piece = b" " * (1 << 20)
    first = deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH)
    again = deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + again * 511


_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
SURPLUS = _HEAD % 22 + b'{"response":"surplus"}'


def surplus(peer: Peer, seen: Seen) -> None:
    """Send more than the answer; a client must not read the rest as the next answer."""
    own = json.dumps({"response": f"own {len(peer.server.requests)}"}).encode()
    peer.send(_HEAD % len(own) + own + SURPLUS)


def byte_by_byte(body: bytes) -> Script:
    """Send a stream with an HTTP chunk for every byte."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body))
        peer.end()

    return script


def compressed(body: bytes, kind: str = JSON) -> Script:
    packed = gzip.compress(body)
    return lambda peer, _: peer.answer(packed, "200 OK", kind, "content-encoding: gzip")
