"""Clients and both faces embed texts by the queue of the local server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from langchain_workersai import WorkersAIEmbeddings
from langchain_workersai import WorkersAIError as LangChainError
from llamaindex_workersai import WorkersAIEmbedding
from workersai import AsyncClient, Client, ConfigurationError, OutOfCapacityError, WorkersAIError
from workersai.local import BatchPlay, LocalServer

MODEL = "@cf/baai/bge-small-en-v1.5"
TEXTS = [f"text number {n}" for n in range(250)]
FACES = [WorkersAIEmbeddings, WorkersAIEmbedding]
Serve = Callable[..., dict[str, Any]]


@pytest.fixture
def serve(loopback: None) -> Iterator[Serve]:
    """Start a local server and return the settings of its clients."""
    with ExitStack() as stack:

        def start(**play: Any) -> dict[str, Any]:
            server = stack.enter_context(LocalServer(batches=BatchPlay(**play)))
            return {
                "account_id": server.account_id,
                "api_token": server.api_token,
                "base_url": server.base_url,
            }

        yield start


async def queued(face: Any, texts: list[str], style: str, *, by_id: bool = False) -> list[Any]:
    found: list[Any]
    if style == "async":
        job = await face.asubmit_batch(texts)
        found = await face.abatch_results(job.request_id if by_id else job, interval=0.001)
        return found
    job = await asyncio.to_thread(face.submit_batch, texts)
    batch = job.request_id if by_id else job
    found = await asyncio.to_thread(face.batch_results, batch, interval=0.001)
    return found


@pytest.mark.parametrize("style", ["sync", "async"])
@pytest.mark.parametrize("make", FACES)
async def test_the_queue_returns_the_vectors_in_order(serve: Serve, make: Any, style: str) -> None:
    """Both faces fetch a batch's vectors by its id, in the order of the texts."""
    face = make(MODEL, **serve())
    found = await queued(face, TEXTS, style, by_id=True)
    assert found == [vector async for vector in face.aembed_iter(TEXTS)]


@pytest.mark.parametrize("make", FACES)
async def test_the_texts_of_a_failed_request_get_its_error(serve: Serve, make: Any) -> None:
    """Both faces return the error for the 100 texts of a failed request, and the other vectors."""
    found = await queued(make(MODEL, **serve(fails_every=2)), TEXTS, "sync", by_id=True)
    failed = [place for place, item in enumerate(found) if isinstance(item, WorkersAIError)]
    assert failed == list(range(100, 200))
    assert all(isinstance(found[place], OutOfCapacityError) for place in failed)
    assert make is WorkersAIEmbedding or isinstance(found[100], LangChainError)


@pytest.mark.parametrize("make", FACES)
def test_a_blank_text_is_refused_before_any_request(make: Any) -> None:
    """Both faces raise an error with the index of a blank text, and send no request."""
    face = make(MODEL, account_id="0" * 32, api_token="t", base_url="http://127.0.0.1:9/v4")
    with pytest.raises(ConfigurationError, match=r"texts\[1\]"):
        face.submit_batch(["a", " "])


async def test_submit_texts_divides_texts_into_requests(serve: Serve) -> None:
    """`submit_texts` of both clients divides texts into requests of `batch_size`."""
    own = serve(queued=0, running=0)
    async with AsyncClient(MODEL, **own) as client:
        job = await client.batches.submit_texts(TEXTS, batch_size=90)
        assert job.references == ("0:90", "90:90", "180:70")
        done = await client.batches.wait(job)
        assert len(done.vectors) == len(TEXTS)
    with Client(MODEL, **own) as sync:
        again = sync.batches.submit_texts(TEXTS[:3])
        assert sync.batches.wait(again).vectors == done.vectors[:3]
