"""The transport: connections, broken streams, timeouts, bodies without an end."""

from __future__ import annotations

import collections
import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import scripts
from tests.faults.conftest import Serve, Speaks
from tests.faults.scripts import CUTS, EVENTS, JSON, NOT_HTTP, SSE, STREAM, TEXT, WHOLE
from tests.faults.speakers import OWN, SIX, TELLING, Speaker
from tests.workersai.loopback import WAIT, Peer, Script, Seen
from workersai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ResponseError,
    ServerError,
    StreamInterruptedError,
    Timeout,
    WorkersAIError,
)

HOW = ("plain", "stream")
BARE = ("client-sync", "client-async")
"""For what the faces have no part in, and takes its time."""


# ---------------------------------------------------------------------------- connections


@pytest.mark.parametrize("how", HOW)
def test_closed_port(speaks: Speaks, no_waiting: list[float], free_port: int, how: str) -> None:
    """A closed port raises a connection error after two retries with backoff."""
    speaker = speaks(base_url=f"http://127.0.0.1:{free_port}")
    with pytest.raises(APIConnectionError):
        speaker.either(how)
    assert no_waiting == [0.5, 1.0]


@pytest.mark.parametrize("how", HOW)
def test_closed_without_a_byte(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """The client calls a server that closes at once three times, then raises a connection error."""
    server = serve(lambda peer, _: peer.hang_up())
    with pytest.raises(APIConnectionError):
        speaks(server).either(how)
    assert len(server.requests) == 3


@pytest.mark.parametrize("speaker_name", TELLING)
@pytest.mark.parametrize("how", HOW)
def test_keep_alive_race(speaks: Speaks, serve: Serve, no_waiting: list[float], how: str) -> None:
    """If a reused connection closes under a request, the client tries again at once."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 2:
            peer.hang_up()
        else:
            scripts.well(peer, seen)

    server = serve(script)
    speaker = speaks(server, max_retries=0)
    assert [speaker.either(how) for _ in range(2)] == [TEXT, TEXT]
    assert len(server.requests) == 3
    assert no_waiting == []


def test_idle_connection_that_was_closed(
    speaks: Speaks, serve: Serve, no_waiting: list[float], speaker_name: str
) -> None:
    """A hundred calls succeed, though each finds its connection closed."""

    def script(peer: Peer, seen: Seen) -> None:
        scripts.well(peer, seen)
        peer.hang_up()

    server = serve(script)
    speaker = speaks(server)
    assert {speaker.ask() for _ in range(100)} == {TEXT}
    assert len(server.requests) >= 100
    assert no_waiting == [] or speaker_name not in TELLING


def test_fifty_streams_use_two_connections(speaks: Speaks, serve: Serve) -> None:
    """A stream that is read to its end leaves its connection to the next."""
    server = serve(scripts.well)
    speaker = speaks(server)
    assert {speaker.read() for _ in range(50)} == {TEXT}
    assert server.connections <= 2


@pytest.mark.parametrize(
    "script", [scripts.open_after_done, scripts.ping_after_done, scripts.flood_after_done]
)
def test_socket_held_open_after_done(speaks: Speaks, serve: Serve, script: Script) -> None:
    """`[DONE]` ends the stream in 0.25 s, even if the socket stays open."""
    speaker = speaks(serve(script))
    for _ in range(5):
        began = time.monotonic()
        assert speaker.read() == TEXT
        if time.monotonic() - began < 0.25:
            return
    pytest.fail("Five times it took longer, which no busy machine explains.")


@pytest.mark.parametrize("speaker_name", SIX)  # a user's library keeps what its own sockets read
def test_surplus_bytes_never_answer_the_next_question(
    speaks: Speaks, serve: Serve, no_waiting: list[float]
) -> None:
    """Bytes after an answer never become the answer to the next request."""
    speaker = speaks(serve(scripts.surplus))
    assert all(speaker.ask().startswith("own") for _ in range(5))


LATE = {
    "an answer": scripts.SURPLUS,
    "its head": scripts.SURPLUS.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "half its head": scripts.SURPLUS[:30],
    "junk": b"junk\r\n\r\n",
    "a line end": b"\r\n",
}


@pytest.mark.parametrize("speaker_name", SIX)
@pytest.mark.parametrize("is_read", [True, False], ids=["read", "unread"])
@pytest.mark.parametrize("late", LATE)
def test_surplus_bytes_on_an_idle_connection(
    speaks: Speaks, serve: Serve, no_waiting: list[float], late: str, is_read: bool
) -> None:
    """Bytes between two answers are dropped, whether or not the event loop has read them."""
    may_go_on, sent = threading.Event(), threading.Event()

    def script(peer: Peer, seen: Seen) -> None:
        peer.answer(b'{"response":"own %d"}' % len(peer.server.requests))
        if len(peer.server.requests) == 1:
            may_go_on.wait(WAIT)
            peer.send(LATE[late])
            sent.set()

    server = serve(script)
    speaker = speaks(server)
    assert speaker.ask() == "own 1"
    may_go_on.set()
    assert sent.wait(WAIT)
    if is_read:
        speaker.turn()
    assert [speaker.ask(), speaker.ask()] == ["own 2", "own 3"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("speaker_name", SIX)  # a user's client limits its own connections
def test_many_streams_at_once(speaks: Speaks, serve: Serve) -> None:
    """With the default settings, 150 open streams do not wait for a free connection."""
    gate = threading.Barrier(150)

    def script(peer: Peer, seen: Seen) -> None:
        gate.wait(WAIT)  # until all streams are there
        scripts.well(peer, seen)

    server = serve(script)
    speaker = speaks(server)
    if speaker.is_async:
        assert speaker.gather(150) == [TEXT] * 150
    else:
        with ThreadPoolExecutor(150) as pool:
            assert list(pool.map(lambda _: speaker.read(), range(150))) == [TEXT] * 150


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("status", ["301 Moved", "307 Temporary Redirect", "308 Permanent"])
def test_redirects_are_not_followed(speaks: Speaks, serve: Serve, status: str, how: str) -> None:
    """The client sends the token to no other host."""
    other = serve(scripts.well)
    location = f"location: http://localhost:{other.port}/"
    server = serve(lambda peer, _: peer.answer(b"", status, "text/plain", location))
    with pytest.raises(APIStatusError) as caught:
        speaks(server).either(how)
    assert caught.value.status_code == int(status[:3])
    assert other.requests == []


def test_cookies_are_not_sent_back(speaks: Speaks, serve: Serve) -> None:
    """The client sends no cookie of an answer with the next request."""
    server = serve(lambda peer, _: peer.answer(WHOLE, "200 OK", JSON, "set-cookie: a=1; Path=/"))
    speaker = speaks(server)
    speaker.ask()
    speaker.ask()
    assert [seen.header("cookie") for seen in server.requests] == [None, None]


# -------------------------------------------------------------------- streams that stop early


@pytest.mark.parametrize("cut", CUTS)
def test_cut_stream_is_an_error_that_keeps_the_partial(
    speaks: Speaks, serve: Serve, cut: str
) -> None:
    """However a stream breaks off, the client yields its tokens and raises, without a retry."""
    server = serve(CUTS[cut])
    talk = speaks(server).open()
    assert [next(talk) for _ in range(3)] == list(scripts.TOKENS)
    with pytest.raises((StreamInterruptedError, ResponseError)) as caught:
        list(talk)
    assert isinstance(caught.value, StreamInterruptedError) or cut == "gzip"
    assert caught.value.partial is not None
    assert caught.value.partial.text == TEXT
    assert not caught.value.is_retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["text/html", "text/plain", JSON, SSE])
def test_success_that_is_no_stream(
    speaks: Speaks, serve: Serve, no_waiting: list[float], kind: str
) -> None:
    """The page of a captive portal in reply to a stream request raises."""
    page = b"<html>Please log in</html>"
    speaker = speaks(serve(lambda peer, _: peer.answer(page, "200 OK", kind)))
    with pytest.raises(WorkersAIError) as caught:
        speaker.read()
    assert isinstance(caught.value, (ResponseError, StreamInterruptedError))


@pytest.mark.parametrize("ending", ["end", "hang up"])
def test_finish_reason_without_done_is_success(speaks: Speaks, serve: Serve, ending: str) -> None:
    """A stream with a finish reason is complete without `[DONE]`."""
    last = scripts.event(choices=[{"delta": {"content": "!"}, "finish_reason": "stop"}])

    def script(peer: Peer, seen: Seen) -> None:
        peer.begin()
        peer.chunk(EVENTS[0] + last)
        if ending == "end":
            peer.end()
        peer.hang_up()

    assert speaks(serve(script)).read() == "Hel!"


@pytest.mark.parametrize("how", HOW)
def test_short_body_of_a_plain_answer_is_asked_again(
    speaks: Speaks, serve: Serve, no_waiting: list[float], how: str
) -> None:
    """The client retries a plain answer that breaks off, because it has returned no part of it."""

    def script(peer: Peer, seen: Seen) -> None:
        if len(peer.server.requests) == 1:
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\ncontent-length: 9999\r\n\r\n"
            peer.send(head.encode() + WHOLE)
            peer.hang_up()
        else:
            scripts.well(peer, seen)

    server = serve(script)
    assert speaks(server).either(how) == TEXT
    assert len(server.requests) == 2


# --------------------------------------------------------------------------------- clocks


def read_until_idle(speaker: Speaker) -> float:
    """Read a token and wait for the idle timeout; return how long it took."""
    talk = speaker.open()
    assert next(talk) == scripts.TOKENS[0]
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        next(talk)
    took = time.monotonic() - began
    assert caught.value.phase == "idle"
    assert caught.value.partial is not None
    assert caught.value.partial.text == scripts.TOKENS[0]
    return took


@pytest.mark.parametrize("script", [scripts.stall, scripts.ping])
def test_stall_after_the_first_token(speaks: Speaks, serve: Serve, script: Script) -> None:
    """The idle timeout counts events, not pings, and ends within a tenth more than its seconds.

    The error holds the token, and the connection is closed.
    """
    server = serve(script)
    speaker = speaks(server, timeout=Timeout(idle=0.15))
    for calls in range(1, 11):
        took = read_until_idle(speaker)
        assert took > 0.12
        if script is scripts.stall:
            assert server.gone.wait(0.5)
        assert len(server.requests) == calls
        if took < 0.165:
            return
    pytest.fail("Ten waits took more than a tenth longer than the timeout.")


def test_flood_of_pings(speaks: Speaks, serve: Serve) -> None:
    """The idle timeout ends a stream of comments without a pause."""
    speaker = speaks(serve(scripts.flood), timeout=Timeout(idle=0.15))
    assert any(0.12 < read_until_idle(speaker) < 0.35 for _ in range(5))  # tries for a busy machine


def test_accepted_and_never_answered(speaks: Speaks, serve: Serve, no_waiting: list[float]) -> None:
    """`first_byte` limits each attempt, and all attempts count towards the total."""
    server = serve(scripts.hang)
    speaker = speaks(server, task="embed", timeout=Timeout(first_byte=0.2, total=20), max_retries=1)
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        speaker.embed(["a"])
    assert caught.value.phase == "first_byte"
    assert 0.4 <= time.monotonic() - began < 4
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("script", "how"),
    [
        (scripts.hang, "plain"),
        (scripts.hang, "stream"),
        (scripts.slow_body, "plain"),
    ],
    ids=["hang-plain", "hang-stream", "slow body"],
)
def test_total_is_never_exceeded(speaks: Speaks, serve: Serve, script: Script, how: str) -> None:
    """Whatever the server does, the call ends after `total` seconds."""
    server = serve(script)
    speaker = speaks(server, timeout=0.08)
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        speaker.either(how)
    assert time.monotonic() - began < 2
    assert caught.value.phase == "total"


# A user's sync client limits pauses only, and returns no answer before its whole head.
@pytest.mark.parametrize("speaker_name", [*SIX, *(name for name in OWN if "async" in name)])
def test_total_is_not_exceeded_by_a_slow_head(speaks: Speaks, serve: Serve) -> None:
    """A head that arrives byte by byte does not extend `total`."""
    speaker = speaks(serve(scripts.slow_head), timeout=0.08)
    began = time.monotonic()
    with pytest.raises(APITimeoutError) as caught:
        speaker.read()
    assert time.monotonic() - began < 2
    assert caught.value.phase == "total"


def test_retries_end_before_the_deadline(speaks: Speaks, serve: Serve) -> None:
    """Retries of a busy server, and the last attempt too, end with `total`."""
    server = serve(lambda peer, _: peer.answer(b"{}", "503 Busy"))
    speaker = speaks(server, timeout=0.3, max_retries=100)
    began = time.monotonic()
    with pytest.raises((ServerError, APITimeoutError)):
        speaker.ask()
    assert time.monotonic() - began < 2


ERROR_TIMEOUTS = {"total": Timeout(total=0.15), "first_byte": Timeout(first_byte=0.15)}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("script", "limit"), [(scripts.slow_error, "total"), (scripts.stalled_error, "first_byte")]
)
def test_error_whose_body_never_ends(
    speaks: Speaks, serve: Serve, limit: str, script: Script, how: str
) -> None:
    """The client raises the error of the status soon, although the body does not end."""
    server = serve(script)
    speaker = speaks(server, timeout=ERROR_TIMEOUTS[limit], max_retries=0)
    began = time.monotonic()
    with pytest.raises(ServerError):
        speaker.either(how)
    assert time.monotonic() - began < 2


# ------------------------------------------------------------------- no HTTP, and too much


@pytest.mark.parametrize("speaker_name", SIX)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", NOT_HTTP)
def test_answer_that_is_no_http(speaks: Speaks, serve: Serve, name: str, how: str) -> None:
    """An answer that is not HTTP raises at once, without a retry."""

    def script(peer: Peer, seen: Seen) -> None:
        peer.send(NOT_HTTP[name])
        peer.server.release.wait(0.05)
        peer.hang_up()

    server = serve(script)
    with pytest.raises(ResponseError):
        speaks(server).either(how)
    assert len(server.requests) == 1


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_body_that_is_not_what_its_encoding_says(
    speaks: Speaks, serve: Serve, encoding: str, how: str
) -> None:
    """Bytes that cannot be decompressed raise instead of becoming text."""
    extra = f"content-encoding: {encoding}"
    server = serve(lambda peer, _: peer.answer(WHOLE, "200 OK", JSON, extra))
    with pytest.raises(ResponseError):
        speaks(server).either(how)


def test_compressed_answers_are_read(speaks: Speaks, serve: Serve) -> None:
    """The client reads gzip that it did not ask for, plain or as a stream."""
    speaker = speaks(serve(scripts.compressed(WHOLE)))
    assert speaker.ask() == TEXT
    assert speaks(serve(scripts.compressed(STREAM, SSE))).read() == TEXT


@pytest.mark.parametrize("status", ["502 Bad Gateway", "520 Unknown", "524 Timeout"])
@pytest.mark.parametrize("how", HOW)
def test_page_of_html_with_an_error_status(
    speaks: Speaks, serve: Serve, status: str, how: str
) -> None:
    """A gateway's error page is a retryable server error with a short quote."""
    page = b"<html><head><title>Bad Gateway</title></head>" + b"x" * 9_000
    server = serve(lambda peer, _: peer.answer(page, status, "text/html"))
    with pytest.raises(ServerError, match="Bad Gateway") as caught:
        speaks(server, max_retries=0).either(how)
    assert caught.value.is_retryable
    assert len(caught.value.message) <= 500


def peak_mib() -> float:
    """Return the most memory that this process has had resident, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


BOMBS = {
    "endless body": scripts.endless(),
    "endless error": scripts.endless("500 Error"),
    "endless event": scripts.endless(kind=SSE, piece=b"data: " + b"x" * 65_536),
    "gzip": None,
    "gzip as a stream": None,
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("bomb", BOMBS)
def test_bodies_of_512_mib(speaks: Speaks, serve: Serve, bomb: str, how: str) -> None:
    """They raise a typed error at the limit, with less than 32 MiB more memory."""
    kind = SSE if "stream" in bomb else JSON
    script = BOMBS[bomb] or (
        lambda peer, _: peer.answer(GZIP_BOMB, "200 OK", kind, "content-encoding: gzip")
    )
    speaker = speaks(serve(script), max_retries=0)
    before = peak_mib()
    with pytest.raises(APIStatusError if "error" in bomb else ResponseError):
        speaker.either(how)
    assert peak_mib() - before < 32


TOKEN_OF_64_KIB = scripts.event(response="x" * 65_536)


@pytest.mark.parametrize("speaker_name", [*BARE, *OWN])  # frameworks may keep more of a stream
def test_tokens_of_512_mib(speaks: Speaks, serve: Serve) -> None:
    """A model that does not stop raises a typed error, with less than 32 MiB more memory."""
    talk = speaks(serve(scripts.endless(kind=SSE, piece=TOKEN_OF_64_KIB))).open()
    before = peak_mib()
    with pytest.raises(ResponseError, match="characters") as caught:
        collections.deque(talk, maxlen=0)
    assert caught.value.partial is not None
    assert len(caught.value.partial.text) >= 8 << 20
    assert peak_mib() - before < 32


GZIP_BOMB = scripts.gzip_bomb()


@pytest.mark.parametrize("speaker_name", BARE)
def test_a_million_tiny_events(speaks: Speaks, serve: Serve) -> None:
    """The client reads a million comments in linear time, and yields nothing for them."""
    body = b": tiny\n\n" * 1_000_000 + STREAM
    server = serve(lambda peer, _: peer.answer(body, "200 OK", SSE))
    began = time.monotonic()
    assert speaks(server).read() == TEXT
    assert time.monotonic() - began < 5
