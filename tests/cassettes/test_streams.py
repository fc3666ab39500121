"""Recorded streams, cut at random: vcrpy replays a stream as one piece."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cassettes.format import (
    CASSETTES,
    Interaction,
    read,
)
from workersai._stream.reader import open_reader
from workersai._stream.sse import SSEDecoder
from workersai._wire import Request as WireRequest

FILES = sorted(CASSETTES.rglob("*.yaml"))


def streams() -> list[Any]:
    return [
        pytest.param(entry, id=f"{path.relative_to(CASSETTES).with_suffix('')}-{place}")
        for path in FILES
        for place, entry in enumerate(read(path).interactions)
        if entry.is_stream
    ]


def cut(body: bytes, seed: int) -> Iterator[bytes]:
    """Cut the bytes into pieces of random lengths, some empty; seed 0 cuts at every byte."""
    if seed == 0:
        yield from (body[place : place + 1] for place in range(len(body)))
        return
    lengths = random.Random(seed)
    while body:
        length = lengths.choice((0, 1, 2, 3, 7, 40, 300))
        yield body[:length]
        body = body[length:]


def data_of(pieces: Iterator[bytes]) -> list[bytes]:
    decoder = SSEDecoder()
    return [data for piece in pieces for data in decoder.feed(piece)] + decoder.close()


def events_of(entry: Interaction, pieces: Iterator[bytes]) -> list[Any]:
    body = json.loads(entry.request.body)
    names = [tool["function"]["name"] for tool in body.get("tools", ())]
    request = WireRequest(
        entry.uri,
        entry.request.body,
        model="@cf/any/model",
        stream=True,
        tools={n: n for n in names},
    )
    reader = open_reader(request, entry.answer.headers)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.close()


@pytest.mark.parametrize("entry", streams())
def test_a_recorded_stream_reads_the_same_in_any_pieces(entry: Interaction) -> None:
    """A stream gives the same events whole, byte by byte and in random pieces."""
    body = entry.answer.body
    data, events = data_of(iter([body])), events_of(entry, iter([body]))

    assert len(data) == body.count(b"data: ")
    for seed in range(6):
        assert data_of(cut(body, seed)) == data
        assert events_of(entry, cut(body, seed)) == events
