"""HTTP chunks that one read brought are joined, and nothing else is changed."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workersai._http.frames import ChunkJoiner

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
PAYLOADS = st.lists(st.binary(min_size=1, max_size=300), max_size=20)


def chunked(payloads: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(payload), payload) for payload in payloads)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} - {0, len(data)})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


def joined(reads: list[bytes]) -> list[bytes]:
    joiner = ChunkJoiner()
    first, *others = reads
    return [joiner.begin(first), *(joiner.feed(read) for read in others)]


def parsed(reads: list[bytes]) -> tuple[bytes, str]:
    """What an HTTP parser makes of an answer: its body, and how it ended."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="POST", target="/", headers=[("host", "test")]))
    parser.send(h11.EndOfMessage())
    body = b""
    try:
        for read in [*filter(None, reads), b""]:
            parser.receive_data(read)
            while (event := parser.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return body, f"whole, trailers {event.headers.raw_items()}"
    except h11.RemoteProtocolError:
        return body, "broken"
    return body, "cut"


def test_chunks_of_one_read_become_one() -> None:
    """Chunks that came whole in one read leave as one."""
    assert joined([HEAD + chunked([b"one", b"two"]), chunked([b"three", b"four", b"five"])]) == [
        HEAD + chunked([b"onetwo"]),
        chunked([b"threefourfive"]),
    ]


@given(payloads=PAYLOADS, places=st.lists(st.integers(0, 10_000), max_size=8))
@example(payloads=[b"x" * 16, b"y"], places=[len(HEAD) + 1, len(HEAD) + 3])
def test_parser_reads_the_same_wherever_reads_end(payloads: list[bytes], places: list[int]) -> None:
    """However the network cuts an answer, its body is what the server sent, and it ends whole."""
    reads = cut(HEAD + chunked(payloads) + b"0\r\n\r\n", places)
    assert parsed(joined(reads)) == parsed(reads) == (b"".join(payloads), "whole, trailers []")


@given(
    payloads=PAYLOADS,
    places=st.lists(st.integers(0, 10_000), max_size=8),
    spoiled=st.integers(0, 10_000),
    by=st.binary(max_size=3),
)
def test_broken_chunks_are_the_parser_s_to_judge(
    payloads: list[bytes], places: list[int], spoiled: int, by: bytes
) -> None:
    """Bytes that are no chunks reach the parser: it says of them what it says without joining."""
    body = chunked(payloads) + b"0\r\n\r\n"
    spoiled %= len(body)
    reads = cut(HEAD + body[:spoiled] + by + body[spoiled + 1 :], places)
    assert parsed(joined(reads)) == parsed(reads)


@pytest.mark.parametrize(
    "odd",
    [
        b"3;name=value\r\none\r\n3\r\ntwo\r\n",
        b"0x3\r\none\r\n3\r\ntwo\r\n",
        b"+3\r\none\r\n3\r\ntwo\r\n",
        b"3 \r\none\r\n3\r\ntwo\r\n",
        b"000000000003\r\none\r\n3\r\ntwo\r\n",
        b"3\none\n3\ntwo\n",
        b"\r\n3\r\none\r\n3\r\ntwo\r\n",
        b"0\r\nname: value\r\n\r\n",
    ],
)
def test_odd_chunks_stay_as_they_are(odd: bytes) -> None:
    """From the first chunk that is not a plain one, everything goes through untouched."""
    plain = chunked([b"a", b"b"])
    assert joined([HEAD + plain + odd, plain]) == [HEAD + chunked([b"ab"]) + odd, plain]


def test_beginning_of_a_chunk_is_not_held_back() -> None:
    """What has come of a chunk that is long under way is handed on at once."""
    chunk = chunked([b"a" * 1000])
    assert joined([HEAD, chunk[:100], chunk[100:500]]) == [HEAD, chunk[:100], chunk[100:500]]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: transfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 90\n\n\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)
def test_other_answers_stay_as_they_are(head: bytes) -> None:
    """Only the body of a plain chunked answer is joined: others can hold the same bytes as text."""
    text = chunked([b"a", b"b"])
    assert joined([head + text, text]) == [head + text, text]


def test_a_head_that_is_cut_is_not_taken_for_chunks() -> None:
    """What looks like chunks may be the rest of the head and what the body says."""
    begun = HEAD.removesuffix(b"\r\n") + b"age: "
    body = b"\r\n" + chunked([b"as text:\r\n" + chunked([b"a", b"b"])])
    rest = b"%x\r\n" % body.index(b"\r\n1\r\n") + body
    assert joined([begun, rest]) == [begun, rest]


def test_each_answer_of_a_connection_begins_anew() -> None:
    """What one answer left unfinished says nothing about the next on its connection."""
    joiner = ChunkJoiner()
    joiner.begin(HEAD + b"64\r\nbegun")
    answer = HEAD + chunked([b"one", b"two"])
    assert joiner.begin(answer) == HEAD + chunked([b"onetwo"])
    plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
    assert joiner.begin(plain) == plain
    assert joiner.feed(b"ok") == b"ok"
