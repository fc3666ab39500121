"""Bytes of a stream are read into server-sent events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workersai import ResponseError
from workersai._stream.sse import ErrorData, SSEDecoder


def decode(*chunks: bytes) -> list[bytes]:
    decoder = SSEDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return [*events, *decoder.close()]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        pytest.param(b"data: a\n\ndata: b\n\n", [b"a", b"b"], id="two events"),
        pytest.param(b"data:a\n\n", [b"a"], id="no space"),
        pytest.param(b"data:  a\n\n", [b" a"], id="one space is cut"),
        pytest.param(b"data: a\ndata: b\n\n", [b"a\nb"], id="lines are joined"),
        pytest.param(b"data: a", [b"a"], id="no line end"),
        pytest.param(b"data: a\n", [b"a"], id="no blank line"),
        pytest.param(b": ping\n\n: ping\n\ndata: a\n\n", [b"a"], id="comments"),
        pytest.param(b"event: x\nid: 1\nretry: 5\nfoo: 1\nfoo\ndata: a\n\n", [b"a"], id="fields"),
        pytest.param(b"\n\n\ndata: a\n\n\n\n", [b"a"], id="blank lines"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", [b"a"], id="byte order mark"),
        pytest.param(b"\xef\xbb\xbfdata: a", [b"a"], id="byte order mark alone"),
        pytest.param(b"data: a\n\n[DONE]\n", [b"a", b"[DONE]"], id="bare done"),
        pytest.param(b"data: a\n\n[DONE]", [b"a", b"[DONE]"], id="bare done, no line end"),
        pytest.param(b'{"a":1}\n\n', [b'{"a":1}'], id="bare JSON"),
        pytest.param(b"data: a\ndata: [DONE]\n", [b"a", b"[DONE]"], id="no blank line before done"),
        pytest.param(b"data: \xe2\x80\xa8\xc2\x85\n\n", [b"\xe2\x80\xa8\xc2\x85"], id="U+2028"),
        pytest.param(b"data: \x0b\x0c\x1c\n\n", [b"\x0b\x0c\x1c"], id="other separators"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_the_format(body: bytes, events: list[bytes]) -> None:
    """Lines end in LF, CR or CRLF, and the data lines of one event are joined."""
    assert decode(body) == events
    assert decode(body.replace(b"\n", b"\r\n")) == events
    assert decode(body.replace(b"\n", b"\r")) == events


@given(st.data())
def test_cuts_change_nothing(data: st.DataObject) -> None:
    """The events do not depend on where the network cuts the bytes, with any line ends."""
    pieces = st.sampled_from([b"data: a", b"data", b":", b" ", b"[DONE]", b"{", b"\xef\xbb\xbf"])
    pieces |= st.sampled_from([b"event: error", b"event:", b"event: x"])
    ends = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r", b""])
    body = b"".join(
        piece + end for piece, end in data.draw(st.lists(st.tuples(pieces, ends), max_size=12))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert marked(*chunks) == marked(body) == marked(*(body[i : i + 1] for i in range(len(body))))


def marked(*chunks: bytes) -> list[tuple[bytes, bool]]:
    """Return the events, and whether each is an error."""
    return [(bytes(event), isinstance(event, ErrorData)) for event in decode(*chunks)]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"event: error\ndata: a\n\ndata: b\n\n", [(b"a", True), (b"b", False)]),
        (b"event:error\ndata: a\n\n", [(b"a", True)]),
        (b"event: ERROR \ndata: a\n\n", [(b"a", True)]),
        (b"data: a\nevent: error\n\n", [(b"a", True)]),
        (b"event: error\ndata: a\ndata: b\n\n", [(b"a\nb", True)]),
        (b"event: error\n\ndata: a\n\n", [(b"", True), (b"a", False)]),
        (b"event: error", [(b"", True)]),
        (b"event: error\ndata: [DONE]\n\n", [(b"", True)]),
        (b"event: error\n{\n\n", [(b"{", True)]),
        (b"event: error\nevent: message\ndata: a\n\n", [(b"a", False)]),
        (b"event: errors\ndata: a\n\n", [(b"a", False)]),
        (b"event\ndata: error\n\n", [(b"error", False)]),
        (b": event: error\ndata: a\n\n", [(b"a", False)]),
    ],
)
def test_an_error_event(body: bytes, events: list[tuple[bytes, bool]]) -> None:
    """`event: error` marks its own event, before or after the data, cut anywhere."""
    assert marked(body) == events
    assert marked(*(body[i : i + 1] for i in range(len(body)))) == events
    assert marked(*body.splitlines(keepends=True)) == events


MIB = 1 << 20


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b"data: " + b"x" * (MIB + 1)], id="one chunk"),
        pytest.param([b"data: " + b"x" * (MIB + 1) + b"\n\n"], id="one whole event"),
        pytest.param([b"x" * 65_536] * 20, id="a line without an end"),
        pytest.param([b"data: " + b"x" * 65_536 + b"\n"] * 20, id="lines without a blank one"),
        pytest.param([b"data: x\n" * 200_000], id="tiny lines without a blank one"),
        pytest.param([b"{" * 65_536 + b"\n"] * 20, id="bare lines without a blank one"),
    ],
)
def test_an_endless_event_is_refused(chunks: list[bytes]) -> None:
    """An event above 1 MiB raises before it fills the memory."""
    with pytest.raises(ResponseError, match="larger than 1048576 bytes"):
        decode(*chunks)


def test_many_events_in_one_chunk_are_no_large_event() -> None:
    """The limit applies to one event, not to the bytes of one read."""
    assert len(SSEDecoder().feed(b"data: x\n\n" * 200_000)) == 200_000


def test_an_event_of_a_megabyte_in_small_chunks_takes_linear_time() -> None:
    """The reader joins the pieces of a long line once."""
    decoder = SSEDecoder()
    for _ in range(100_000):
        assert decoder.feed(b"0123456789") == []
    assert len(decoder.feed(b"\ndata: end\n\n")) == 1


def test_byte_order_mark_counts_at_the_start_alone() -> None:
    """The reader drops a byte order mark at the start of the stream only."""
    assert decode(b"data: a\n\n", b"\xef\xbb\xbfdata: b\n\n") == [b"a"]
    assert decode(b"data: a\n\n\xef\xbb\xbfdata: b\n\n") == [b"a"]
