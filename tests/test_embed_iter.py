"""Texts without an end through both faces: `embed_iter`, and lists that are embedded ahead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent
from llama_index_instrumentation import get_dispatcher

from langchain_workersai import ConfigurationError as LangChainConfigurationError
from langchain_workersai import WorkersAIEmbeddings
from llamaindex_workersai import WorkersAIEmbedding
from tests.test_symmetry_of_retrieval import BGE_M3, Server
from workersai import ConfigurationError, NotEmbedded

FACES = [WorkersAIEmbeddings, WorkersAIEmbedding]
STYLES = ["sync", "async"]


def many(taken: list[int]) -> Iterator[str]:
    for number in range(100_000):
        taken.append(number)
        yield f"text {number}"


async def read(
    face: Any, style: str, texts: Any, most: int | None = None, **options: Any
) -> list[Any]:
    found: list[Any] = []
    if style == "sync":
        run = face.embed_iter(texts, **options)
        for item in run:
            found.append(item)
            if len(found) == most:
                break
        run.close()
        return found
    run = face.aembed_iter(texts, **options)
    async for item in run:
        found.append(item)
        if len(found) == most:
            break
    await run.aclose()
    return found


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", FACES)
async def test_a_run_reads_no_more_than_its_window(make: Any, style: str) -> None:
    """Both faces embed an endless source in order, and hold a window of it."""
    taken: list[int] = []
    face = make(BGE_M3, max_concurrency=2, **Server().settings())
    found = await read(face, style, many(taken), 150)
    assert found == [[float(len(f"text {number}"))] for number in range(150)]
    assert len(taken) <= 150 + 400 + 100


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("make", FACES)
async def test_a_run_names_what_it_skips(make: Any, style: str) -> None:
    """With `skip`, a blank text has an item with its position in the place of a vector."""
    face = make(BGE_M3, **Server().settings())
    found = await read(face, style, ["a", " ", "ccc"], on_error="skip")
    assert found[0] == [1.0]
    assert found[2] == [3.0]
    assert isinstance(found[1], NotEmbedded)
    assert found[1].position == 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (WorkersAIEmbeddings, LangChainConfigurationError),
        (WorkersAIEmbedding, ConfigurationError),
    ],
)
async def test_a_run_raises_its_frameworks_errors(make: Any, style: str, expected: Any) -> None:
    """A blank text raises what the face's other methods raise, with its position."""
    face = make(BGE_M3, **Server().settings())
    with pytest.raises(expected, match=r"texts\[1\]"):
        await read(face, style, ["a", " "])


@pytest.mark.parametrize("make", FACES)
async def test_texts_may_come_from_an_asynchronous_source(make: Any) -> None:
    """`aembed_iter` reads an asynchronous generator."""

    async def texts() -> AsyncIterator[str]:
        for number in range(5):
            yield "x" * (number + 1)

    face = make(BGE_M3, **Server().settings())
    assert await read(face, "async", texts()) == [[float(n + 1)] for n in range(5)]


class Ends(BaseEventHandler):
    """Keeps how many texts each event of LlamaIndex has."""

    sizes: list[int] = []  # noqa: RUF012 - a field of pydantic

    def handle(self, event: Any, **_: Any) -> None:
        if isinstance(event, EmbeddingEndEvent):
            assert [len(text) for text in event.chunks] == [v[0] for v in event.embeddings]
            self.sizes.append(len(event.chunks))


@pytest.mark.parametrize("limit", [None, "cache"])
def test_llamaindex_batches_keep_their_events(limit: str | None) -> None:
    """A list that is embedded ahead has the events of its batches, each with its own vectors."""
    handler = Ends()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(handler)
    texts = ["x" * (1 + n % 7) for n in range(25)]
    settings = Server().settings()
    if limit == "cache":
        from llama_index.core.storage.kvstore import SimpleKVStore

        settings["embeddings_cache"] = SimpleKVStore()
    try:
        face = WorkersAIEmbedding(BGE_M3, embed_batch_size=10, **settings)
        found = face.get_text_embedding_batch(texts)
    finally:
        dispatcher.event_handlers.remove(handler)
    assert found == [[float(len(text))] for text in texts]
    assert handler.sizes == [10, 10, 5]
